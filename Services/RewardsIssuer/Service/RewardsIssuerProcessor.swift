// One partition of the rewards issuer: a saga with a hold for each request. Called by the worker alone. A
// reward is issued only when the ledger took the points, and never twice; nothing here waits, everything is a
// record and a row.
//
//   reward.request ─> processRequest ─> hold.open
//   (ledger) ─> hold.opened ─> processAnswer ─> hold.commit
//   (ledger) ─> hold.committed ─> processAnswer ─> reward.issued

import EventLog
import JSONText
import Messages
import Primitives
import RewardsIssuerDomain
import StateStore
import StreamRuntime

final class RewardsIssuerProcessor: PartitionProcessor {
    let store: RewardsIssuerStore
    let partition: PartitionIndex
    let counters: RewardsIssuerCounters

    init(_ store: RewardsIssuerStore, _ partition: PartitionIndex, _ counters: RewardsIssuerCounters) {
        self.store = store
        self.partition = partition
        self.counters = counters
    }

    func process(_ record: Record, _ batch: BatchContext) throws(RecordFailure) {
        if record.topic == .walletTransactions { return try processAnswer(record, batch) }
        switch record.messageType {
        case .rewardRequest: try processRequest(record, batch)
        case .rewardQuery: try processQuery(record, batch)
        default:
            throw .unprocessable(code: "unknown-type", detail: "reward.request or reward.query is due")
        }
    }

    // MARK: Requests and questions

    private func processRequest(_ record: Record, _ batch: BatchContext) throws(RecordFailure) {
        let (id, wallet) = try subject(of: record, batch)
        if try answerKnown(id, wallet, waiter(of: record, batch, isRepeat: true), batch) {
            return counters.countRepeatedRequest()
        }
        let requestedAt = try time(of: record)
        if let problem = RequestWindow.problem(requestedAt: requestedAt, now: batch.now) {
            throw .unprocessable(code: problem, detail: "requested at \(requestedAt)")
        }
        guard let range = record.valueRange else {
            throw .unprocessable(code: "missing", detail: "a body is due")
        }
        let body = try decoding { () throws(MessageFailure) in
            try RewardRequest.decode(record.bytes, in: range)
        }
        let waiters = waiter(of: record, batch, isRepeat: false).map { Waiters([$0]) } ?? Waiters()
        let request = IncomingRequest(
            id: id, wallet: wallet, body: body, requestedAt: requestedAt, waiters: waiters,
            traceparent: traceparent(of: record))
        counters.count(.pending)
        try apply(DecideIssuance.decide(request, batch.configuration, now: batch.now), batch)
    }

    private func processQuery(_ record: Record, _ batch: BatchContext) throws(RecordFailure) {
        let (id, wallet) = try subject(of: record, batch)
        let isRepeat = record.headerText(HeaderName.replayed) == "1"
        let waiter = waiter(of: record, batch, isRepeat: isRepeat)
        guard try !answerKnown(id, wallet, waiter, batch) else { return }
        let body = batch.encoded { writer in
            writer.beginObject()
            writer.field("event", id)
            writer.endObject()
        }
        batch.output.reply(to: waiter?.address, .notFound, body: body)
    }

    /// Tells a waiter what became of an issuance, or remembers it until that is decided.
    ///
    /// - Returns: false if there is no such issuance.
    private func answerKnown(
        _ id: EventID, _ wallet: WalletID, _ waiter: Waiter?, _ batch: BatchContext
    ) throws(RecordFailure) -> Bool {
        if let open = try storing({ () throws(StoreFailure) in try store.open(id) }) {
            try check(open.issue.wallet, is: wallet)
            try remember(waiter, open, batch)
            return true
        }
        guard let decided = try storing({ () throws(StoreFailure) in try store.decided(id) })
        else { return false }
        try check(decided.wallet, is: wallet)
        if let waiter { reply(to: waiter, decided.status, decided.body, batch) }
        return true
    }

