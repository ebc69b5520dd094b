// What several requests together were told: the same key and payload have one outcome, of which all answers but
// the first are marked as repeats; another payload under the key changes nothing; a read sees what was told to
// anybody before it began; and after all faults everything that was accepted is decided, once.

import EventLog
import JSONText
import Messages
import Primitives

extension DoorCheck {
    /// Shorter than the shortest window in which keys are remembered.
    private static let surelyRemembered = Timestamp.millisecondsPerDay * 3 / 2

    // MARK: Keys

    func checkKeys() {
        var byEvent: [EventID: [HTTPExchange]] = [:]
        var order: [EventID] = []
        for exchange in exchanges {
            guard let event = exchange.subject.event else { continue }
            if byEvent[event] == nil { order.append(event) }
            byEvent[event, default: []].append(exchange)
        }
        for event in order {
            let requests = byEvent[event] ?? []
            checkAnswers(event, requests)
            checkDecided(event, requests)
        }
    }

    /// The event's outcome as it was told; nil if it was not.
    private func outcome(in exchange: HTTPExchange) -> [UInt8]? {
        guard let reply = reply(to: record(of: exchange)), let bytes = reply.value,
            isOutcome(bytes, of: exchange.subject.event)
        else { return nil }
        switch exchange.status {
        case 200: return exchange.answer
        case 422: return parsed(exchange.answer)?["outcome"].map { Array($0.rawBytes) }
        default: return nil
        }
    }

    private func checkAnswers(_ event: EventID, _ requests: [HTTPExchange]) {
        let told = requests.filter { outcome(in: $0) != nil }
        guard let first = told.min(by: { ($0.end ?? .zero) < ($1.end ?? .zero) }), let end = first.end else { return }
        let bytes = outcome(in: first)
        for other in told where outcome(in: other) != bytes {
            run.report(.repeatAnswered, "\(other.label): another outcome of \(event) than \(first.label)")
        }
        if told.count(where: { !$0.isReplayed }) > 1 {
            run.report(.repeatAnswered, "\(event): told as new more than once, last by \(told[told.count - 1].label)")
        }
        let forgotten = end.adding(milliseconds: Self.surelyRemembered)
        for later in requests where later.start >= end && later.start < forgotten {
            checkLater(later, after: first, event)
        }
        for later in exchanges where later.subject == .outcome(event) && later.start >= end {
            guard later.start < forgotten else { continue }
            let isFine = later.status == 503 || later.status == 504 || later.status == nil || later.answer == bytes
            if !isFine { run.report(.readYourWrites, "\(later.label): not what \(first.label) was told") }
        }
    }

    /// A request that began when the event's outcome had been told already.
    private func checkLater(_ later: HTTPExchange, after first: HTTPExchange, _ event: EventID) {
        guard let mine = record(of: later), let decided = record(of: first), let reply = reply(to: mine) else { return }
        let isSame = mine.value == decided.value && mine.type == decided.type
        let isConflict = reply.text("outcome") == ReplyOutcome.conflict.rawValue
        if isSame, isConflict {
            run.report(.repeatAnswered, "\(later.label): a conflict, though it repeats \(first.label)")
        }
        if isSame, outcome(in: later) != nil, !later.isReplayed {
            run.report(.repeatAnswered, "\(later.label): told as new after \(first.label)")
        }
        if !isSame, outcome(in: later) != nil {
            run.report(.conflictHarmless, "\(later.label): has the outcome of another payload, \(first.label)")
        }
    }

    // MARK: Decided once

    private func checkDecided(_ event: EventID, _ requests: [HTTPExchange]) {
        let passed = passedOn[event] ?? []
        for exchange in requests {
            guard let record = record(of: exchange) else { continue }
            let reply = reply(to: record)
            if reply?.text("outcome") == ReplyOutcome.conflict.rawValue,
                passed.contains(where: { $0.value == record.value && $0.type == record.type }), passed.count == 1
            {
                run.report(.conflictHarmless, "\(exchange.label): a conflict with itself")
            }
            let isSettledOtherwise = reply != nil || deadTraces.contains(exchange.trace)
            if (200...202).contains(exchange.status ?? 0), passed.isEmpty, !isSettledOtherwise {
                run.reportMissing(.answerKept, "\(exchange.label): was accepted, and never decided")
            }
        }
        let insisting = requests.filter(\.isInsisting)
        let isKnown = insisting.contains { exchange in
            exchange.status.map { $0 == 200 || (400...499).contains($0) && $0 != 409 } ?? false
        }
        if !insisting.isEmpty, !isKnown {
            run.reportMissing(.unfinished, "\(event): asked for \(insisting.count) times after all faults, never told")
        }
    }

    // MARK: Reads

    /// A wallet's sequence as of an answer; nil if it tells none.
    private func sequence(in exchange: HTTPExchange) -> (customer: String, number: Int64)? {
        guard exchange.status == 200, let body = parsed(exchange.answer) else { return nil }
        if case .transactions(let customer) = exchange.subject {
            return (customer, body["transactions"]?.items.first { _ in true }?["sequence"]?.int64 ?? 0)
        }
        guard let customer = body["externalId"]?.string(), let number = body["sequence"]?.int64 else { return nil }
        return (customer, number)
    }

    /// A read sees at least as much as anybody was told before it began.
    func checkReads() {
        let told = exchanges.compactMap { exchange in
            sequence(in: exchange).flatMap { known in exchange.end.map { (exchange, known, end: $0) } }
        }
        for read in exchanges {
            guard let customer = read.readCustomer else { continue }
            let before = told.filter { $0.1.customer == customer && $0.end <= read.start }
            guard let newest = before.max(by: { $0.1.number < $1.1.number }) else { continue }
            if read.status == 404 {
                run.report(.readYourWrites, "\(read.label): \(newest.0.label) was told of this wallet before")
            }
            if let seen = sequence(in: read), seen.number < newest.1.number {
                run.report(
                    .readYourWrites,
                    "\(read.label): sees number \(seen.number), \(newest.0.label) was told \(newest.1.number) before")
            }
        }
    }
}

extension HTTPExchange {
    /// Whose wallet is asked for.
    fileprivate var readCustomer: String? {
        switch subject {
        case .wallet(let id), .balance(let id), .transactions(let id): id
        default: nil
        }
    }
}
