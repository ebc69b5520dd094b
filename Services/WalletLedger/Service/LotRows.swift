// Lots in the order of spending, and by their expiry. A lot of which nothing remains has no row.

import Messages
import Primitives
import StateStore
import WalletLedgerDomain

final class LotRows {
    /// Groups shown of a balance; expiry days of one wallet seldom exceed those of two years.
    private static let maximumExpiryDays = 1_000

    private var noteLot: RowNoter
    private let added: GatheredRows<AddedLot>
    private var updateLot: Statement
    private var deleteLot: Statement
    private var selectFree: Statement
    private var selectDue: Statement
    private var selectFirstDue: Statement
    private var selectFirstExpiry: Statement
    private var selectByDay: Statement

    init(_ store: StateStore) throws(StoreFailure) {
        let connection = store.connection
        let key = "wallet_id = ? AND asset = ? AND expires_at = ? AND awarded_at = ? AND lot_id = ?"
        let columns = "lot_id, awarded_at, expires_at, remaining, reserved"
        let order = "ORDER BY expires_at, awarded_at, lot_id LIMIT \(WalletTransaction.maximumLots)"
        let endable = StoreSchema.endableLot
        noteLot = try store.rowNoter("lot", isNew: true)
        added = try store.gatherRows(AddedLot.self, "INSERT INTO lot VALUES (?, ?, ?, ?, ?, ?, ?)")
        updateLot = try connection.prepare("UPDATE lot SET remaining = ?, reserved = ? WHERE \(key)")
        deleteLot = try connection.prepare("DELETE FROM lot WHERE \(key)")
        selectFree = try connection.prepare(
            """
            SELECT \(columns) FROM lot
            WHERE wallet_id = ? AND asset = ? AND expires_at > ? AND remaining > reserved \(order)
            """)
        selectDue = try connection.prepare(
            """
            SELECT \(columns) FROM lot
            WHERE wallet_id = ? AND asset = ? AND expires_at <= ? AND remaining > reserved \(order)
            """)
        selectFirstDue = try connection.prepare(
            "SELECT wallet_id FROM lot WHERE expires_at <= ? AND \(endable) ORDER BY expires_at LIMIT 1")
        selectFirstExpiry = try connection.prepare("SELECT min(expires_at) FROM lot WHERE \(endable)")
        selectByDay = try connection.prepare(
            """
            SELECT sum(remaining), min(expires_at) FROM lot WHERE wallet_id = ? AND asset = ?
            GROUP BY expires_at / \(Timestamp.millisecondsPerDay) ORDER BY 2 LIMIT \(Self.maximumExpiryDays)
            """)
    }

    /// - Throws: `.rejectRecord` for a lot that the schema refuses, which sees it when it is too late.
    func insert(_ lot: Lot, _ wallet: WalletID, _ asset: AssetCode) throws(StoreFailure) {
        guard (1...Points.maximum.units).contains(lot.remaining.units), lot.reserved >= .zero,
            lot.reserved <= lot.remaining
        else {
            throw StoreFailure(
                operation: "insert a lot", detail: "\(lot.remaining) remaining, \(lot.reserved) reserved",
                consequence: .rejectRecord)
        }
        noteLot.add(wallet)
        noteLot.add(asset.text)
        noteLot.add(lot.expiresAt?.milliseconds ?? StoreSchema.never)
        noteLot.add(lot.awardedAt.milliseconds)
        noteLot.add(lot.id)
        noteLot.add(lot.remaining.units)
        noteLot.add(lot.reserved.units)
        try noteLot.note()
        try added.add(AddedLot(lot: lot, wallet: wallet, asset: asset))
    }

    /// Lots that were added are written before any of the wallet's is read or changed.
    private func writeAdded(to wallet: WalletID) throws(StoreFailure) {
        if added.newestWaiting(wallet) != nil { try added.write() }
    }

    /// Writes what is left of a lot, or removes it.
    func save(_ lot: Lot, _ wallet: WalletID, _ asset: AssetCode) throws(StoreFailure) {
        try writeAdded(to: wallet)
        if lot.remaining == .zero {
            Self.bindKey(&deleteLot, lot, wallet, asset)
            return try deleteLot.run()
        }
        updateLot.bind(lot.remaining.units)
        updateLot.bind(lot.reserved.units)
        Self.bindKey(&updateLot, lot, wallet, asset)
        try updateLot.run()
    }

