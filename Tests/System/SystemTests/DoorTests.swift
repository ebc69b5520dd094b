// The HTTP door in simulated runs: clients meet every kind of answer, and each check of what they were told
// reports a history that was tampered with.

import EventLog
import Foundation
import Messages
import Primitives
import Simulation
import Testing

@testable import SimulatedLog

private func run(_ seed: UInt64, _ kinds: Set<FaultKind>) -> (run: Run, report: RunReport) {
    var options = RunOptions(seed: seed)
    options.filter.kinds = kinds
    let run = Run(options)
    return (run, run.report())
}

/// Histories to tamper with; a case takes the first that has what it changes.
private let histories: [Evidence] = ((1...5).map { $0 } + (7...11).map { $0 }).map { seed in
    run(seed, [.duplicateRequest]).run.evidence(isSettled: true)
}

/// What clients can see; `simulate` holds runs to everything else too.
private let visible: Set<Invariant> = [
    .answerKept, .refusalHarmless, .answerTrue, .readYourWrites, .answeredInTime, .repeatAnswered, .conflictHarmless,
    .replies, .inputKept, .oneOutcome, .unfinished, .doubled,
]

@Suite struct `The door in a run` {
    @Test func `clients meet every answer of the API, and nothing breaks`() {
        var met: [String: Int] = [:]
        for seed in 1...20 as ClosedRange<UInt64> {
            let report = run(seed, [.duplicateRequest, .clientGivesUp, .doorAnswerLate]).report
            let seen = report.violations.filter { found in visible.contains { $0.rawValue == found.invariant } }
            #expect(seen.isEmpty, "seed \(seed)")
            for exchange in report.requests { met[exchange.kind, default: 0] += 1 }
        }
        let missing = answers.filter { met[$0] == nil }
        #expect(missing.isEmpty, "\(met.sorted { $0.key < $1.key })")
    }

    private let answers = [
        "purchase 200", "purchase 200 again", "purchase 202", "purchase 403 inactive-source",
        "purchase 409 in-flight", "purchase 422 key-reuse", "purchase 422 too-old", "purchase 422 future-event",
        "balance 503 too-many-waits", "purchase no answer", "reward 200", "reward 200 again", "reward 202",
        "reward 422 insufficient-balance", "opening 200", "opening 201", "balance 200", "balance 404 unknown-wallet",
        "transactions 200", "wallet 200", "outcome 200", "outcome 404 unknown-event", "rubbish 400 key-required",
        "rubbish 400 key-invalid", "rubbish 400 malformed-request", "rubbish 400 parameter-invalid",
        "rubbish 401 unauthorized", "rubbish 403 forbidden", "rubbish 403 no-source", "rubbish 403 unknown-source",
        "rubbish 404 not-found", "rubbish 405 method-not-allowed", "rubbish 415 unsupported-media-type",
    ]

    @Test func `the histories are honest before anybody tampers with them`() {
        for history in histories {
            #expect(violations(in: history).isEmpty)
            #expect(violations(in: Tampering(history).evidence).isEmpty)
        }
    }

    @Test(arguments: doorCases)
    func `what clients were not told is noticed`(_ tampered: TamperCase) {
        for evidence in histories {
            var tampering = Tampering(evidence)
            guard tampered.tamper(&tampering) else { continue }
            let found = violations(in: tampering.evidence)
            // A lie may break more than the promise it is told about, depending on what else the run has.
            let noticed = Set(found.map(\.invariant))
            #expect(noticed.isSuperset(of: tampered.broken.map(\.rawValue)), "\(found.prefix(6))")
            return
        }
        Issue.record("no run has what \(tampered.testDescription) changes")
    }
}

extension HTTPExchange {
    /// The subject, the status and the problem's code.
    fileprivate var kind: String {
        let name = String("\(subject)".prefix { $0 != "(" })
        guard let status else { return "\(name) no answer" }
        let code = String(decoding: answer, as: UTF8.self).firstMatch(of: /"code":"([a-z-]+)"/)
        return "\(name) \(status)" + (code.map { " \($0.1)" } ?? "") + (isReplayed ? " again" : "")
    }

