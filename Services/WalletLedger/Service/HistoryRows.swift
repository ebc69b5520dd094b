// What was published, kept for history queries and to know every command that was carried out. Not in the
// changelog: the same rows come back from wallet-transactions when a store is restored.

import EventLog
import Messages
import Primitives
import StateStore

final class HistoryRows {
    private var insertTransaction: Statement
    private let lines: GatheredRows<HistoryLine>
    private var insertRefusal: Statement
    private let numbers: GatheredRows<TransactionNumber>
    private var selectBody: Statement
    private var selectNumbered: Statement
    private var selectPage: Statement
    /// The id that was sought last and not found.
    private var unknown: MessageID?

    /// Where a transaction stands in the history.
    private struct TransactionNumber: GatheredRow {
        let id: MessageID
        let number: Int64
        /// Where in wallet-transactions it stood that was put back; nil of one that was carried out.
        let restoredFrom: Offset?

        var sought: MessageID { id }
        var place: RowPlace { RowPlace(id.value, number) }

        func bind(to insert: inout Statement) {
            insert.bind(id)
            insert.bind(number)
        }
    }

    /// A transaction's line in its wallet's history.
    private struct HistoryLine: GatheredRow {
        let wallet: WalletID
        let sequence: Int64
        let number: Int64
        /// As in ``TransactionNumber``.
        let restoredFrom: Offset?

        var sought: WalletID { wallet }
        var place: RowPlace { RowPlace(wallet.value, sequence) }

        func bind(to insert: inout Statement) {
            insert.bind(wallet)
            insert.bind(sequence)
            insert.bind(number)
        }
    }

    init(_ store: StateStore) throws(StoreFailure) {
        let connection = store.connection
        let repeats = try RepeatedTransactions(connection)
        numbers = try store.gatherRows(
            TransactionNumber.self,
            "INSERT INTO transaction_number (transaction_id, number) VALUES (?, ?) ON CONFLICT DO NOTHING"
        ) { row throws(StoreFailure) in
            guard let offset = row.restoredFrom else {
                throw StoreFailure(
                    operation: "insert a transaction", detail: "there is one of the id \(row.id)",
                    consequence: .rebuild)
            }
            guard try repeats.remove(row.number, of: row.id) else {
                throw Self.unreadable(at: offset, "there is another transaction of the id \(row.id)")
            }
        }
        insertTransaction = try connection.prepare(
            "INSERT INTO wallet_transaction (wallet_id, sequence, transaction_id, body) VALUES (?, ?, ?, ?)")
        let block = StoreSchema.historyBlock
        lines = try store.gatherRows(
            HistoryLine.self,
            """
            INSERT INTO wallet_history (wallet_id, block, newest, numbers)
            VALUES (?1, ?2 / \(block), ?2, ?3)
            ON CONFLICT (wallet_id, block) DO UPDATE
            SET numbers = numbers || ',' || excluded.numbers, newest = excluded.newest
            WHERE excluded.newest > newest
            """
        ) { [numbers] line throws(StoreFailure) in
            let detail = "wallet \(line.wallet) has gone beyond the sequence \(line.sequence)"
            guard let offset = line.restoredFrom else {
                throw StoreFailure(operation: "insert a transaction", detail: detail, consequence: .rebuild)
            }
            // Of a transaction that came twice the second is gone once its number is written.
            try numbers.write()
            guard try repeats.isGone(line.number) else { throw Self.unreadable(at: offset, detail) }
        }
        insertRefusal = try connection.prepare(
            "INSERT INTO refused_transaction (transaction_id, body) VALUES (?, ?)")
        selectBody = try connection.prepare(
            """
            SELECT body FROM transaction_number JOIN wallet_transaction USING (number)
                WHERE transaction_number.transaction_id = ?1
            UNION ALL SELECT body FROM refused_transaction WHERE transaction_id = ?1 LIMIT 1
            """)
        selectNumbered = try connection.prepare("SELECT body FROM wallet_transaction WHERE number = ?")
        // The block that `before` lies in may have none of the page's transactions, and the last one only some.
        selectPage = try connection.prepare(
            """
            WITH block AS (
                SELECT numbers FROM wallet_history WHERE wallet_id = ?1 AND block <= ?2 / \(block)
                ORDER BY block DESC LIMIT ?3 / \(block) + 2)
            SELECT sequence, body FROM block, json_each('[' || numbers || ']') AS entry
                JOIN wallet_transaction ON number = entry.value
            WHERE sequence < ?2 ORDER BY sequence DESC LIMIT ?3
            """)
    }

