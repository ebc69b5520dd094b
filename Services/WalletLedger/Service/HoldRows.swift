// Holds, and which lots the open ones have reserved points of. Ended holds stay for a while, so that a second commit or void
// can be told apart from one of a hold that never was.

import Messages
import Primitives
import StateStore
import WalletLedgerDomain

final class HoldRows {
    private var insertHold: Statement
    private var updateHold: Statement
    private var selectHold: Statement
    private var selectDue: Statement
    private var selectDueOfWallet: Statement
    private var selectFirstExpiry: Statement
    private var selectFirstEnded: Statement
    private var deleteEnded: Statement
    private var insertReservation: Statement
    private var updateReservation: Statement
    private var deleteReservation: Statement
    private var selectReservations: Statement

    init(_ connection: Connection) throws(StoreFailure) {
        let columns = """
            hold_id, wallet_id, direction, asset, points, committed, state, purpose, expires_at, ended_at, offer,
            offer_version, lot_expires_at
            """
        let key = "hold_id = ? AND expires_at = ? AND awarded_at = ? AND lot_id = ?"
        insertHold = try connection.prepare(
            "INSERT INTO hold (\(columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        updateHold = try connection.prepare(
            "UPDATE hold SET committed = ?, state = ?, ended_at = ? WHERE hold_id = ?")
        selectHold = try connection.prepare("SELECT \(columns) FROM hold WHERE hold_id = ?")
        selectDue = try connection.prepare(
            "SELECT \(columns) FROM hold WHERE state = 'open' AND expires_at <= ? ORDER BY expires_at LIMIT 1")
        selectDueOfWallet = try connection.prepare(
            """
            SELECT \(columns) FROM hold WHERE state = 'open' AND wallet_id = ? AND expires_at <= ?
            ORDER BY expires_at LIMIT 1
            """)
        selectFirstExpiry = try connection.prepare("SELECT min(expires_at) FROM hold WHERE state = 'open'")
        selectFirstEnded = try connection.prepare("SELECT min(ended_at) FROM hold WHERE state <> 'open'")
        deleteEnded = try connection.prepare(
            """
            DELETE FROM hold WHERE hold_id IN (
                SELECT hold_id FROM hold WHERE state <> 'open' AND ended_at <= ? ORDER BY ended_at LIMIT ?)
            """)
        insertReservation = try connection.prepare(
            "INSERT INTO hold_lot (hold_id, expires_at, awarded_at, lot_id, points) VALUES (?, ?, ?, ?, ?)")
        updateReservation = try connection.prepare("UPDATE hold_lot SET points = ? WHERE \(key)")
        deleteReservation = try connection.prepare("DELETE FROM hold_lot WHERE \(key)")
        selectReservations = try connection.prepare(
            """
            SELECT l.lot_id, l.awarded_at, l.expires_at, l.remaining, l.reserved, r.points
            FROM hold_lot r JOIN lot l ON l.wallet_id = ?2 AND l.asset = ?3
                AND l.expires_at = r.expires_at AND l.awarded_at = r.awarded_at AND l.lot_id = r.lot_id
            WHERE r.hold_id = ?1 ORDER BY r.expires_at, r.awarded_at, r.lot_id
            """)
    }

    // MARK: Holds

    func insert(_ hold: Hold) throws(StoreFailure) {
        insertHold.bind(hold.id)
        insertHold.bind(hold.wallet)
        insertHold.bind(hold.direction.rawValue)
        insertHold.bind(hold.asset.text)
        insertHold.bind(hold.points.units)
        insertHold.bind(hold.committed.units)
        insertHold.bind(hold.state.rawValue)
        insertHold.bind(hold.purpose)
        insertHold.bind(hold.expiresAt.milliseconds)
        insertHold.bind(hold.endedAt?.milliseconds)
        insertHold.bind(hold.terms.offer)
        insertHold.bind(hold.terms.offerVersion)
        insertHold.bind(hold.terms.lotExpiresAt?.milliseconds)
        try insertHold.run()
    }

    func save(_ hold: Hold) throws(StoreFailure) {
        updateHold.bind(hold.committed.units)
        updateHold.bind(hold.state.rawValue)
        updateHold.bind(hold.endedAt?.milliseconds)
        updateHold.bind(hold.id)
        try updateHold.run()
    }