    fileprivate var isBalance: Bool { if case .balance = subject { status == 200 } else { false } }
    fileprivate var isOutcome: Bool { subject.event != nil && status == 200 }

    /// The wallet's number that a balance or an award tells.
    fileprivate var sequence: Int? {
        String(decoding: answer, as: UTF8.self).firstMatch(of: /"sequence":([0-9]+)/).flatMap { Int($0.1) }
    }

    fileprivate func moved(to start: Timestamp) -> HTTPExchange {
        var moved = HTTPExchange(
            subject, method: method, target: target, body: body, wait: wait, trace: trace, isInsisting: isInsisting,
            start: start)
        (moved.ending, moved.status, moved.isReplayed, moved.answer) = (ending, status, isReplayed, answer)
        moved.end = start.adding(milliseconds: 10)
        return moved
    }
}

extension Tampering {
    fileprivate func index(where isMeant: (HTTPExchange) -> Bool) -> Int? { requests.firstIndex(where: isMeant) }

    /// A record that the request's trace leads to.
    fileprivate func spot(_ topic: TopicID, of exchange: HTTPExchange) -> Spot? {
        let trace = String(decoding: hexDigits(exchange.trace), as: UTF8.self)
        return first(topic) { $0.headerText("traceparent")?.contains(trace) ?? false }
    }

    /// The reply that a request was told.
    fileprivate func reply(to exchange: HTTPExchange) -> Spot? {
        let asked = [TopicID.intake, .walletCommands, .customerEvents].compactMap { spot($0, of: exchange) }.first
        guard let number = asked.flatMap({ self[$0].headerText("correlation-id") }) else { return nil }
        return first(.replies) { $0.headerText("correlation-id") == number }
    }

    /// A request whose event's outcome was told so often, and that nobody asked for besides.
    fileprivate func told(times: Int) -> Int? {
        requests.indices.first { number in
            guard requests[number].isOutcome, let event = requests[number].subject.event else { return false }
            return requests.count(where: { $0.isOutcome && $0.subject.event == event }) == times
                && !requests.contains { $0.subject == .outcome(event) }
        }
    }

    /// Changes the status of the first answer of some kind.
    fileprivate mutating func tell(_ status: Int, where isMeant: (HTTPExchange) -> Bool) -> Bool {
        guard let one = index(where: isMeant) else { return false }
        requests[one].status = status
        return true
    }
}

