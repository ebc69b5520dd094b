// What HTTP clients were told, held against the log: an answer of success is in the log exactly as it was told,
// a refusal had no effect, whoever waited was told the reply to their own question, and nobody waited for ever.
// Every request bears a trace of its own, and so does every record that it causes: nothing else links the two.
// Part of `violations(in:)`; what concerns several requests is in InvariantDoor+Keys.

import EventLog
import JSONText
import Messages
import Primitives

final class DoorCheck {
    /// Between the end of a client's patience and the answer: the way back, and the longest pause of a loop.
    private static let slackMilliseconds: Int64 = 1_500

    let run: ModelRun
    let exchanges: [HTTPExchange]
    /// What doors wrote, by the trace of the request.
    private var written: [UInt128: [ModelRecord]] = [:]
    private var replies: [ReplyAddress: ModelRecord] = [:]
    /// Events that the gateway passed on, and what of them shares a trace with a request.
    private(set) var passedOn: [EventID: [ModelRecord]] = [:]
    private var passedTraces: Set<UInt128> = []
    private(set) var deadTraces: Set<UInt128> = []
    /// What became of events and of requests for rewards.
    private var outcomes: [EventID: [[UInt8]]] = [:]

    init(_ run: ModelRun) {
        self.run = run
        exchanges = run.evidence.requests
        for partition in run.partitions.all {
            for topic in [TopicID.intake, .customerEvents, .walletCommands, .rewardRequests] {
                for record in run.records(topic, partition) { sort(record) }
            }
            for topic in [TopicID.awards, .rewardsIssued] {
                for record in run.records(topic, partition) {
                    if let event = record.event { outcomes[event, default: []].append(record.value ?? []) }
                }
            }
            for record in run.records(.deadLetters(of: .ingressGateway), partition) {
                if let trace = record.trace { deadTraces.insert(trace) }
            }
            for record in run.records(.replies, partition) {
                let number = record.text("correlation-id").flatMap { UInt64($0, radix: 16) }
                if let number { replies[ReplyAddress(partition: partition, correlation: number)] = record }
            }
        }
    }

    private func sort(_ record: ModelRecord) {
        let trace = record.trace
        if run.isFromOutside(record) {
            if let trace { written[trace, default: []].append(record) }
            return
        }
        guard record.type == .purchase || record.type == .rewardRequest, let event = record.event else { return }
        guard record.topic != .intake else { return }
        passedOn[event, default: []].append(record)
        if let trace { passedTraces.insert(trace) }
    }

    func check() {
        guard !exchanges.isEmpty else { return }
        for exchange in exchanges {
            checkTime(exchange)
            let records = written[exchange.trace] ?? []
            if records.count > 1 {
                run.report(.doubled, "\(exchange.label): written \(records.count) times")
            }
            if let status = exchange.status { check(exchange, status, records.first) }
        }
        checkKeys()
        checkReads()
    }

    // MARK: One request

    private func check(_ exchange: HTTPExchange, _ status: Int, _ record: ModelRecord?) {
        switch status {
        case 200, 201, 202:
            if record == nil { run.reportMissing(.answerKept, "\(exchange.label): is not in the log") }
            if exchange.subject == .rubbish { run.report(.answerKept, "\(exchange.label): is no request") }
        case 400, 401, 403, 405, 409, 413, 415, 431: checkHarmless(exchange, record)
        case 404, 422: if record == nil || isRefusedByGateway(record) { checkPassed(exchange) }
        case 503: break
        case 504:
            if exchange.stoodStillMilliseconds == 0, !exchange.isClockSet {
                run.report(.answeredInTime, "\(exchange.label): the door let the server answer")
            }
        default: run.report(.answerTrue, "\(exchange.label): no answer of the API")
        }
        if let record { checkTold(exchange, status, record) }
    }

    private func checkHarmless(_ exchange: HTTPExchange, _ record: ModelRecord?) {
        if let record {
            run.report(.refusalHarmless, "\(exchange.label): is in the log all the same, as \(record.label)")
        }
        checkPassed(exchange)
    }

    private func checkPassed(_ exchange: HTTPExchange) {
        if passedTraces.contains(exchange.trace) {
            run.report(.refusalHarmless, "\(exchange.label): was passed on all the same")
        }
    }

    /// A refusal after which the key is free, or was somebody else's.
    private func isRefusedByGateway(_ record: ModelRecord?) -> Bool {
        guard let record, record.topic == .intake, let reply = reply(to: record) else { return false }
        switch reply.text("outcome") {
        case ReplyOutcome.conflict.rawValue, ReplyOutcome.notFound.rawValue: return true
        // An outcome may become visible after the reply of the same transaction.
        case ReplyOutcome.refused.rawValue: return run.isSettled && !isOutcome(reply.value ?? [], of: record.event)
        default: return false
        }
    }

