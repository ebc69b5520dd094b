// The HTTP door in simulated runs: clients meet every kind of answer, and each check of what they were told
// reports a history that was tampered with.

import EventLog
import Messages
import Primitives
import Testing

@testable import SimulatedLog
@testable import Simulation

@Suite struct `The door in a run` {
    /// Enough that every answer is met, however the rates are drawn.
    private static let seeds: ClosedRange<UInt64> = 1...20

    private static func run(_ seed: UInt64, _ kinds: Set<FaultKind>) -> (Run, RunReport) {
        var options = RunOptions(seed: seed)
        options.filter.kinds = kinds
        let run = Run(options)
        return (run, run.report())
    }

    @Test func `clients meet every answer of the API, and break nothing`() {
        var met: Set<String> = []
        for seed in Self.seeds {
            let (_, report) = Self.run(seed, [.duplicateRequest, .clientGivesUp, .doorAnswerLate])
            #expect(report.violations.isEmpty, "seed \(seed)")
            for exchange in report.requests { met.insert(exchange.kind) }
        }
        let due = [
            "POST events 200", "POST events 200 replayed", "POST events 202", "POST events 403 inactive-source",
            "POST events 409 in-flight", "POST events 422 key-reuse", "POST events 422 too-old",
            "POST events 422 future-event", "POST reward-issues 200", "POST reward-issues 200 replayed",
            "POST reward-issues 202", "POST reward-issues 422 insufficient-balance", "POST wallets 200",
            "POST wallets 201", "GET balance 200", "GET balance 404 unknown-wallet", "GET transactions 200",
            "GET wallets 200", "GET events 200", "GET events 404 unknown-event", "POST events 400 key-required",
            "POST events 400 invalid-json", "POST events 401 unauthorized", "POST events 403 forbidden",
            "POST events 415 unsupported-media-type", "PUT events 405 method-not-allowed", "GET events 404 not-found",
            "GET transactions 400 parameter-invalid", "POST events 503 too-many-waits", "POST events no answer",
        ]
        for kind in due { #expect(met.contains(kind), "\(kind)") }
        if !Set(due).isSubset(of: met) { print(met.sorted().joined(separator: "\n")) }
    }

    // MARK: Tampered histories

    /// A run without faults, with enough in it for every test.
    private static let honest: Evidence = {
        let (run, report) = run(4, [])
        precondition(report.violations.isEmpty, "the honest history is honest")
        return run.evidence(isSettled: true)
    }()

    private func expect(
        _ invariant: Invariant, after tampering: (inout Evidence) throws -> Void,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        var evidence = Self.honest
        #expect(violations(in: evidence).isEmpty, sourceLocation: sourceLocation)
        try tampering(&evidence)
        let found = Set(violations(in: evidence).map(\.invariant))
        #expect(found.contains(invariant.rawValue), "found \(found.sorted())", sourceLocation: sourceLocation)
    }

    private func index(
        in evidence: Evidence, where isMeant: (HTTPExchange) -> Bool,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Int {
        try #require(evidence.requests.firstIndex(where: isMeant), sourceLocation: sourceLocation)
    }

    @Test func `a success that is not in the log`() throws {
        try expect(.answerKept) { evidence in
            let one = try index(in: evidence) { $0.status == 401 }
            evidence.requests[one].status = 202
        }
    }

    @Test func `an accepted event that was never decided`() throws {
        try expect(.answerKept) { evidence in
            let one = try index(in: evidence) { $0.status == 202 && $0.subject.event != nil }
            let event = evidence.requests[one].subject.event
            for topic in [TopicID.customerEvents, .rewardRequests] {
                evidence.change(topic) { record in
                    ModelRecord(topic, PartitionIndex(0), record).event == event ? nil : record
                }
            }
        }
    }

    @Test func `a refusal that has an effect`() throws {
        try expect(.refusalHarmless) { evidence in
            let one = try index(in: evidence) { $0.status == 202 }
            evidence.requests[one].status = 400
        }
    }

    @Test func `an answer that differs from the outcome`() throws {
        try expect(.answerTrue) { evidence in
            let one = try index(in: evidence) { $0.status == 200 && $0.subject.event != nil }
            evidence.requests[one].answer.append(0x20)
        }
    }

    @Test func `an answer to somebody else's question`() throws {
        try expect(.answerTrue) { evidence in
            let one = try index(in: evidence) { $0.status == 200 && $0.subject.isBalance }
            let other = try index(in: evidence) {
                $0.status == 200 && $0.subject.isBalance && $0.answer != evidence.requests[one].answer
            }
            evidence.requests[one].answer = evidence.requests[other].answer
        }
    }

    @Test func `a status that is not the outcome's`() throws {
        try expect(.answerTrue) { evidence in
            let one = try index(in: evidence) { $0.status == 200 && $0.subject.isBalance }
            evidence.requests[one].status = 404
        }
    }

    @Test func `a server that answers for its door`() throws {
        try expect(.answeredInTime) { evidence in
            let one = try index(in: evidence) { $0.status == 200 }
            evidence.requests[one].status = 504
        }
        try expect(.answerTrue) { evidence in
            let one = try index(in: evidence) { $0.status == 200 }
            evidence.requests[one].status = 500
        }
    }

    @Test func `a repeat that is told as new`() throws {
        try expect(.repeatAnswered) { evidence in
            let one = try index(in: evidence) { $0.status == 200 && $0.isReplayed }
            evidence.requests[one].isReplayed = false
        }
    }

    @Test func `a repeat with another outcome, in the log too`() throws {
        try expect(.repeatAnswered) { evidence in
            let one = try index(in: evidence) { $0.status == 200 && $0.isReplayed && $0.subject.event != nil }
            let (exchange, event) = (evidence.requests[one], evidence.requests[one].subject.event)
            let other = exchange.answer + [0x20]
            try evidence.tell(exchange, outcome: "done", other)
            evidence.requests[one].answer = other
            // A second outcome of the event.
            for topic in [TopicID.awards, .rewardsIssued] {
                evidence.duplicate(topic, with: other) { ModelRecord(topic, PartitionIndex(0), $0).event == event }
            }
        }
    }

    @Test func `another payload that has the first one's outcome`() throws {
        try expect(.conflictHarmless) { evidence in
            let (one, first) = try #require(evidence.contradiction)
            try evidence.tell(evidence.requests[one], outcome: "done", evidence.requests[first].answer)
            evidence.requests[one].status = 200
            evidence.requests[one].answer = evidence.requests[first].answer
        }
    }

    @Test func `a conflict with nothing`() throws {
        try expect(.conflictHarmless) { evidence in
            let one = try index(in: evidence) { $0.status == 200 && $0.subject.event != nil && !$0.isReplayed }
            try evidence.tell(evidence.requests[one], outcome: "conflict", [0x7b, 0x7d])
        }
    }

    @Test func `a read that does not see what was told before`() throws {
        try expect(.readYourWrites) { evidence in
            let (early, late) = try #require(evidence.balances)
            let moved = evidence.requests[late].end ?? .zero
            evidence.requests[early] = evidence.requests[early].moved(to: moved)
        }
    }

    @Test func `an outcome that is forgotten`() throws {
        try expect(.readYourWrites) { evidence in
            let one = try index(in: evidence) { $0.status == 200 && $0.isOutcomeOfEvent }
            var late = evidence.requests[one].moved(to: evidence.requests.compactMap(\.end).max() ?? .zero)
            late.status = 404
            evidence.requests.append(late)
        }
    }

    @Test func `a request that waits for ever`() throws {
        try expect(.answeredInTime) { evidence in
            evidence.requests[0].end = nil
            evidence.requests[0].status = nil
        }
        try expect(.answeredInTime) { evidence in
            let one = try index(in: evidence) { $0.status == 200 && $0.wait == 1 }
            evidence.requests[one].end = evidence.requests[one].start.adding(milliseconds: 4_000)
        }
    }

    @Test func `a record that was written twice`() throws {
        try expect(.doubled) { evidence in
            let one = try index(in: evidence) { $0.status == 202 }
            evidence.requests[one] = evidence.requests[one].traced(as: evidence.doubledTrace)
            let trace = evidence.requests[one].trace
            #expect(trace != 0)
        }
    }

    @Test func `a client who insists and is never told`() throws {
        try expect(.unfinished) { evidence in
            let one = try index(in: evidence) { $0.status == 202 && $0.subject.event != nil }
            let given = evidence.requests[one]
            var exchange = HTTPExchange(
                given.subject, method: given.method, target: given.target, trace: 1, isInsisting: true,
                start: given.start)
            (exchange.end, exchange.ending, exchange.status) = (given.end, .answered, 503)
            evidence.requests.append(exchange)
        }
    }
}
