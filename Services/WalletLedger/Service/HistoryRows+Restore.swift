// Puts the history's rows back from wallet-transactions while a store is restored. Called by the worker
// before the partition's first command.

import EventLog
import JSONText
import Messages
import Primitives
import StateStore

extension HistoryRows {
    /// Records that others wrote to the topic are passed over, and so is one that came twice.
    func restore(_ record: Record) throws(StoreFailure) {
        guard record.isWritten(by: .walletLedger), let range = record.valueRange else { return }
        let row = try decode(record, range)
        guard try body(of: row.id) == nil else { return }
        let body = record.bytes[range]
        if let sequence = row.sequence {
            try insert(row.id, row.wallet, sequence, body)
        } else {
            try insertRefused(row.id, body)
        }
    }

    /// What the row is found by; the rest stays in the body.
    private func decode(
        _ record: Record, _ range: Range<Int>
    ) throws(StoreFailure) -> (id: MessageID, wallet: WalletID, sequence: Int64?) {
        do throws(MessageFailure) {
            return try Messages.decode(record.bytes, in: range) { (fields: inout FieldReader) in
                guard let id = fields.message("transaction"), let wallet = fields.wallet("wallet") else { return nil }
                return (id, wallet, fields.integer("sequence", in: 1...Int64.max, required: false))
            }
        } catch {
            throw StoreFailure(
                operation: "restore wallet-transactions at \(record.offset)", detail: error.detail,
                consequence: .stop)
        }
    }
}
