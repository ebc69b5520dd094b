// Every SQL statement of the notifier, with the function that runs it. Used by NotifierProcessor, in the
// transaction of the batch. Never decides anything.

import Configuration
import EventLog
import NotifierDomain
import Primitives
import StateStore

/// One partition's deliveries, and which outcomes were seen. Belongs to the worker's thread.
final class NotifierStore {
    private var insertDelivery: Statement
    private var deleteDelivery: Statement
    private var selectDeliveries: Statement
    private var selectData: Statement
    private var selectLastPosition: Statement
    private var selectSubscription: Statement
    private var countDeliveries: Statement
    private var upsertFailure: Statement
    private var deleteFailure: Statement
    private var markAward: Statement
    private var markSpend: Statement
    private var insertSeen: Statement
    private var pruneSeen: Statement

    init(_ connection: Connection) throws(StoreFailure) {
        insertDelivery = try connection.prepare(
            "INSERT INTO delivery (subscription, position, notice, wallet, type, occurred_at_ms, data)"
                + " VALUES (?, ?, ?, ?, ?, ?, ?)")
        deleteDelivery = try connection.prepare(
            "DELETE FROM delivery WHERE subscription = ? AND position = ?")
        selectDeliveries = try connection.prepare(
            """
            SELECT position, notice, wallet, type, occurred_at_ms, attempts, next_attempt_at_ms, http_status
            FROM delivery LEFT JOIN failed_attempt USING (subscription, position)
            WHERE subscription = ? AND position > ? ORDER BY position LIMIT ?
            """)
        selectData = try connection.prepare(
            "SELECT data FROM delivery WHERE subscription = ? AND position = ?")
        selectLastPosition = try connection.prepare(
            "SELECT position FROM delivery WHERE subscription = ? ORDER BY position DESC LIMIT 1")
        selectSubscription = try connection.prepare(
            "SELECT subscription FROM delivery WHERE subscription > ? ORDER BY subscription LIMIT 1")
        countDeliveries = try connection.prepare("SELECT count(*) FROM delivery")
        upsertFailure = try connection.prepare(
            """
            INSERT OR REPLACE INTO failed_attempt
                (subscription, position, attempts, next_attempt_at_ms, http_status)
            VALUES (?, ?, ?, ?, ?)
            """)
        deleteFailure = try connection.prepare(
            "DELETE FROM failed_attempt WHERE subscription = ? AND position = ?")
        markAward = try connection.prepare(
            """
            INSERT INTO wallet_mark (wallet, award_sequence, spend_sequence) VALUES (?, ?, 0)
            ON CONFLICT (wallet) DO UPDATE SET award_sequence = excluded.award_sequence
            WHERE excluded.award_sequence > award_sequence RETURNING 1
            """)
        markSpend = try connection.prepare(
            """
            INSERT INTO wallet_mark (wallet, award_sequence, spend_sequence) VALUES (?, 0, ?)
            ON CONFLICT (wallet) DO UPDATE SET spend_sequence = excluded.spend_sequence
            WHERE excluded.spend_sequence > spend_sequence RETURNING 1
            """)
        insertSeen = try connection.prepare(
            "INSERT INTO seen_notice (day, notice) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING 1")
        pruneSeen = try connection.prepare(
            """
            DELETE FROM seen_notice WHERE (day, notice) IN (
                SELECT day, notice FROM seen_notice WHERE day < ? ORDER BY day, notice LIMIT ?)
            """)
    }

    // MARK: Deliveries

    func insert(_ notice: Notice, for subscription: String, at position: Int64) throws(StoreFailure) {
        insertDelivery.bind(subscription)
        insertDelivery.bind(position)
        insertDelivery.bind(notice.id)
        insertDelivery.bind(notice.wallet)
        insertDelivery.bind(notice.type.rawValue)
        insertDelivery.bind(notice.occurredAt.milliseconds)
        insertDelivery.bind(utf8: notice.data)
        try insertDelivery.run()
    }

    /// Ends a delivery: its row, and that of its failed attempts if there were any.
    func delete(_ delivery: Delivery, of subscription: String) throws(StoreFailure) {
        deleteDelivery.bind(subscription)
        deleteDelivery.bind(delivery.position)
        try deleteDelivery.run()
        guard delivery.failedAttempts > 0 else { return }
        deleteFailure.bind(subscription)
        deleteFailure.bind(delivery.position)
        try deleteFailure.run()
    }