    func hold(_ id: MessageID) throws(StoreFailure) -> Hold? {
        selectHold.bind(id)
        defer { selectHold.reset() }
        return try selectHold.next() ? try Self.hold(selectHold) : nil
    }

    /// The open hold that has been overdue for longest.
    func firstDue(now: Timestamp) throws(StoreFailure) -> Hold? {
        selectDue.bind(now.milliseconds)
        defer { selectDue.reset() }
        return try selectDue.next() ? try Self.hold(selectDue) : nil
    }

    func firstDue(of wallet: WalletID, now: Timestamp) throws(StoreFailure) -> Hold? {
        selectDueOfWallet.bind(wallet)
        selectDueOfWallet.bind(now.milliseconds)
        defer { selectDueOfWallet.reset() }
        return try selectDueOfWallet.next() ? try Self.hold(selectDueOfWallet) : nil
    }

    func firstExpiry() throws(StoreFailure) -> Timestamp? { try Self.time(&selectFirstExpiry) }
    func firstEnded() throws(StoreFailure) -> Timestamp? { try Self.time(&selectFirstEnded) }

    func forget(endedBy time: Timestamp, atMost count: Int) throws(StoreFailure) {
        deleteEnded.bind(time.milliseconds)
        deleteEnded.bind(count)
        try deleteEnded.run()
    }

    // MARK: Reservations

    /// What an open debit hold has reserved, in the order of spending.
    func reservations(of hold: Hold) throws(StoreFailure) -> [Reservation] {
        guard hold.direction == .debit, hold.state == .open else { return [] }
        selectReservations.bind(hold.id)
        selectReservations.bind(hold.wallet)
        selectReservations.bind(hold.asset.text)
        defer { selectReservations.reset() }
        var reservations: [Reservation] = []
        while try selectReservations.next() {
            reservations.append(
                Reservation(lot: LotRows.lot(selectReservations), points: Points(selectReservations.integer(5))))
        }
        return reservations
    }

    func insert(_ reservation: Reservation, of hold: MessageID) throws(StoreFailure) {
        Self.bindKey(&insertReservation, reservation, hold)
        insertReservation.bind(reservation.points.units)
        try insertReservation.run()
    }

    /// Writes what is left of a reservation, or removes it.
    func save(_ reservation: Reservation, of hold: MessageID) throws(StoreFailure) {
        if reservation.points == .zero {
            Self.bindKey(&deleteReservation, reservation, hold)
            return try deleteReservation.run()
        }
        updateReservation.bind(reservation.points.units)
        Self.bindKey(&updateReservation, reservation, hold)
        try updateReservation.run()
    }

    // MARK: Columns

    private static func bindKey(_ statement: inout Statement, _ reservation: Reservation, _ hold: MessageID) {
        statement.bind(hold)
        statement.bind(reservation.lot.expiresAt?.milliseconds ?? StoreSchema.never)
        statement.bind(reservation.lot.awardedAt.milliseconds)
        statement.bind(reservation.lot.id)
    }

    private static func hold(_ row: borrowing Statement) throws(StoreFailure) -> Hold {
        guard let direction = OpenHold.Direction(rawValue: row.text(2)), let state = Hold.State(rawValue: row.text(6))
        else {
            throw StoreFailure(operation: "read hold", detail: "unknown direction or state", consequence: .rebuild)
        }
        return Hold(
            id: MessageID(row.identifier(0)), wallet: WalletID(row.identifier(1)), direction: direction,
            asset: AssetCode(row.text(3)), points: Points(row.integer(4)), committed: Points(row.integer(5)),
            state: state, purpose: row.text(7), expiresAt: Timestamp(milliseconds: row.integer(8)),
            endedAt: row.integerOrNil(9).map(Timestamp.init(milliseconds:)),
            terms: Hold.CreditTerms(
                offer: row.textOrNil(10), offerVersion: row.integerOrNil(11),
                lotExpiresAt: row.integerOrNil(12).map(Timestamp.init(milliseconds:))))
    }

    private static func time(_ statement: inout Statement) throws(StoreFailure) -> Timestamp? {
        defer { statement.reset() }
        guard try statement.next() else { return nil }
        return statement.integerOrNil(0).map(Timestamp.init(milliseconds:))
    }
}