    func reply(to record: ModelRecord?) -> ModelRecord? { record?.reply.flatMap { replies[$0] } }
    func record(of exchange: HTTPExchange) -> ModelRecord? { written[exchange.trace]?.first }
    func isOutcome(_ bytes: [UInt8], of event: EventID?) -> Bool {
        event.flatMap { outcomes[$0] }?.contains(bytes) ?? false
    }

    // MARK: The reply to its own question

    private func checkTold(_ exchange: HTTPExchange, _ status: Int, _ record: ModelRecord) {
        let told = [200, 201, 404, 422].contains(status)
        guard told else { return }
        guard let reply = reply(to: record), let outcome = reply.text("outcome").flatMap(ReplyOutcome.init(rawValue:))
        else {
            return run.report(.answerTrue, "\(exchange.label): nobody answered \(record.label)")
        }
        guard status == exchange.subject.status(for: outcome) else {
            return run.report(.answerTrue, "\(exchange.label): the reply at \(reply.place) is \(outcome)")
        }
        if exchange.subject.event != nil, exchange.isReplayed != (reply.header("replayed") != nil) {
            run.report(.repeatAnswered, "\(exchange.label): marked otherwise than the reply at \(reply.place)")
        }
        checkBody(exchange, status, outcome, reply)
        checkOutcome(exchange, status, outcome)
    }

    private func checkBody(_ exchange: HTTPExchange, _ status: Int, _ outcome: ReplyOutcome, _ reply: ModelRecord) {
        let told: [UInt8]? =
            switch (status, outcome) {
            case (_, .pending), (404, _): nil
            case (422, .conflict): nil
            case (422, _): parsed(exchange.answer)?["outcome"].map { Array($0.rawBytes) }
            default: exchange.answer
            }
        if let told, told != reply.value {
            run.report(.answerTrue, "\(exchange.label): other bytes than the reply at \(reply.place)")
        }
        if outcome == .conflict, parsed(exchange.answer)?["code"]?.isText("key-reuse") != true {
            run.report(.answerTrue, "\(exchange.label): a conflict under another name")
        }
    }

    /// What was told as an event's outcome is what downstream systems read.
    private func checkOutcome(_ exchange: HTTPExchange, _ status: Int, _ outcome: ReplyOutcome) {
        let event: EventID? = if case .outcome(let event) = exchange.subject { event } else { exchange.subject.event }
        guard let event, status == 200, outcome != .pending, !isOutcome(exchange.answer, of: event) else { return }
        run.reportMissing(.answerTrue, "\(exchange.label): no outcome of \(event) has these bytes")
    }

    // MARK: Time

    /// Each request has an answer within its patience, as long as its machine goes on; a clock that is set
    /// back makes the door wait, but not the server.
    private func checkTime(_ exchange: HTTPExchange) {
        guard exchange.ending != .cut else { return }
        guard let end = exchange.end else {
            return run.reportMissing(.answeredInTime, "\(exchange.label): waits still")
        }
        let seconds = exchange.wait.map { min($0, HTTPExchange.longestWaitSeconds) } ?? HTTPExchange.patienceSeconds
        let patience = exchange.isClockSet ? HTTPExchange.serverPatienceSeconds : seconds
        let passed = end.milliseconds - exchange.start.milliseconds - exchange.stoodStillMilliseconds
        if passed > Int64(patience) * 1_000 + Self.slackMilliseconds {
            run.report(.answeredInTime, "\(exchange.label): waited \(passed) ms")
        }
    }
}

extension HTTPExchange {
    var label: String { description }
}

extension HTTPSubject {
    /// The status that an outcome has for this question.
    fileprivate func status(for outcome: ReplyOutcome) -> Int {
        switch (self, outcome) {
        case (.opening, .created): 201
        case (.outcome, .pending), (.outcome, .refused), (_, .done), (_, .created): 200
        case (.purchase, .pending), (.reward, .pending): 202
        case (_, .pending): 503
        case (_, .notFound): 404
        case (_, .conflict), (_, .refused): 422
        }
    }
}

extension ModelRecord {
    /// The trace in its `traceparent`, version 00.
    var trace: UInt128? {
        guard let text = header("traceparent"), text.count == 55 else { return nil }
        return parseHex(Array(text[3..<35]))
    }
}