    /// Lots with free points that have not expired, in the order of spending: as many as cover `points`, at
    /// most ``WalletTransaction/maximumLots``.
    func free(
        covering points: Points, _ wallet: WalletID, _ asset: AssetCode, now: Timestamp
    ) throws(StoreFailure) -> [Lot] {
        try writeAdded(to: wallet)
        selectFree.bind(wallet)
        selectFree.bind(asset.text)
        selectFree.bind(now.milliseconds)
        defer { selectFree.reset() }
        var (lots, found) = ([Lot](), Points.zero)
        while found < points, try selectFree.next() {
            lots.append(Self.lot(selectFree))
            found += lots[lots.count - 1].free
        }
        return lots
    }

    /// The first expired lots with free points, at most ``WalletTransaction/maximumLots``.
    func due(_ wallet: WalletID, _ asset: AssetCode, now: Timestamp) throws(StoreFailure) -> [Lot] {
        try writeAdded(to: wallet)
        selectDue.bind(wallet)
        selectDue.bind(asset.text)
        selectDue.bind(now.milliseconds)
        defer { selectDue.reset() }
        var lots: [Lot] = []
        while try selectDue.next() { lots.append(Self.lot(selectDue)) }
        return lots
    }

    /// The wallet of the lot that has been overdue for longest.
    func firstDueWallet(now: Timestamp) throws(StoreFailure) -> WalletID? {
        try added.write()
        selectFirstDue.bind(now.milliseconds)
        defer { selectFirstDue.reset() }
        return try selectFirstDue.next() ? WalletID(selectFirstDue.identifier(0)) : nil
    }

    /// Asked between batches, when nothing may be written.
    func firstExpiry() throws(StoreFailure) -> Timestamp? {
        let waiting = added.waiting.lazy.filter { $0.lot.free > .zero }.compactMap(\.lot.expiresAt).min()
        defer { selectFirstExpiry.reset() }
        let written = try selectFirstExpiry.next() ? selectFirstExpiry.integerOrNil(0) : nil
        return [waiting, written.map(Timestamp.init(milliseconds:))].compactMap { $0 }.min()
    }

    /// Remaining points by the day (UTC) of their expiry, each with the day's first expiry, nil for never.
    func byDay(
        _ wallet: WalletID, _ asset: AssetCode
    ) throws(StoreFailure) -> [(points: Points, expiresAt: Timestamp?)] {
        try writeAdded(to: wallet)
        selectByDay.bind(wallet)
        selectByDay.bind(asset.text)
        defer { selectByDay.reset() }
        var groups: [(points: Points, expiresAt: Timestamp?)] = []
        while try selectByDay.next() {
            groups.append((Points(selectByDay.integer(0)), Self.expiry(selectByDay.integer(1))))
        }
        return groups
    }

    // MARK: Columns

    private struct AddedLot: GatheredRow {
        let lot: Lot
        let wallet: WalletID
        let asset: AssetCode

        var sought: WalletID { wallet }
        var place: RowPlace { RowPlace(wallet.value, lot.awardedAt.milliseconds) }

        func bind(to insert: inout Statement) {
            LotRows.bindKey(&insert, lot, wallet, asset)
            insert.bind(lot.remaining.units)
            insert.bind(lot.reserved.units)
        }
    }

    private static func bindKey(
        _ statement: inout Statement, _ lot: Lot, _ wallet: WalletID, _ asset: AssetCode
    ) {
        statement.bind(wallet)
        statement.bind(asset.text)
        statement.bind(lot.expiresAt?.milliseconds ?? StoreSchema.never)
        statement.bind(lot.awardedAt.milliseconds)
        statement.bind(lot.id)
    }

    /// Reads lot_id, awarded_at, expires_at, remaining, reserved.
    static func lot(_ row: borrowing Statement) -> Lot {
        Lot(
            id: MessageID(row.identifier(0)), awardedAt: Timestamp(milliseconds: row.integer(1)),
            expiresAt: expiry(row.integer(2)), remaining: Points(row.integer(3)),
            reserved: Points(row.integer(4)))
    }

    private static func expiry(_ milliseconds: Int64) -> Timestamp? {
        milliseconds == StoreSchema.never ? nil : Timestamp(milliseconds: milliseconds)
    }
}
