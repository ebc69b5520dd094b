// What the evaluator does with one partition of `customer-events`: every purchase becomes one award command
// and one evaluation record, whatever came of it; commands and questions for the ledger pass through, so that
// they keep their place in the wallet's order. Called by the worker alone. Never awards an event twice, and
// writes only to the record's own partition.

import Configuration
import EventLog
import JSONText
import Messages
import Primitives
import RuleEvaluatorDomain
import StateStore
import StreamRuntime

final class RuleEvaluatorProcessor: PartitionProcessor {
    private let store: RuleEvaluatorStore
    private let metrics: RuleEvaluatorMetrics
    private var pruning = PruningSchedule()

    init(_ store: RuleEvaluatorStore, _ metrics: RuleEvaluatorMetrics) {
        self.store = store
        self.metrics = metrics
    }

    func process(_ record: Record, _ batch: BatchContext) throws(RecordFailure) {
        pruning.startIfNeeded(batch.now)
        let wallet = try walletID(of: record, batch.partitions)
        switch record.messageType {
        case .purchase: try evaluate(record, of: wallet, batch)
        case .walletOpen: try openWallet(record, wallet, batch)
        case .walletBlock: try changeStatus(record, of: wallet, isBlocked: true, batch)
        case .walletUnblock: try changeStatus(record, of: wallet, isBlocked: false, batch)
        case .eventQuery: passOn(record, batch)
        default:
            let type = record.headerText(HeaderName.type) ?? "none"
            throw .unprocessable(code: "unknown-type", detail: "\(type) is no type of this topic")
        }
    }

    // MARK: Purchases

    private func evaluate(
        _ record: Record, of wallet: WalletID, _ batch: BatchContext
    ) throws(RecordFailure) {
        let event = try eventID(of: record)
        if try storing({ () throws(StoreFailure) in try store.isEvaluated(event) }) {
            return answerRepeat(record, event, batch)
        }
        let source = try sourceName(of: record)
        let body = try bodyRange(of: record)
        let purchase = try decoding { () throws(MessageFailure) in
            try Purchase.decode(record.bytes, in: body)
        }
        let decision = try decided(on: purchase, record, wallet, batch)
        try storing { () throws(StoreFailure) in
            if decision.opensWallet { try store.open(wallet, externalID: purchase.externalID) }
            try store.noteEvaluated(event)
            for change in decision.counters { try store.put(change, of: wallet) }
        }
        metrics.evaluated(decision.reason)
        let command = AwardCommand(
            event: event, source: source, externalID: purchase.externalID, opensWallet: decision.opensWallet,
            occurredAt: purchase.occurredAt, awards: decision.awards, reason: decision.reason)
        send(command, record, batch)
        let evaluation = Evaluation(
            event: event, wallet: wallet, source: source, occurredAt: purchase.occurredAt,
            evaluatedAt: batch.now, configurationVersion: batch.configuration.version,
            points: decision.points, reason: decision.reason, offers: decision.considered)
        publish(evaluation, record, batch)
    }

    private func decided(
        on purchase: Purchase, _ record: Record, _ wallet: WalletID, _ batch: BatchContext
    ) throws(RecordFailure) -> EvaluationDecision {
        let standing = try standing(of: wallet, purchase.externalID)
        return try storing { () throws(StoreFailure) in
            try decide(
                purchase, wallet: standing,
                opensWallet: record.header(HeaderName.opensWallet)?.elementsEqual("1".utf8) ?? false,
                offers: batch.configuration.offers, now: batch.now
            ) { key throws(StoreFailure) in try store.counter(key, of: wallet) }
        }
    }

    /// A wallet's id is made from its external id; an event that names another one is not for this wallet.
    private func standing(
        of wallet: WalletID, _ externalID: String
    ) throws(RecordFailure) -> WalletStanding {
        let found = try storing { () throws(StoreFailure) in try store.standing(of: wallet, externalID) }
        guard let found else {
            throw .unprocessable(code: "wrong-wallet", detail: "the key belongs to another external id")
        }
        return found
    }

    private func send(_ command: AwardCommand, _ record: Record, _ batch: BatchContext) {
        let body = batch.encoded { command.encode(to: &$0) }
        batch.output.append(to: TopicPartition(.walletCommands, record.partition), key: record.key)
        batch.output.addEnvelope(.award, id: command.event.value, source: batch.service, time: batch.now)
        batch.output.addHeaders(Self.requestHeaders, of: record)
        batch.output.setValue(body)
    }