    private func remember(_ waiter: Waiter?, _ open: Issuance, _ batch: BatchContext) throws(RecordFailure) {
        guard let waiter else { return }
        var issuance = open
        guard issuance.waiters.add(waiter) else {
            let body = batch.encoded { open.issue.encode(to: &$0) }
            return reply(to: waiter, .pending, body, batch)
        }
        try storing { () throws(StoreFailure) in try store.put(issuance) }
    }

    // MARK: The ledger's answers

    /// Nearly all of the ledger's records are about something else: those are left by their headers alone.
    private func processAnswer(_ record: Record, _ batch: BatchContext) throws(RecordFailure) {
        guard record.header(HeaderName.type)?.starts(with: Self.holdPrefix) ?? false,
            let type = record.messageType, Self.answerTypes.contains(type)
        else { return }
        guard let id = record.header(HeaderName.id).flatMap({ MessageID(hex: $0) }) else {
            throw .unprocessable(code: "id", detail: "ce_id is due, 32 hex digits")
        }
        if let open = try storing({ () throws(StoreFailure) in try store.open(id.cause) }) {
            guard let answer = try answer(in: record, type, id) else { return counters.count(.repeated) }
            return try apply(DecideIssuance.decide(open, answer, now: batch.now), batch)
        }
        guard let decided = try storing({ () throws(StoreFailure) in try store.decided(id.cause) }),
            let answer = try answer(in: record, type, id)
        else { return }
        counters.count(DecideIssuance.decide(decided.status, answer))
    }

    /// Tells most records apart before their type is looked up.
    private static let holdPrefix = Array("hold.".utf8)
    private static let answerTypes: Set<MessageType> = [
        .holdOpened, .holdCommitted, .holdExpired, .holdVoided,
    ]

    /// What a record about the hold of a known issuance says; nil if it is the refusal of someone else's
    /// command.
    private func answer(
        in record: Record, _ type: MessageType, _ id: MessageID
    ) throws(RecordFailure) -> LedgerAnswer? {
        let isApplied: Bool
        switch record.headerText(HeaderName.outcome) {
        case "applied": isApplied = true
        case "refused": isApplied = false
        default: throw .unprocessable(code: "outcome", detail: "outcome is due, applied or refused")
        }
        switch type {
        case .holdOpened where id.step == Step.hold.code:
            return isApplied ? .holdOpened : .holdRefused(reason: try refusal(in: record))
        case .holdCommitted where id.step == Step.commit.code:
            return isApplied ? .holdCommitted : .commitRefused(reason: try refusal(in: record))
        case .holdExpired where isApplied: return .holdExpired
        case .holdVoided where isApplied: return .holdVoided
        default: return nil
        }
    }

    private func refusal(in record: Record) throws(RecordFailure) -> String {
        guard let range = record.valueRange else {
            throw .unprocessable(code: "missing", detail: "a body is due")
        }
        let transaction = try decoding { () throws(MessageFailure) in
            try WalletTransaction.decode(record.bytes, in: range)
        }
        return transaction.refusal ?? "refused"
    }

    // MARK: Restoring

    /// Puts back a decided issuance; its record's headers and bytes are the row.
    ///
    /// Records that others wrote to the topic are passed over.
    func restore(_ record: Record) throws(StoreFailure) {
        guard record.isWritten(by: .rewardsIssuer) else { return }
        let status: RewardIssue.Status
        switch record.messageType {
        case .rewardIssued: status = .issued
        case .rewardRefused: status = .refused
        default: return
        }
        guard let id = record.eventID, let wallet = record.walletKey, let value = record.value,
            let time = record.header(HeaderName.time).flatMap({ Timestamp(rfc3339: $0) })
        else {
            throw StoreFailure(
                operation: "restore issuance", detail: "partition \(record.partition), offset \(record.offset)",
                consequence: .stop)
        }
        try store.remember(id, DecidedIssuance(wallet: wallet, status: status, body: Array(value)), at: time)
    }

    // MARK: Failures

    /// Whoever waits for a request that no one can process is told what is wrong with it.
    func deadLettered(_ record: Record, code: String, detail: String, _ batch: BatchContext) {
        if record.topic == .rewardRequests { batch.replyRefused(record, code: code, detail: detail) }
    }
}
