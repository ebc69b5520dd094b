// Looks into the store's files once the worker has stopped: the invariants of RELIABILITY 2.5 that concern
// the ledger, and all rows as text, to hold a live store against a restored one.

import Messages
import Primitives
import StateStore
import Testing

@testable import WalletLedgerService

extension LedgerWorld {
    /// Each counts what must not be there.
    private static let violations: [(name: String, sql: String)] = [
        (
            "accounts of an asset sum to zero",
            """
            SELECT count(*) FROM (SELECT sum(points) AS total FROM (
                SELECT asset, settled AS points FROM account UNION ALL SELECT asset, balance FROM programme_account)
                GROUP BY asset HAVING total <> 0)
            """
        ),
        (
            "lots sum to the balance, their reserved parts to what is held",
            """
            SELECT count(*) FROM account a LEFT JOIN (
                SELECT wallet_id, asset, sum(remaining) AS remaining, sum(reserved) AS reserved
                FROM lot GROUP BY 1, 2) l ON l.wallet_id = a.wallet_id AND l.asset = a.asset
            WHERE a.settled <> coalesce(l.remaining, 0) OR a.held <> coalesce(l.reserved, 0)
            """
        ),
        (
            "open holds make up held and pending",
            """
            SELECT count(*) FROM account a WHERE
                held <> (SELECT coalesce(sum(points - committed), 0) FROM hold h WHERE h.wallet_id = a.wallet_id
                    AND h.asset = a.asset AND state = 'open' AND direction = 'debit')
                OR pending <> (SELECT coalesce(sum(points - committed), 0) FROM hold h WHERE h.wallet_id = a.wallet_id
                    AND h.asset = a.asset AND state = 'open' AND direction = 'credit')
            """
        ),
        (
            "an open debit hold has reserved its rest, any other hold nothing",
            """
            SELECT count(*) FROM hold h WHERE
                (SELECT coalesce(sum(points), 0) FROM hold_lot r WHERE r.hold_id = h.hold_id)
                <> CASE WHEN state = 'open' AND direction = 'debit' THEN points - committed ELSE 0 END
            """
        ),
        (
            "reservations make up a lot's reserved part",
            """
            SELECT count(*) FROM lot l WHERE reserved <>
                (SELECT coalesce(sum(points), 0) FROM hold_lot r WHERE r.lot_id = l.lot_id)
            """
        ),
        (
            "transfers make up the balances",
            """
            SELECT count(*) FROM account a WHERE settled <> (
                SELECT coalesce(sum(CASE t.value ->> 'credit' WHEN 'wallet' THEN t.value ->> 'points'
                    ELSE -(t.value ->> 'points') END), 0)
                FROM wallet_transaction w, json_each(w.body, '$.transfers') t
                WHERE w.wallet_id = a.wallet_id AND w.body ->> 'asset' = a.asset)
            """
        ),
        (
            "sequences have no gap",
            """
            SELECT count(*) FROM (
                SELECT count(*) AS number, max(sequence) AS newest, min(sequence) AS oldest,
                    (SELECT max(sequence) FROM account a WHERE a.wallet_id = t.wallet_id) AS noted
                FROM wallet_transaction t GROUP BY wallet_id)
            WHERE oldest <> 1 OR newest <> number OR newest <> noted
            """
        ),
        (
            "a wallet's history names its transactions, each in its place",
            """
            SELECT count(*) FROM wallet_history h, json_each('[' || numbers || ']') entry
            LEFT JOIN wallet_transaction t ON t.number = entry.value
            WHERE t.wallet_id IS NOT h.wallet_id
                OR t.sequence IS NOT max(block * \(StoreSchema.historyBlock), 1) + entry.key
            """
        ),
        (
            "every transaction stands in its wallet's history",
            """
            SELECT (SELECT count(*) FROM wallet_history, json_each('[' || numbers || ']'))
                <> (SELECT count(*) FROM wallet_transaction)
            """
        ),
        (
            "every transaction is found by its id",
            """
            SELECT (SELECT count(*) FROM wallet_transaction) <> (SELECT count(*) FROM transaction_number n
                JOIN wallet_transaction t ON t.number = n.number AND t.transaction_id = n.transaction_id)
            """
        ),
    ]

    private static let tables = [
        "wallet", "account", "programme_account", "lot", "hold", "hold_lot",
        "refused_transaction",
        "wallet_transaction", "transaction_number", "wallet_history",
    ]

    /// Stops the worker, checks the invariants in each store, and starts it again.
    func checkBooks() throws {
        try withStores { connection in
            for violation in Self.violations {
                let count = try connection.integer(violation.sql)
                #expect(count == 0, "\(violation.name)")
            }
        }
    }

    /// Every row of every table, store by store.
    func rows() throws -> [String] {
        var rows: [String] = []
        try withStores { connection in
            for table in Self.tables {
                var columns: [String] = []
                var shape = try connection.prepare("SELECT name FROM pragma_table_info('\(table)')")
                while try shape.next() { columns.append(shape.text(0)) }
                let values = columns.filter { $0 != "number" }.map { "quote(\($0))" }.joined(
                    separator: " || ' ' || ")
                var select = try connection.prepare("SELECT \(values) FROM \(table) ORDER BY 1")
                while try select.next() { rows.append("\(table) \(select.text(0))") }
            }
        }
        return rows
    }

    private func withStores(_ body: (Connection) throws -> Void) throws {
        stop()
        for partition in rig.partitions.all {
            let store = try StateStore(
                .file(path: path(of: partition)), schema: walletLedgerTopology().schema)
            try body(store.connection)
        }
        start()
        rig.settle()
    }
}
