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
    static let regressions: [UInt64] = [6, 13, 16, 18, 19, 27, 208, 343]

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

/// The proof that the simulation can fail: each safeguard left out is noticed.
@Suite("Safeguards")
struct SafeguardTests {
    @Test(arguments: MutationCase.all)
    func `a safeguard that is missing is found`(_ item: MutationCase) {
        #expect(item.run().found != nil, "\(item.name): none of \(item.seeds) seeds noticed")
    }
}

extension RunReport {
    fileprivate var complaint: String {
        "simulate --seed \(options.seed)\n" + violations.prefix(3).map(\.description).joined(separator: "\n")
    }
}
