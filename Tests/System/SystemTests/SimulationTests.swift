import Foundation
import Simulation
import Testing

/// The whole platform in virtual time, with faults drawn from a seed and every outcome held against the model.
@Suite("Simulation")
struct SimulationTests {
    @Test(arguments: 1...200)
    func `P1 nothing is lost, doubled or reordered, whatever fails`(_ seed: Int) {
        let report = Run(RunOptions(seed: UInt64(seed))).report()
        #expect(report.violations == [], "\(report.complaint)")
    }

    /// Each found a defect once. What it was is in the message of the commit that mended it.
    static let regressions: [UInt64] = [
        6, 13, 16, 18, 19, 27, 208, 343, 100_996, 101_253, 101_514, 203_417, 301_553, 404_358, 501_009,
        600_089, 700_770,
    ]

    @Test(arguments: regressions)
    func `a seed that failed once passes, and takes the same course each time`(_ seed: UInt64) {
        let first = Run(RunOptions(seed: seed)).report()
        let second = Run(RunOptions(seed: seed)).report()
        #expect(first.violations == [], "\(first.complaint)")
        #expect(first.digest == second.digest)
        #expect(first.struck == second.struck)
    }

    @Test func `a fault plan is shrunk to what is needed to fail`() throws {
        var options = RunOptions(seed: 2)
        options.mutation = .worker("unknownOutcome")
        let failing = Run(options).report()
        let promise = try #require(failing.violations.first?.invariant)
        let shrunk = Shrinker.shrink(failing) { _ in }
        #expect(shrunk.report.violations.first?.invariant == promise)
        #expect(shrunk.report.faultCount < failing.faultCount)
        #expect(shrunk.report.faultCount <= 5)
    }
}

/// The proof that the simulation can fail: each safeguard left out is noticed. In a process of its own, because
/// a service whose safeguard is missing may also end in one of its own preconditions, which counts as noticed.
@Suite("Safeguards")
struct SafeguardTests {
    @Test(arguments: MutationCase.all.map(\.name))
    func `a safeguard that is missing is found`(_ name: String) throws {
        let run = try SimulateRun(["--mutations", "--only", name])
        #expect(run.isTrapped || run.status == 0, "\(run.output)")
    }

    /// Another process hashes with another seed: nothing that is iterated may depend on it.
    @Test func `a seed takes the same course in every process`() throws {
        let digest = String(Run(RunOptions(seed: 3)).report().digest, radix: 16)
        let run = try SimulateRun(["--seed", "3"])
        #expect(run.output.contains("digest \(digest)"), "\(digest) is not in: \(run.output)")
    }
}

/// One run of the command `simulate`, which lies beside the test bundle.
private struct SimulateRun {
    let output: String
    let status: Int32
    let isTrapped: Bool

    init(_ arguments: [String]) throws {
        let bundle = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        let process = Process()
        process.executableURL = bundle.deletingLastPathComponent().appendingPathComponent("simulate")
        process.arguments = arguments
        // A trap is expected here and there, and its report takes longer than the run.
        process.environment = ["SWIFT_BACKTRACE": "enable=no"]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        output = String(decoding: data, as: UTF8.self)
        status = process.terminationStatus
        isTrapped = process.terminationReason == .uncaughtSignal
    }
}

extension RunReport {
    fileprivate var complaint: String {
        "simulate --seed \(options.seed)\n" + violations.prefix(3).map(\.description).joined(separator: "\n")
    }
}
