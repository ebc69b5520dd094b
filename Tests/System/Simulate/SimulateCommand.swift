// The command's options, and what it prints: a JSON line for every seed with --json, a few lines for people
// without.

import Foundation
import Simulation

/// What is wrong with the arguments.
struct UsageFailure: Error, CustomStringConvertible {
    let description: String
}

struct SimulateCommand {
    static let help = """
        simulate: runs the whole platform over a simulated Kafka, with faults drawn from a seed.

          --seed N          runs one seed and tells how it went; twice, and compares the two
          --topic NOUN      ... and lists what lies on a topic after it, for example awards
          --shrink          makes the fault plan of a failing seed as small as it can
          --kinds A,B       only these kinds of faults strike
          --faults N        only the first N faults strike
          --without A,B     not these faults, by number
          --from N          runs the seeds from N on ...
          --every N         ... each Nth of them (1) ...
          --seeds N         ... at most so many ...
          --minutes M       ... and for no longer than this
          --mutations       leaves out one safeguard after the other and tells which seed notices
          --only TEXT       ... those whose name contains it
          --json            a JSON object on a line for every seed

        Exit codes: 0 no promise was broken, 1 one was, 2 wrong arguments.
        """

    private var options = RunOptions(seed: 1)
    private var isSingle = false
    private var shrinks = false
    private var isJSON = false
    private var isHelp = false
    private var mutates = false
    private var only = ""
    private var topics: [String] = []
    private var first: UInt64 = 1
    private var every: UInt64 = 1
    private var seeds = 200
    private var minutes: Double?

    init(_ arguments: ArraySlice<String>) throws(UsageFailure) {
        var rest = arguments
        while let name = rest.popFirst() {
            switch name {
            case "--help": isHelp = true
            case "--json": isJSON = true
            case "--shrink": shrinks = true
            case "--topic": topics.append(rest.popFirst() ?? "")
            case "--mutations": mutates = true
            case "--only": only = rest.popFirst() ?? ""
            case "--seed":
                options.seed = try number(name, rest.popFirst())
                isSingle = true
            case "--from": first = try number(name, rest.popFirst())
            case "--every": every = max(1, try number(name, rest.popFirst()))
            case "--seeds": seeds = Int(try number(name, rest.popFirst()))
            case "--minutes": minutes = Double(try number(name, rest.popFirst()))
            case "--faults": options.filter.count = Int(try number(name, rest.popFirst()))
            case "--kinds": options.filter.kinds = try kinds(rest.popFirst())
            case "--without":
                for part in (rest.popFirst() ?? "").split(separator: ",") {
                    options.filter.except.insert(Int(try number(name, String(part))))
                }
            default: throw UsageFailure(description: "\(name) is not an option")
            }
        }
    }

    private func number(_ name: String, _ text: String?) throws(UsageFailure) -> UInt64 {
        guard let number = text.flatMap(UInt64.init), number <= UInt64(Int32.max) else {
            throw UsageFailure(description: "\(name) needs a number")
        }
        return number
    }

    private func kinds(_ text: String?) throws(UsageFailure) -> Set<FaultKind> {
        var kinds: Set<FaultKind> = []
        for part in (text ?? "").split(separator: ",") {
            guard let kind = FaultKind(rawValue: String(part)) else {
                throw UsageFailure(description: "\(part) is no kind of fault")
            }
            kinds.insert(kind)
        }
        return kinds
    }

    func run() -> Int32 {
        if isHelp {
            print(Self.help)
            return 0
        }
        if mutates { return runMutations() }
        return isSingle ? runOne() : runMany()
    }

    // MARK: Safeguards left out

    private func runMutations() -> Int32 {
        var missed = 0
        for item in MutationCase.all where only.isEmpty || item.name.contains(only) {
            let result = item.run()
            if let found = result.found {
                print("\(item.name): seed \(found.seed): \(String(found.violation.description.prefix(160)))")
            } else {
                print("\(item.name): NOT FOUND within \(item.seeds) seeds")
                missed += 1
            }
            fflush(nil)
        }
        return missed == 0 ? 0 : 1
    }

    // MARK: One seed

    private func runOne() -> Int32 {
        let first = Run(options)
        let report = first.report()
        for topic in topics { print(first.listing(of: topic).joined(separator: "\n")) }
        let again = Run(options).report()
        print(report.summary)
        if again.digest != report.digest {
            print("NOT REPEATABLE: a second run of the same seed took another course")
            return 1
        }
        guard !report.violations.isEmpty else { return 0 }
        print(report.explanation)
        guard shrinks else { return 1 }
        let shrunk = Shrinker.shrink(report) { print("smaller: \($0.faultCount) faults") }
        print("after \(shrunk.runs) runs:")
        print(shrunk.report.summary)
        print(shrunk.report.explanation)
        return 1
    }

    // MARK: Many seeds

    private func runMany() -> Int32 {
        let began = Date()
        var failed = 0
        var seed = first
        for _ in 0..<seeds {
            if let minutes, Date().timeIntervalSince(began) > minutes * 60 { break }
            let report = Run(RunOptions(seed: seed)).report()
            if isJSON { print(report.json) } else if !report.violations.isEmpty { print(report.summary) }
            fflush(nil)
            if !report.violations.isEmpty { failed += 1 }
            seed += every
        }
        if !isJSON { print(failed == 0 ? "no promise was broken" : "\(failed) seeds failed") }
        return failed == 0 ? 0 : 1
    }
}

extension RunReport {
    /// The command that repeats the run.
    var command: String {
        let filter = options.filter.description
        return "simulate --seed \(options.seed)\(filter.isEmpty ? "" : " " + filter)"
    }

    var summary: String {
        let faults = struck.sorted { $0.key < $1.key }.map { "\($0.key.rawValue)=\($0.value)" }
        let hours = String(format: "%.1f", Double(virtualMilliseconds) / 3_600_000)
        var lines = [
            "seed \(options.seed): \(violations.isEmpty ? "ok" : "FAILED"), \(events) records, \(steps) turns, "
                + "\(hours) virtual hours, digest \(String(digest, radix: 16)), \(faultCount) faults",
            "  rates: \(rates)", "  struck: \(faults.joined(separator: " "))",
        ]
        for violation in violations.prefix(10) { lines.append("  broken: \(violation)") }
        if !violations.isEmpty { lines.append("  repeat: \(command)") }
        return lines.joined(separator: "\n")
    }

    var explanation: String {
        var lines = ["the last faults:"] + newestFaults.suffix(60)
        lines += ["the last requests:"] + requests.suffix(40).map { $0.description }
        lines += ["the last log lines:"] + log.suffix(40)
        lines += ["the last events:"] + newestEvents.suffix(60)
        return lines.joined(separator: "\n  ")
    }

    var json: String {
        let object: [String: Any] = [
            "seed": options.seed, "digest": String(digest, radix: 16), "records": events, "turns": steps,
            "virtualMilliseconds": virtualMilliseconds,
            "faults": Dictionary(uniqueKeysWithValues: struck.map { ($0.key.rawValue, $0.value) }),
            "violations": violations.prefix(10).map(\.description), "command": command,
        ]
        do {
            let data = try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys])
            return String(decoding: data, as: UTF8.self)
        } catch {
            preconditionFailure("the report has only texts and numbers: \(error)")
        }
    }
}