    /// The deliveries behind a position in their order, without their data.
    func deliveries(
        of subscription: String, after position: Int64, limit: Int
    ) throws(StoreFailure) -> [Delivery] {
        selectDeliveries.bind(subscription)
        selectDeliveries.bind(position)
        selectDeliveries.bind(limit)
        var found: [Delivery] = []
        while try selectDeliveries.next() {
            guard let type = NoticeType(rawValue: selectDeliveries.text(3)) else { continue }
            found.append(
                Delivery(
                    position: selectDeliveries.integer(0), notice: MessageID(selectDeliveries.identifier(1)),
                    wallet: WalletID(selectDeliveries.identifier(2)), type: type,
                    occurredAt: Timestamp(milliseconds: selectDeliveries.integer(4)), data: nil,
                    failedAttempts: Int(selectDeliveries.integer(5)),
                    nextAttemptAt: Timestamp(milliseconds: selectDeliveries.integer(6)),
                    lastStatus: selectDeliveries.integerOrNil(7)))
        }
        return found
    }

    /// - Throws: `.rebuild` if there is no such row, since a delivery that is known has one.
    func data(of subscription: String, at position: Int64) throws(StoreFailure) -> [UInt8] {
        selectData.bind(subscription)
        selectData.bind(position)
        defer { selectData.reset() }
        guard try selectData.next() else {
            throw StoreFailure(
                operation: "read delivery", detail: "\(subscription) has none at \(position)",
                consequence: .rebuild)
        }
        return selectData.bytes(0)
    }

    /// 0 without any.
    func lastPosition(of subscription: String) throws(StoreFailure) -> Int64 {
        selectLastPosition.bind(subscription)
        defer { selectLastPosition.reset() }
        return try selectLastPosition.next() ? selectLastPosition.integer(0) : 0
    }

    /// Those that are owed something: one seek each.
    func subscriptions() throws(StoreFailure) -> [String] {
        var found: [String] = []
        while let next = try subscription(after: found.last ?? "") { found.append(next) }
        return found
    }

    private func subscription(after id: String) throws(StoreFailure) -> String? {
        selectSubscription.bind(id)
        defer { selectSubscription.reset() }
        return try selectSubscription.next() ? selectSubscription.text(0) : nil
    }

    /// Reads the whole table.
    func count() throws(StoreFailure) -> Int64 {
        defer { countDeliveries.reset() }
        return try countDeliveries.next() ? countDeliveries.integer(0) : 0
    }

    func noteFailure(
        of delivery: Delivery, _ subscription: String, attempts: Int, next: Timestamp, status: Int?
    ) throws(StoreFailure) {
        upsertFailure.bind(subscription)
        upsertFailure.bind(delivery.position)
        upsertFailure.bind(attempts)
        upsertFailure.bind(next.milliseconds)
        upsertFailure.bind(status.map(Int64.init))
        try upsertFailure.run()
    }

    // MARK: What was seen

    /// Notes an outcome by its number; false if this one or a later one of the wallet was noted before.
    func note(_ number: SequenceNumber, of wallet: WalletID) throws(StoreFailure) -> Bool {
        switch number.series {
        case .awards:
            markAward.bind(wallet)
            markAward.bind(number.value)
            return try Self.changedRow(&markAward)
        case .spends:
            markSpend.bind(wallet)
            markSpend.bind(number.value)
            return try Self.changedRow(&markSpend)
        }
    }

    /// Notes an outcome by its id; false if it was noted before.
    func note(_ notice: MessageID, day: Int64) throws(StoreFailure) -> Bool {
        insertSeen.bind(day)
        insertSeen.bind(notice)
        return try Self.changedRow(&insertSeen)
    }

    /// Runs an INSERT with RETURNING: it gives a row where it changed one.
    private static func changedRow(_ statement: inout Statement) throws(StoreFailure) -> Bool {
        let isChanged = try statement.next()
        if isChanged { try statement.run() }
        return isChanged
    }

    /// Forgets some of what was noted before a day.
    func prune(before day: Int64, limit: Int) throws(StoreFailure) {
        pruneSeen.bind(day)
        pruneSeen.bind(limit)
        try pruneSeen.run()
    }
}
