// Every SQL statement of the evaluator, each with the function that runs it. Called by the processor inside
// the transaction of the partition's store. Decides nothing.

import Configuration
import Primitives
import RuleEvaluatorDomain
import StateStore

final class RuleEvaluatorStore {
    private var selectWallet: Statement
    private var insertWallet: Statement
    private var updateStatus: Statement
    private var insertChange: Statement
    private var deleteChanges: Statement
    private var selectEvent: Statement
    private let evaluated: GatheredRows<EvaluatedEvent>
    private var selectCounter: Statement
    private var noteCounter: RowNoter
    private let changed: GatheredRows<ChangedCounter>
    private var deleteCounters: Statement

    init(_ store: StateStore) throws(StoreFailure) {
        let connection = store.connection
        selectWallet = try connection.prepare(
            "SELECT status = 'blocked', external_id = ?2 FROM wallet WHERE id = ?1")
        insertWallet = try connection.prepare(
            "INSERT INTO wallet (id, external_id, status) VALUES (?, ?, 'active') ON CONFLICT DO NOTHING")
        updateStatus = try connection.prepare("UPDATE wallet SET status = ?2 WHERE id = ?1 AND status <> ?2")
        insertChange = try connection.prepare(
            """
            INSERT INTO status_change (id, wallet, changed_at) VALUES (?, ?, ?)
            ON CONFLICT DO NOTHING RETURNING 1
            """)
        deleteChanges = try connection.prepare(
            """
            DELETE FROM status_change WHERE id IN (
                SELECT id FROM status_change WHERE changed_at < ? ORDER BY changed_at LIMIT ?)
            RETURNING 1
            """)
        selectEvent = try connection.prepare("SELECT 1 FROM evaluated_event WHERE id = ?")
        evaluated = try store.gatherRows(
            EvaluatedEvent.self, "INSERT INTO evaluated_event (id) VALUES (?) ON CONFLICT DO NOTHING")
        selectCounter = try connection.prepare(
            """
            SELECT times, points FROM offer_counter
            WHERE wallet = ? AND offer = ? AND period = ? AND starts_at = ?
            """)
        noteCounter = try store.rowNoter("offer_counter", isNew: false)
        changed = try store.gatherRows(
            ChangedCounter.self,
            """
            INSERT INTO offer_counter (wallet, offer, period, starts_at, ends_at, times, points)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (wallet, offer, period, starts_at)
            DO UPDATE SET times = excluded.times, points = excluded.points WHERE excluded.times > times
            """
        ) { row throws(StoreFailure) in
            throw StoreFailure(
                operation: "put a counter", detail: "wallet \(row.sought.wallet) has counted beyond \(row.value)",
                consequence: .rebuild)
        }
        deleteCounters = try connection.prepare(
            """
            DELETE FROM offer_counter WHERE (wallet, offer, period, starts_at) IN (
                SELECT wallet, offer, period, starts_at FROM offer_counter
                WHERE ends_at < ? ORDER BY ends_at LIMIT ?)
            RETURNING 1
            """)
    }

    // MARK: Wallets

    /// - Returns: nil if the wallet was opened for another external id.
    func standing(of wallet: WalletID, _ externalID: String) throws(StoreFailure) -> WalletStanding? {
        selectWallet.bind(wallet)
        selectWallet.bind(externalID)
        defer { selectWallet.reset() }
        guard try selectWallet.next() else { return .unknown }
        guard selectWallet.integer(1) == 1 else { return nil }
        return selectWallet.integer(0) == 1 ? .blocked : .active
    }

    /// Does nothing if the wallet is there.
    func open(_ wallet: WalletID, externalID: String) throws(StoreFailure) {
        insertWallet.bind(wallet)
        insertWallet.bind(externalID)
        try insertWallet.run()
    }

    /// Does nothing if there is no such wallet.
    func setStatus(of wallet: WalletID, isBlocked: Bool) throws(StoreFailure) {
        updateStatus.bind(wallet)
        updateStatus.bind(isBlocked ? "blocked" : "active")
        try updateStatus.run()
    }

