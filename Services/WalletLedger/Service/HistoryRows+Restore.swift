// Puts the history's rows back from wallet-transactions while a store is restored. Called by the worker
// before the partition's first command.

import EventLog
import Messages
import Primitives
import StateStore

extension HistoryRows {
    /// Records that others wrote to the topic are passed over, and so is one that came twice.
    func restore(_ record: Record) throws(StoreFailure) {
        guard record.isWritten(by: .walletLedger), let range = record.valueRange else { return }
        let transaction = try decode(record, range)
        let body = record.bytes[range]
        if let sequence = transaction.sequence {
            try insertRestored(transaction.id, transaction.wallet, sequence, body, from: record.offset)
        } else if try self.body(of: transaction.id) == nil {
            try insertRefused(transaction.id, body)
        }
    }

    private func decode(_ record: Record, _ range: Range<Int>) throws(StoreFailure) -> WalletTransaction {
        do throws(MessageFailure) {
            return try WalletTransaction.decodeOwn(record.bytes, in: range)
        } catch {
            throw Self.unreadable(at: record.offset, error.detail)
        }
    }
}
