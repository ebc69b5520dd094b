// How the ledger's outcomes are published: every transaction on wallet-transactions, awards and spends as
// views of theirs, and answers to those who wait. Part of WalletLedgerProcessor.

import EventLog
import JSONText
import Messages
import Primitives
import StateStore
import StreamRuntime
import WalletLedgerDomain

extension WalletLedgerProcessor {
    /// Writes a decision's rows and its transaction's record, and moves the snapshot on.
    ///
    /// - Parameter cause: the command; nil for what time did.
    /// - Returns: the transaction's body.
    @discardableResult
    func publish(
        _ decision: LedgerDecision, _ cause: Record?, _ snapshot: inout WalletSnapshot?, _ batch: BatchContext
    ) throws(RecordFailure) -> [UInt8] {
        let transaction = decision.transaction
        try refuseTakenHolds(decision)
        let body = batch.encoded { transaction.encode(to: &$0) }
        try storing { () throws(StoreFailure) in
            try store.apply(decision, on: snapshot, body: body)
        }
        append(transaction, to: .walletTransactions, transaction.type, cause, batch)
        batch.output.addHeader(HeaderName.outcome, transaction.refusal == nil ? "applied" : "refused")
        batch.output.setValue(body)
        snapshot = WalletSnapshot.after(decision, from: snapshot)
        return body
    }

    /// An award in flight has a hold whose id is made from the event's. A trusted writer may have opened one of that
    /// name: which of the two is meant by the id from then on could not be told.
    private func refuseTakenHolds(_ decision: LedgerDecision) throws(RecordFailure) {
        // A command that opens a hold was decided on knowing that.
        guard decision.transaction.type == .awarded else { return }
        for case .openHold(let hold) in decision.changes {
            let isKnown = try storing { () throws(StoreFailure) in try store.isHoldKnown(hold.id) }
            guard !isKnown else {
                throw .unprocessable(code: "key-reuse", detail: "hold \(hold.id) exists or existed, and is another one")
            }
        }
    }

    func publishAward(_ transaction: WalletTransaction, _ cause: Record, _ batch: BatchContext) -> [UInt8] {
        let body = batch.encoded { transaction.encodeAward(to: &$0) }
        append(transaction, to: .awards, .awarded, cause, batch)
        batch.output.addHeader(HeaderName.outcome, transaction.awardOutcome.rawValue)
        batch.output.setValue(body)
        return body
    }

    func publishSpend(_ transaction: WalletTransaction, _ cause: Record, _ batch: BatchContext) {
        append(transaction, to: .spends, .spent, cause, batch)
        batch.output.setValue(batch.encoded { transaction.encodeSpend(to: &$0) })
    }

    private func append(
        _ transaction: WalletTransaction, to topic: TopicID, _ type: MessageType, _ cause: Record?,
        _ batch: BatchContext
    ) {
        batch.output.append(to: TopicPartition(topic, partition), key: transaction.wallet.hex)
        batch.output.addEnvelope(
            type, id: transaction.id.value, source: .walletLedger, time: transaction.recordedAt)
        batch.output.addHeader(HeaderName.externalID, transaction.externalID)
        if let trace = cause?.header(HeaderName.traceparent) {
            batch.output.addHeader(HeaderName.traceparent, trace)
        }
    }

    // MARK: Answers

    func outcome(_ transaction: WalletTransaction) -> ReplyOutcome {
        transaction.refusal == nil ? .done : .refused
    }

    func replyWallet(
        _ snapshot: WalletSnapshot?, _ wallet: WalletID, to record: Record, _ found: ReplyOutcome,
        replayed: Bool = false,
        _ batch: BatchContext
    ) {
        guard let address = record.replyAddress else { return }
        guard let snapshot else { return replyNotFound(wallet, to: address, batch) }
        let body = batch.encoded { snapshot.wallet.encode(to: &$0) }
        batch.output.reply(to: address, found, replayed: replayed, body: body)
    }

    func replyNotFound(_ wallet: WalletID, to address: ReplyAddress?, _ batch: BatchContext) {
        let body = batch.encoded { writer in
            writer.beginObject()
            writer.field("wallet", wallet)
            writer.endObject()
        }
        batch.output.reply(to: address, .notFound, body: body)
    }

    /// The command was carried out before: nothing happens, and who waits gets the first outcome.
    func answerAgain(
        _ first: [UInt8], _ type: MessageType, _ record: Record, _ wallet: WalletID, _ batch: BatchContext
    ) throws(RecordFailure) {
        let transaction = try stored(first)
        guard transaction.type == type.outcome, transaction.wallet == wallet else {
            throw .unprocessable(
                code: "key-reuse", detail: "another command was carried out under this ce_id")
        }
        guard let address = record.replyAddress else { return }
        switch type {
        case .award:
            let body = batch.encoded { transaction.encodeAward(to: &$0) }
            batch.output.reply(to: address, outcome(transaction), replayed: true, body: body)
        case .walletOpen, .walletBlock, .walletUnblock:
            let snapshot = try current(wallet, batch)
            replyWallet(snapshot, wallet, to: record, .done, replayed: true, batch)
        default:
            batch.output.reply(to: address, outcome(transaction), replayed: true, body: first)
        }
    }

    /// Reads back what the ledger wrote itself.
    func stored(_ body: [UInt8]) throws(RecordFailure) -> WalletTransaction {
        do throws(MessageFailure) {
            return try WalletTransaction.decodeOwn(body)
        } catch {
            throw .store(StoreFailure(operation: "read history", detail: error.detail, consequence: .rebuild))
        }
    }
}

extension MessageType {
    /// The type of the transaction that a command comes to.
    fileprivate var outcome: MessageType? {
        switch self {
        case .award: .awarded
        case .walletOpen: .walletOpened
        case .walletBlock: .walletBlocked
        case .walletUnblock: .walletUnblocked
        case .holdOpen: .holdOpened
        case .holdCommit: .holdCommitted
        case .holdVoid: .holdVoided
        default: nil
        }
    }
}

extension Wallet {
    /// Writes the wallet as the API shows it.
    fileprivate func encode(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("wallet", id)
        writer.field("balanceId", "\(id)/\(AssetCode.points)")
        writer.field("externalId", externalID)
        if let name { writer.field("name", name) }
        writer.field("status", status.rawValue)
        writer.field("openedAt", openedAt)
        writer.endObject()
    }
}