    /// Notes that a change of status was carried out; false if it had been already.
    func noteChange(_ id: MessageID, of wallet: WalletID, at now: Timestamp) throws(StoreFailure) -> Bool {
        insertChange.bind(id)
        insertChange.bind(wallet)
        insertChange.bind(now.milliseconds)
        return try count(&insertChange) == 1
    }

    /// - Returns: how many were deleted, at most `limit`.
    func deleteChanges(before time: Timestamp, limit: Int) throws(StoreFailure) -> Int {
        deleteChanges.bind(time.milliseconds)
        deleteChanges.bind(limit)
        return try count(&deleteChanges)
    }

    // MARK: Events

    func isEvaluated(_ event: EventID) throws(StoreFailure) -> Bool {
        if evaluated.newestWaiting(event) != nil { return true }
        selectEvent.bind(event)
        defer { selectEvent.reset() }
        return try selectEvent.next()
    }

    /// Does nothing if it was noted before.
    func noteEvaluated(_ event: EventID) throws(StoreFailure) {
        try evaluated.add(EvaluatedEvent(id: event))
    }

    private struct EvaluatedEvent: GatheredRow {
        let id: EventID

        var sought: EventID { id }
        var place: RowPlace { RowPlace(id.value) }

        func bind(to insert: inout Statement) { insert.bind(id) }
    }

    // MARK: Counters

    func counter(_ key: CounterKey, of wallet: WalletID) throws(StoreFailure) -> OfferCounter {
        if let waiting = changed.newestWaiting(CounterPlace(wallet: wallet, key: key)) { return waiting.value }
        selectCounter.bind(wallet)
        selectCounter.bind(key.offer)
        selectCounter.bind(key.period.kind.rawValue)
        selectCounter.bind(key.period.start.milliseconds)
        defer { selectCounter.reset() }
        guard try selectCounter.next() else { return .zero }
        return OfferCounter(times: selectCounter.integer(0), points: Points(selectCounter.integer(1)))
    }

    /// A counter's row comes with the first award that it counts.
    ///
    /// - Throws: `.rejectRecord` for a value that the schema refuses, which sees it when it is too late.
    func put(_ change: CounterChange, of wallet: WalletID) throws(StoreFailure) {
        let (key, value) = (change.key, change.value)
        guard value.times > 0, (1...Points.maximum.units).contains(value.points.units) else {
            throw StoreFailure(operation: "put a counter", detail: "\(value)", consequence: .rejectRecord)
        }
        noteCounter.add(wallet)
        noteCounter.add(key.offer)
        noteCounter.add(key.period.kind.rawValue)
        noteCounter.add(key.period.start.milliseconds)
        noteCounter.add(key.period.end?.milliseconds)
        noteCounter.add(value.times)
        noteCounter.add(value.points.units)
        try noteCounter.note()
        try changed.add(ChangedCounter(sought: CounterPlace(wallet: wallet, key: key), value: value))
    }

    private struct CounterPlace: Hashable {
        let wallet: WalletID
        let key: CounterKey
    }

    private struct ChangedCounter: GatheredRow {
        let sought: CounterPlace
        let value: OfferCounter

        var place: RowPlace { RowPlace(sought.wallet.value) }

        func bind(to upsert: inout Statement) {
            upsert.bind(sought.wallet)
            upsert.bind(sought.key.offer)
            upsert.bind(sought.key.period.kind.rawValue)
            upsert.bind(sought.key.period.start.milliseconds)
            upsert.bind(sought.key.period.end?.milliseconds)
            upsert.bind(value.times)
            upsert.bind(value.points.units)
        }
    }

    /// - Returns: how many were deleted, at most `limit`.
    func deleteCounters(endedBefore time: Timestamp, limit: Int) throws(StoreFailure) -> Int {
        try changed.write()
        deleteCounters.bind(time.milliseconds)
        deleteCounters.bind(limit)
        return try count(&deleteCounters)
    }

    /// Runs a statement to its end; its rows are counted.
    private func count(_ statement: inout Statement) throws(StoreFailure) -> Int {
        var rows = 0
        while try statement.next() { rows += 1 }
        return rows
    }
}
