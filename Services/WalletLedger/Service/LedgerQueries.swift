// Answers to questions about a wallet. They travel as records behind the commands they come after, so an
// answer sees every write before it. Part of WalletLedgerProcessor; a question changes nothing, except that
// what is overdue ends first.

import EventLog
import JSONText
import Messages
import Primitives
import StateStore
import StreamRuntime
import WalletLedgerDomain

/// What `balance.query` asks for.
private struct BalanceQuery {
    var asset: AssetCode

    static func decode(_ record: Record) throws(MessageFailure) -> BalanceQuery {
        guard let range = record.valueRange, !range.isEmpty else { return BalanceQuery(asset: .points) }
        return try Messages.decode(record.bytes, in: range) { (fields: inout FieldReader) in
            let asset = fields.identifier("asset", required: false, maximum: Purchase.maximumTextBytes)
            return BalanceQuery(asset: asset.map { AssetCode($0) } ?? .points)
        }
    }
}

/// What `history.query` asks for.
private struct HistoryQuery {
    static let maximumLimit = 100
    static let standardLimit: Int64 = 50

    var limit: Int
    /// Only transactions with a lower sequence.
    var before: Int64

    static func decode(_ record: Record) throws(MessageFailure) -> HistoryQuery {
        guard let range = record.valueRange, !range.isEmpty else {
            return HistoryQuery(limit: Int(standardLimit), before: .max)
        }
        return try Messages.decode(record.bytes, in: range) { (fields: inout FieldReader) in
            let limit = fields.integer("limit", in: 1...Int64(maximumLimit), required: false)
            let before = fields.integer("before", in: 1...Int64.max, required: false)
            return HistoryQuery(limit: Int(limit ?? standardLimit), before: before ?? .max)
        }
    }
}

extension WalletLedgerProcessor {
    func answer(
        _ type: MessageType, _ record: Record, _ wallet: WalletID, _ batch: BatchContext
    ) throws(RecordFailure) {
        guard let address = record.replyAddress else {
            throw .unprocessable(
                code: "no-reply-address", detail: "a question needs somewhere to be answered")
        }
        if type == .eventQuery { return try answerEvent(record, address, wallet, batch) }
        guard let snapshot = try current(wallet, batch) else {
            return replyNotFound(wallet, to: address, batch)
        }
        switch type {
        case .balanceQuery: try answerBalance(record, address, snapshot, batch)
        case .historyQuery: try answerHistory(record, address, snapshot, batch)
        default: replyWallet(snapshot, wallet, to: record, .done, batch)
        }
    }

    private func answerEvent(
        _ record: Record, _ address: ReplyAddress, _ wallet: WalletID, _ batch: BatchContext
    ) throws(RecordFailure) {
        guard let event = record.eventID else {
            throw .unprocessable(code: "identifier", detail: "ce_id is no id of an event")
        }
        let found = try storing { () throws(StoreFailure) in
            try store.history.body(of: MessageID(event.value))
        }
        guard let body = found, let transaction = try .some(stored(body)), transaction.type == .awarded,
            transaction.wallet == wallet
        else {
            let body = batch.encoded { writer in
                writer.beginObject()
                writer.field("event", event)
                writer.endObject()
            }
            return batch.output.reply(to: address, .pending, body: body)
        }
        let replayed = record.header(HeaderName.replayed) != nil
        let award = batch.encoded { transaction.encodeAward(to: &$0) }
        batch.output.reply(to: address, outcome(transaction), replayed: replayed, body: award)
    }

    private func answerBalance(
        _ record: Record, _ address: ReplyAddress, _ snapshot: WalletSnapshot, _ batch: BatchContext
    ) throws(RecordFailure) {
        let query = try decoding { () throws(MessageFailure) in try BalanceQuery.decode(record) }
        let lots = try storing { () throws(StoreFailure) in
            try store.lots.byDay(snapshot.wallet.id, query.asset)
        }
        let balances = snapshot.balances(of: query.asset)
        let body = batch.encoded { writer in
            writer.beginObject()
            writer.field("wallet", snapshot.wallet.id)
            writer.field("externalId", snapshot.wallet.externalID)
            writer.field("asset", query.asset.text)
            writer.field("settled", balances.settled.units)
            writer.field("held", balances.held.units)
            writer.field("pending", balances.pending.units)
            writer.field("available", balances.available.units)
            writer.field("sequence", snapshot.sequence)
            writer.field("status", snapshot.wallet.status.rawValue)
            writer.array("lots") { writer in
                for lot in lots {
                    writer.beginObject()
                    writer.field("points", lot.points.units)
                    if let expiresAt = lot.expiresAt {
                        writer.field("expiresAt", expiresAt)
                    } else {
                        writer.field("never", true)
                    }
                    writer.endObject()
                }
            }
            writer.endObject()
        }
        batch.output.reply(to: address, .done, body: body)
    }

    /// Of a page's transactions: a reply is one record, and has to stay below what a record may be.
    private static var maximumPageBytes: Int { 512 << 10 }

    private func answerHistory(
        _ record: Record, _ address: ReplyAddress, _ snapshot: WalletSnapshot, _ batch: BatchContext
    ) throws(RecordFailure) {
        let query = try decoding { () throws(MessageFailure) in try HistoryQuery.decode(record) }
        var page = try storing { () throws(StoreFailure) in
            try store.history.page(of: snapshot.wallet.id, before: query.before, limit: query.limit)
        }
        var bytes = 0
        let fitting = page.prefix { entry in
            bytes += entry.body.count
            return bytes <= Self.maximumPageBytes
        }
        // One transaction always fits: its lots are bounded.
        page = Array(page.prefix(max(1, fitting.count)))
        let body = batch.encoded { writer in
            writer.beginObject()
            writer.array("transactions") { writer in
                for entry in page { writer.raw(entry.body) }
            }
            if let last = page.last, last.sequence > 1 { writer.field("next", last.sequence) }
            writer.endObject()
        }
        batch.output.reply(to: address, .done, body: body)
    }
}