let doorCases: [TamperCase] = [
    TamperCase("a success that is not in the log", [.answerKept]) { run in
        let refused = run.requests.indices.first { number in
            run.requests[number].kind == "purchase 422 too-old" && run.spot(.intake, of: run.requests[number]) == nil
        }
        guard let refused else { return false }
        run.requests[refused].status = 202
        return true
    },
    TamperCase("a success of something that is no request", [.answerKept]) { run in
        run.tell(202) { $0.status == 401 }
    },
    TamperCase("a refusal of what was stored", [.refusalHarmless]) { run in
        run.tell(400) { $0.status == 202 && $0.subject.event != nil }
    },
    TamperCase("an answer that says more than the outcome", [.answerTrue]) { run in
        guard let one = run.told(times: 1) else { return false }
        run.requests[one].answer.append(0x20)
        return true
    },
    TamperCase("two answers about one event that differ", [.answerTrue, .repeatAnswered]) { run in
        guard let one = run.told(times: 2) else { return false }
        run.requests[one].answer.append(0x20)
        return true
    },
    TamperCase("an answer to somebody else's question", [.answerTrue]) { run in
        for (number, one) in run.requests.enumerated().reversed() where one.isBalance {
            let other = run.requests.first { other in
                other.isBalance && other.subject != one.subject && (other.end ?? .zero) <= one.start
                    && (other.sequence ?? 0) >= (one.sequence ?? 0)
            }
            guard let other else { continue }
            run.requests[number].answer = other.answer
            return true
        }
        return false
    },
    TamperCase("a status that is not the outcome's", [.answerTrue]) { run in run.tell(422) { $0.isBalance } },
    TamperCase("an answer that the API does not have", [.answerTrue]) { run in
        run.tell(500) { $0.status == 503 || $0.status == 401 }
    },
    TamperCase("a server that answers for its door", [.answeredInTime]) { run in
        run.tell(504) { $0.status == 503 || $0.status == 401 }
    },
    TamperCase("a repeat that is told as new", [.repeatAnswered]) { run in
        guard let one = run.index(where: { $0.isOutcome && $0.isReplayed }) else { return false }
        run.requests[one].isReplayed = false
        return true
    },
    TamperCase("a repeat that is a conflict", [.repeatAnswered, .replies, .oneOutcome, .conflictHarmless]) { run in
        guard let one = run.index(where: { $0.isOutcome && $0.isReplayed }), let spot = run.reply(to: run.requests[one])
        else { return false }
        run.setHeader(spot, "outcome", "conflict")
        (run.requests[one].status, run.requests[one].isReplayed) = (422, true)
        run.requests[one].answer = Array(#"{"code":"key-reuse"}"#.utf8)
        return true
    },
    TamperCase("another payload that has the first one's outcome", [.conflictHarmless, .replies]) { run in
        for (number, conflict) in run.requests.enumerated() where conflict.kind.hasSuffix("422 key-reuse") {
            let first = run.requests.first { $0.isOutcome && $0.subject.event == conflict.subject.event }
            guard let first, let end = first.end, let spot = run.reply(to: conflict) else { continue }
            run.setHeader(spot, "outcome", "done")
            run.setValue(spot, first.answer)
            run.requests[number] = conflict.moved(to: end)
            (run.requests[number].status, run.requests[number].answer) = (200, first.answer)
            return true
        }
        return false
    },
    TamperCase("a request that was written twice", [.doubled]) { run in
        let one = run.index { $0.status == 202 && $0.wait == nil && $0.subject.event != nil }
        guard let one, let spot = run.spot(.intake, of: run.requests[one]) else { return false }
        let record = run[spot]
        let written = SubmittedRecord(
            topic: .intake, key: record.key, value: record.value, partition: PartitionIndex(Int32(spot.partition)))
        run.submitted.append(Submitted(.record(written), at: record.timestamp, offset: Offset(1_000_000)))
        run.double(spot)
        return true
    },
    TamperCase("a read that does not see what was told before", [.readYourWrites]) { run in
        for (number, early) in run.requests.enumerated() where early.isBalance {
            let late = run.requests.last { other in
                other.isBalance && other.subject == early.subject && (other.sequence ?? 0) > (early.sequence ?? 0)
            }
            guard let end = late?.end else { continue }
            run.requests[number] = early.moved(to: end)
            return true
        }
        return false
    },
    TamperCase("an outcome that is forgotten", [.readYourWrites]) { run in
        guard let first = run.index(where: { $0.isOutcome }), let event = run.requests[first].subject.event,
            let end = run.requests[first].end
        else { return false }
        var forgotten = HTTPExchange(
            .outcome(event), method: "GET", target: "/v1/events/\(event)", trace: 1, start: end)
        (forgotten.end, forgotten.ending, forgotten.status) = (end, .answered, 404)
        run.requests.append(forgotten)
        return true
    },
    TamperCase("a request without an end", [.answeredInTime]) { run in
        guard let one = run.index(where: { $0.status == 401 }) else { return false }
        (run.requests[one].end, run.requests[one].status) = (nil, nil)
        return true
    },
    TamperCase("a request that waits for too long", [.answeredInTime]) { run in
        guard let one = run.index(where: { $0.status == 401 }) else { return false }
        run.requests[one].end = run.requests[one].start.adding(milliseconds: 60_000)
        return true
    },
    TamperCase("a client who insists and is never told", [.unfinished]) { run in
        guard let one = run.index(where: { $0.status == 202 && $0.subject.event != nil }) else { return false }
        let given = run.requests[one]
        var insisting = HTTPExchange(
            given.subject, method: given.method, target: given.target, trace: 1, isInsisting: true, start: given.start)
        (insisting.end, insisting.ending, insisting.status) = (given.end, .answered, 503)
        run.requests.append(insisting)
        return true
    },
]