    private func publish(_ evaluation: Evaluation, _ record: Record, _ batch: BatchContext) {
        let body = batch.encoded { evaluation.encode(to: &$0) }
        batch.output.append(to: TopicPartition(.evaluations, record.partition), key: record.key)
        batch.output.addEnvelope(
            .evaluated, id: evaluation.event.value, source: batch.service, time: batch.now)
        batch.output.addHeaders(Self.traceHeaders, of: record)
        batch.output.setValue(body)
    }

    /// The event has its outcome; whoever waits is told by the ledger, which has it.
    private func answerRepeat(_ record: Record, _ event: EventID, _ batch: BatchContext) {
        metrics.repeated()
        guard record.replyAddress != nil else { return }
        let body = batch.encoded { writer in
            writer.beginObject()
            writer.field("event", event)
            writer.endObject()
        }
        batch.output.append(to: TopicPartition(.walletCommands, record.partition), key: record.key)
        batch.output.addEnvelope(.eventQuery, id: event.value, source: batch.service, time: batch.now)
        batch.output.addHeaders(Self.requestHeaders + [HeaderName.replayed], of: record)
        batch.output.setValue(body)
    }

    /// What ties an answer to its request.
    private static let requestHeaders = [
        HeaderName.traceparent, HeaderName.correlationID, HeaderName.replyPartition,
    ]

    private static let traceHeaders = [HeaderName.traceparent]

    // MARK: Wallets and questions

    private func openWallet(
        _ record: Record, _ wallet: WalletID, _ batch: BatchContext
    ) throws(RecordFailure) {
        let body = try bodyRange(of: record)
        let request = try decoding { () throws(MessageFailure) in
            try OpenWallet.decode(record.bytes, in: body)
        }
        _ = try decoding { () throws(MessageFailure) in try record.externalID() }
        if try standing(of: wallet, request.externalID) == .unknown {
            try storing { () throws(StoreFailure) in try store.open(wallet, externalID: request.externalID) }
        }
        passOn(record, batch)
    }

    /// A change that was carried out before changes nothing here, as it does not at the ledger: a repeated
    /// block must not undo the unblocking that came after it.
    private func changeStatus(
        _ record: Record, of wallet: WalletID, isBlocked: Bool, _ batch: BatchContext
    ) throws(RecordFailure) {
        guard let id = record.header(HeaderName.id).flatMap({ MessageID(hex: $0) }) else {
            throw .unprocessable(code: "malformed-id", detail: "ce_id: 32 lower-case hex digits are due")
        }
        let body = try bodyRange(of: record)
        // What the ledger would not carry out must not count here either.
        _ = try decoding { () throws(MessageFailure) in try record.externalID() }
        _ = try decoding { () throws(MessageFailure) in try BlockWallet.decode(record.bytes, in: body) }
        try storing { () throws(StoreFailure) in
            if try store.noteChange(id, of: wallet, at: batch.now) {
                try store.setStatus(of: wallet, isBlocked: isBlocked)
            } else {
                metrics.repeated()
            }
        }
        passOn(record, batch)
    }

    /// The same headers and bytes, for the ledger.
    private func passOn(_ record: Record, _ batch: BatchContext) {
        batch.output.append(to: TopicPartition(.walletCommands, record.partition), key: record.key)
        for number in 0..<record.headerCount {
            let header = record.header(at: number)
            batch.output.addHeader(header.name, header.value)
        }
        if let value = record.value { batch.output.setValue(value) }
    }

    /// Whoever waits for what goes no further than here is told at once.
    func deadLettered(_ record: Record, code: String, detail: String, _ batch: BatchContext) {
        batch.replyRefused(record, code: code, detail: detail)
    }

    // MARK: Time

    var nextPunctuation: Timestamp? { pruning.next }

    /// Deletes counters whose periods are long past, and old notes of status changes; a bounded number at
    /// once.
    func punctuate(_ batch: BatchContext) throws(RecordFailure) {
        let limit = PruningSchedule.maximumRows
        let deleted = try storing { () throws(StoreFailure) in
            let counters = try store.deleteCounters(
                endedBefore: PruningSchedule.counterHorizon(batch.configuration, batch.now), limit: limit)
            return counters
                + (try store.deleteChanges(
                    before: PruningSchedule.changeHorizon(batch.now), limit: limit - counters))
        }
        metrics.pruned(deleted)
        pruning.done(at: batch.now, isComplete: deleted < limit)
    }

    // MARK: Restoring

    /// Puts back an event of `evaluations`. Records that others wrote to the topic are passed over.
    func restore(_ record: Record) throws(StoreFailure) {
        guard record.isWritten(by: .ruleEvaluator) else { return }
        guard let event = record.eventID else {
            throw StoreFailure(
                operation: "restore evaluation",
                detail: "partition \(record.partition), offset \(record.offset): ce_id is no id of an event",
                consequence: .stop)
        }
        try store.noteEvaluated(event)
    }
}
