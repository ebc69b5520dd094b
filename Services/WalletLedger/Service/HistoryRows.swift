// What was published, kept for history queries and to know every command that was carried out. Not in the
// changelog: the same rows come back from wallet-transactions when a store is restored.

import Messages
import Primitives
import StateStore

final class HistoryRows {
    private var insertTransaction: Statement
    private var noteNumber: Statement
    private var insertRefusal: Statement
    private var selectBody: Statement
    private var selectPage: Statement

    init(_ connection: Connection) throws(StoreFailure) {
        insertTransaction = try connection.prepare(
            "INSERT INTO wallet_transaction (wallet_id, sequence, transaction_id, body) VALUES (?, ?, ?, ?)")
        // A sequence that the wallet has already becomes null, which the schema refuses.
        let block = StoreSchema.historyBlock
        noteNumber = try connection.prepare(
            """
            INSERT INTO wallet_history (wallet_id, block, newest, numbers)
            VALUES (?1, ?2 / \(block), ?2, last_insert_rowid())
            ON CONFLICT (wallet_id, block) DO UPDATE SET
                newest = CASE WHEN excluded.newest > newest THEN excluded.newest END,
                numbers = numbers || ',' || excluded.numbers
            """)
        insertRefusal = try connection.prepare(
            "INSERT INTO refused_transaction (transaction_id, body) VALUES (?, ?)")
        selectBody = try connection.prepare(
            """
            SELECT body FROM wallet_transaction WHERE transaction_id = ?1
            UNION ALL SELECT body FROM refused_transaction WHERE transaction_id = ?1 LIMIT 1
            """)
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

    func insert(
        _ id: MessageID, _ wallet: WalletID, _ sequence: Int64, _ body: some Collection<UInt8>
    ) throws(StoreFailure) {
        insertTransaction.bind(wallet)
        insertTransaction.bind(sequence)
        insertTransaction.bind(id)
        insertTransaction.bind(utf8: body)
        try insertTransaction.run()
        noteNumber.bind(wallet)
        noteNumber.bind(sequence)
        try noteNumber.run()
    }

    /// A refusal on a wallet that does not exist has no place in a wallet's order.
    func insertRefused(_ id: MessageID, _ body: some Collection<UInt8>) throws(StoreFailure) {
        insertRefusal.bind(id)
        insertRefusal.bind(utf8: body)
        try insertRefusal.run()
    }

    /// The published body of a transaction; nil if no such command was carried out.
    func body(of id: MessageID) throws(StoreFailure) -> [UInt8]? {
        selectBody.bind(id)
        defer { selectBody.reset() }
        return try selectBody.next() ? selectBody.bytes(0) : nil
    }

    /// Bodies of a wallet's transactions, the newest first.
    func page(
        of wallet: WalletID, before sequence: Int64, limit: Int
    ) throws(StoreFailure) -> [(sequence: Int64, body: [UInt8])] {
        selectPage.bind(wallet)
        selectPage.bind(sequence)
        selectPage.bind(limit)
        defer { selectPage.reset() }
        var page: [(sequence: Int64, body: [UInt8])] = []
        while try selectPage.next() { page.append((selectPage.integer(0), selectPage.bytes(1))) }
        return page
    }
}