    /// Adds a transaction that is the wallet's newest.
    ///
    /// - Throws: `.rejectRecord` if there is one of its id.
    func insert(
        _ id: MessageID, _ wallet: WalletID, _ sequence: Int64, _ body: some Collection<UInt8>
    ) throws(StoreFailure) {
        if unknown != id, try self.body(of: id) != nil {
            throw StoreFailure(
                operation: "insert a transaction", detail: "there is one of the id \(id)", consequence: .rejectRecord)
        }
        try append(id, wallet, sequence, body, restoredFrom: nil)
    }

    /// Adds a transaction, unless it is there. Nothing is looked for, which would read a page at a random place for
    /// each: one that came twice shows when its number and its line are written, and so does one that contradicts what
    /// is there.
    func insertRestored(
        _ id: MessageID, _ wallet: WalletID, _ sequence: Int64, _ body: some Collection<UInt8>, from offset: Offset
    ) throws(StoreFailure) {
        try append(id, wallet, sequence, body, restoredFrom: offset)
    }

    private func append(
        _ id: MessageID, _ wallet: WalletID, _ sequence: Int64, _ body: some Collection<UInt8>,
        restoredFrom offset: Offset?
    ) throws(StoreFailure) {
        insertTransaction.bind(wallet)
        insertTransaction.bind(sequence)
        insertTransaction.bind(id)
        insertTransaction.bind(utf8: body)
        try insertTransaction.run()
        let number = insertTransaction.insertedRow
        try numbers.add(TransactionNumber(id: id, number: number, restoredFrom: offset))
        try lines.add(HistoryLine(wallet: wallet, sequence: sequence, number: number, restoredFrom: offset))
        unknown = nil
    }

    /// Of transactions that came twice the second.
    private final class RepeatedTransactions {
        private var delete: Statement
        private var find: Statement

        init(_ connection: Connection) throws(StoreFailure) {
            delete = try connection.prepare(
                """
                DELETE FROM wallet_transaction WHERE number = ?1 AND body = (
                    SELECT body FROM transaction_number JOIN wallet_transaction USING (number)
                    WHERE transaction_number.transaction_id = ?2)
                """)
            find = try connection.prepare("SELECT 1 FROM wallet_transaction WHERE number = ?")
        }

        /// - Returns: false if it is not the same as the first one of that id, and stays.
        func remove(_ number: Int64, of id: MessageID) throws(StoreFailure) -> Bool {
            delete.bind(number)
            delete.bind(id)
            try delete.run()
            return try isGone(number)
        }

        func isGone(_ number: Int64) throws(StoreFailure) -> Bool {
            find.bind(number)
            defer { find.reset() }
            return try !find.next()
        }
    }

    /// Of a record that no ledger wrote, or not in this order.
    static func unreadable(at offset: Offset, _ detail: String) -> StoreFailure {
        StoreFailure(
            operation: "restore wallet-transactions at \(offset)", detail: detail, consequence: .stop,
            cause: .unreadableRecord)
    }

    /// A refusal on a wallet that does not exist has no place in a wallet's order.
    func insertRefused(_ id: MessageID, _ body: some Collection<UInt8>) throws(StoreFailure) {
        unknown = nil
        insertRefusal.bind(id)
        insertRefusal.bind(utf8: body)
        try insertRefusal.run()
    }

    /// The published body of a transaction; nil if no such command was carried out.
    func body(of id: MessageID) throws(StoreFailure) -> [UInt8]? {
        if let waiting = numbers.newestWaiting(id) {
            selectNumbered.bind(waiting.number)
            defer { selectNumbered.reset() }
            return try selectNumbered.next() ? selectNumbered.bytes(0) : nil
        }
        selectBody.bind(id)
        defer { selectBody.reset() }
        if try selectBody.next() { return selectBody.bytes(0) }
        unknown = id
        return nil
    }

    /// Bodies of a wallet's transactions, the newest first.
    func page(
        of wallet: WalletID, before sequence: Int64, limit: Int
    ) throws(StoreFailure) -> [(sequence: Int64, body: [UInt8])] {
        if lines.newestWaiting(wallet) != nil { try lines.write() }
        selectPage.bind(wallet)
        selectPage.bind(sequence)
        selectPage.bind(limit)
        defer { selectPage.reset() }
        var page: [(sequence: Int64, body: [UInt8])] = []
        while try selectPage.next() { page.append((selectPage.integer(0), selectPage.bytes(1))) }
        return page
    }
}
