// What was published, kept for history queries and to know every command that was carried out. Not in the
// changelog: the same rows come back from wallet-transactions when a store is restored.

import Messages
import Primitives
import StateStore

final class HistoryRows {
    private var insertTransaction: Statement
    private var insertRefusal: Statement
    private var selectBody: Statement
    private var selectPage: Statement

    init(_ connection: Connection) throws(StoreFailure) {
        insertTransaction = try connection.prepare(
            "INSERT INTO wallet_transaction (wallet_id, sequence, transaction_id, body) VALUES (?, ?, ?, ?)")
        insertRefusal = try connection.prepare(
            "INSERT INTO refused_transaction (transaction_id, body) VALUES (?, ?)")
        selectBody = try connection.prepare(
            """
            SELECT body FROM wallet_transaction WHERE transaction_id = ?1
            UNION ALL SELECT body FROM refused_transaction WHERE transaction_id = ?1 LIMIT 1
            """)
        selectPage = try connection.prepare(
            """
            SELECT sequence, body FROM wallet_transaction WHERE wallet_id = ? AND sequence < ?
            ORDER BY sequence DESC LIMIT ?
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
