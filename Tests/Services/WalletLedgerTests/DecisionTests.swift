// The domain without a store: the table of a hold's moves, the order of spending, and decisions on snapshots
// that the service never hands over but that must be refused all the same.

import Foundation
import Messages
import Primitives
import StateStore
import Testing

@testable import WalletLedgerDomain
@testable import WalletLedgerService

@Suite struct `Decisions` {
    private static let now = Timestamp(milliseconds: 1_793_610_000_000)

    private func snapshot(_ points: Int64, held: Int64 = 0) -> WalletSnapshot {
        let balances = Balances(settled: Points(points), held: Points(held), pending: .zero)
        return WalletSnapshot(
            wallet: Wallet(id: WalletID(1), externalID: "ann", name: nil, openedAt: Self.now), sequence: 4,
            accounts: [WalletSnapshot.Account(asset: .points, balances: balances)])
    }

    private func envelope(_ id: UInt128) -> CommandEnvelope {
        CommandEnvelope(
            id: MessageID(id), wallet: WalletID(1), externalID: "ann", occurredAt: Self.now, now: Self.now)
    }

    private func lot(_ id: UInt128, _ points: Int64, expiresIn minutes: Int64?, reserved: Int64 = 0) -> Lot {
        Lot(
            id: MessageID(id), awardedAt: Self.now,
            expiresAt: minutes.map { Self.now.adding(milliseconds: $0 * 60_000) },
            remaining: Points(points), reserved: Points(reserved))
    }

    @Test func `only an open hold moves, to the state of its move`() {
        let open: [Hold.Move: Hold.State] = [
            .commitPart: .open, .commitRest: .committed, .void: .voided, .expire: .expired,
        ]
        for state in Hold.State.allCases {
            for move in Hold.Move.allCases {
                #expect(Hold.state(after: move, from: state) == (state == .open ? open[move] : nil))
            }
        }
    }

    @Test func `the schema refuses a hold's illegal moves and states`() throws {
        let store = try StateStore(.memory, schema: walletLedgerTopology().schema)
        let rows = try HoldRows(store.connection)
        let hold = Hold(
            id: MessageID(2), wallet: WalletID(1), direction: .credit, asset: .points, points: Points(10),
            purpose: "p",
            expiresAt: Self.now)
        try rows.insert(hold)
        let part = hold.committing(Points(4), at: Self.now)
        try rows.save(part)
        let illegal = [
            "UPDATE hold SET committed = 3", "UPDATE hold SET committed = 11",
            "UPDATE hold SET state = 'committed', ended_at = 1",
            "UPDATE hold SET state = 'voided'", "UPDATE hold SET state = 'lost'",
            "UPDATE hold SET points = 3",
        ]
        for sql in illegal {
            #expect(throws: StoreFailure.self, "\(sql)") { try store.connection.execute(sql) }
        }
        try rows.save(part.moved(by: .void, at: Self.now))
        for sql in [
            "UPDATE hold SET state = 'open', ended_at = NULL",
            "UPDATE hold SET committed = 10, state = 'committed'",
        ] {
            #expect(throws: StoreFailure.self, "\(sql)") { try store.connection.execute(sql) }
        }
        #expect(try rows.hold(MessageID(2))?.state == .voided)
    }

    @Test func `a store of an older schema is restored anew`() throws {
        let path = FileManager.default.temporaryDirectory.path + "/ledger-\(UUID().uuidString).sqlite"
        defer { try? StateStore.wipe(.file(path: path)) }
        // Version 2 had a history without the newest sequence of each block.
        let table = "CREATE TABLE wallet_history (wallet_id BLOB PRIMARY KEY) STRICT;"
        do { _ = try StateStore(.file(path: path), schema: StoreSchema(versions: [table, ""], changelogged: [])) }
        #expect {
            try StateStore(.file(path: path), schema: walletLedgerTopology().schema)
        } throws: { failure in
            (failure as? StoreFailure)?.consequence == .rebuild
        }
    }

    @Test func `a sequence that the wallet has already ends the store, in a full block and in the newest`() throws {
        for (sequence, isWritten) in [1, 31, 32, 40].flatMap({ [($0, false), ($0, true)] }) {
            let store = try StateStore(.memory, schema: walletLedgerTopology().schema)
            let rows = try HistoryRows(store)
            for sequence in 1...40 { try rows.insert(MessageID(UInt128(sequence)), WalletID(1), Int64(sequence), []) }
            try rows.insert(MessageID(200), WalletID(2), 1, [])
            #expect(try rows.page(of: WalletID(1), before: .max, limit: 100).map(\.sequence) == (1...40).reversed())
            if isWritten { try store.writeGathered() }
            // As a decision on another state of the wallet would.
            try rows.insert(MessageID(100), WalletID(1), Int64(sequence), [])
            let failure = #expect(throws: StoreFailure.self, "\(sequence)") { try store.writeGathered() }
            #expect(failure?.consequence == .rebuild)
        }
    }

    @Test func `a decision on another state of the wallet than the store's is refused, and leaves nothing`() throws {
        let store = try StateStore(.memory, schema: walletLedgerTopology().schema)
        let ledger = try LedgerStore(store)
        let envelope = CommandEnvelope(
            id: MessageID(1), wallet: WalletID(1), externalID: "card-1", occurredAt: Self.now, now: Self.now)
        let opening = DecideWallet.open(nil, OpenWallet(externalID: "card-1", name: nil), envelope)
        try ledger.apply(opening, on: nil, body: [])
        let opened = try #require(try ledger.accounts.snapshot(of: WalletID(1)))
        #expect(opened.sequence == 1)
        let before = try store.connection.integer("SELECT total_changes()")
        let failure = #expect(throws: StoreFailure.self) { try ledger.apply(opening, on: opened, body: []) }
        #expect(failure?.consequence == .rejectRecord)
        #expect(try store.connection.integer("SELECT total_changes()") == before)
    }

    @Test func `balances that wait are what the next decision is made on, in each asset`() throws {
        let store = try StateStore(.memory, schema: walletLedgerTopology().schema)
        let rows = try AccountRows(store)
        let miles = AssetCode("miles")
        try rows.save(
            Wallet(id: WalletID(1), externalID: "card-1", name: nil, status: .active, openedAt: Self.now))
        for asset in [.points, miles] { try rows.save(WalletID(1), asset, .zero, 1, isNew: true) }
        let (some, more) = (balances(settled: 5), balances(settled: 9, held: 4, pending: 2))
        try rows.save(WalletID(1), miles, some, 2, isNew: false)
        try rows.save(WalletID(1), miles, more, 3, isNew: false)
        for isWritten in [false, true] {
            if isWritten { try store.writeGathered() }
            let found = try #require(try rows.snapshot(of: WalletID(1)))
            #expect(found.sequence == 3)
            #expect(found.balances(of: miles) == more)
            #expect(found.balances(of: .points) == .zero)
        }
        #expect(try store.connection.integer("SELECT settled FROM account WHERE asset = 'miles'") == 9)
    }

    @Test func `balances that the schema would refuse are refused before they wait`() throws {
        let store = try StateStore(.memory, schema: walletLedgerTopology().schema)
        let rows = try AccountRows(store)
        try rows.save(WalletID(1), .points, .zero, 1, isNew: true)
        let most = Points.maximum.units
        let refused = [
            balances(settled: -1), balances(settled: 1, held: 2), balances(settled: 1, held: -1),
            balances(settled: 1, pending: -1), balances(settled: most, pending: 1),
        ]
        for balances in refused {
            let failure = #expect(throws: StoreFailure.self, "\(balances)") {
                try rows.save(WalletID(1), .points, balances, 2, isNew: false)
            }
            #expect(failure?.consequence == .rejectRecord)
        }
        try rows.save(WalletID(1), .points, balances(settled: most, held: most), 2, isNew: false)
        try store.writeGathered()
        #expect(try store.connection.integer("SELECT held FROM account") == most)
    }

    @Test func `an account that is not there ends the store when its balances are written`() throws {
        let store = try StateStore(.memory, schema: walletLedgerTopology().schema)
        let rows = try AccountRows(store)
        try rows.save(WalletID(1), .points, balances(settled: 1), 1, isNew: false)
        let failure = #expect(throws: StoreFailure.self) { try store.writeGathered() }
        #expect(failure?.consequence == .rebuild)
    }

    private func balances(settled: Int64, held: Int64 = 0, pending: Int64 = 0) -> Balances {
        Balances(settled: Points(settled), held: Points(held), pending: Points(pending))
    }

    @Test func `no second transaction of an id is inserted, be the first one waiting, written or refused`() throws {
        let store = try StateStore(.memory, schema: walletLedgerTopology().schema)
        let rows = try HistoryRows(store)
        #expect(try rows.body(of: MessageID(7)) == nil)
        try rows.insert(MessageID(7), WalletID(1), 1, Array("first".utf8))
        try rows.insertRefused(MessageID(8), Array("refused".utf8))
        for isWritten in [false, true] {
            if isWritten { try store.writeGathered() }
            for id in [7, 8] as [UInt128] {
                let failure = #expect(throws: StoreFailure.self) { try rows.insert(MessageID(id), WalletID(2), 1, []) }
                #expect(failure?.consequence == .rejectRecord)
            }
            #expect(try rows.body(of: MessageID(7)) == Array("first".utf8))
        }
    }

    @Test func `a lot that the schema would refuse is refused before it waits`() throws {
        let store = try StateStore(.memory, schema: walletLedgerTopology().schema)
        let rows = try LotRows(store)
        let tooMany = Points.maximum.units + 1
        for refused in [
            lot(1, 0, expiresIn: 1), lot(1, -1, expiresIn: 1), lot(1, tooMany, expiresIn: 1),
            lot(1, 5, expiresIn: 1, reserved: 6), lot(1, 5, expiresIn: 1, reserved: -1),
        ] {
            let failure = #expect(throws: StoreFailure.self) { try rows.insert(refused, WalletID(1), .points) }
            #expect(failure?.consequence == .rejectRecord)
        }
        try rows.insert(lot(1, Points.maximum.units, expiresIn: 1, reserved: 5), WalletID(1), .points)
        try store.writeGathered()
        #expect(try store.connection.integer("SELECT count(*) FROM lot") == 1)
    }

    @Test func `a lot that waits is due in its time, and the question does not write it`() throws {
        let store = try StateStore(.memory, schema: walletLedgerTopology().schema)
        let rows = try LotRows(store)
        #expect(try rows.firstExpiry() == nil)
        for added in [lot(1, 5, expiresIn: nil), lot(2, 5, expiresIn: 3, reserved: 5), lot(3, 5, expiresIn: 9)] {
            try rows.insert(added, WalletID(1), .points)
        }
        #expect(try rows.firstExpiry() == lot(3, 5, expiresIn: 9).expiresAt)
        #expect(try store.connection.integer("SELECT count(*) FROM lot") == 0)
        try store.writeGathered()
        #expect(try rows.firstExpiry() == lot(3, 5, expiresIn: 9).expiresAt)
        try rows.insert(lot(4, 5, expiresIn: 4), WalletID(1), .points)
        #expect(try rows.firstExpiry() == lot(4, 5, expiresIn: 4).expiresAt)
    }

    @Test func `lots are spent soonest expiry first, then oldest, then by id`() {
        var older = lot(9, 1, expiresIn: 5)
        older.awardedAt = Self.now.adding(milliseconds: -1)
        let ordered = [
            lot(7, 1, expiresIn: 1), older, lot(3, 1, expiresIn: 5), lot(4, 1, expiresIn: 5),
            lot(1, 1, expiresIn: nil),
        ]
        #expect(ordered.reversed().sorted(by: Lot.isSpentBefore) == ordered)
        #expect(!Lot.isSpentBefore(ordered[4], ordered[4]))
    }

    @Test func `a hold takes no expired and no reserved points, even if the balance counts them`() {
        let command = OpenHold(
            hold: MessageID(2), points: Points(30), expiresAt: Self.now.adding(milliseconds: 1), purpose: "p")
        let lots = [
            lot(5, 20, expiresIn: 0), lot(6, 40, expiresIn: 9, reserved: 10), lot(7, 5, expiresIn: nil),
        ]
        let taken = DecideHold.decide(
            snapshot(65, held: 10), command, isKnown: false, lots: lots, envelope(2))
        let reserved = taken.changes.compactMap { change in
            if case .addReservation(let reservation, _) = change {
                (reservation.lot.id, reservation.points)
            } else {
                nil
            }
        }
        #expect(reserved.map(\.0) == [MessageID(6)] && reserved.map(\.1) == [Points(30)])
        var larger = command
        larger.points = Points(36)
        let refused = DecideHold.decide(
            snapshot(65, held: 10), larger, isKnown: false, lots: lots, envelope(2))
        #expect(refused.transaction.refusal == "insufficient-balance" && refused.changes.isEmpty)
    }

    @Test func `a hold that is over is not committed, and a hold of another wallet does not exist`() {
        let hold = Hold(
            id: MessageID(2), wallet: WalletID(1), direction: .debit, asset: .points, points: Points(10),
            purpose: "p",
            expiresAt: Self.now)
        let reservations = [Reservation(lot: lot(5, 10, expiresIn: nil, reserved: 10), points: Points(10))]
        let command = EndHold(hold: hold.id)
        let late = DecideEndHold.commit(
            snapshot(10, held: 10), command, hold, reservations, issuable: .maximumIssued, envelope(3))
        #expect(late.transaction.refusal == "hold-expired")
        var foreign = hold
        foreign.wallet = WalletID(8)
        foreign.expiresAt = Self.now.adding(milliseconds: 1)
        let other = DecideEndHold.void(snapshot(10, held: 10), command, foreign, reservations, envelope(3))
        #expect(other.transaction.refusal == "unknown-hold" && other.changes.isEmpty)
    }

    @Test func `ids of what time does meet no command's`() {
        let event = EventID(keyHash: 1, digest: 2)
        let steps: [Step] =
            [.event, .open, .hold, .commit, .void, .expire, .block, .unblock] + (0..<64).map { .award($0) }
        let commands = steps.map { event.caused($0) }
        let expiries = commands.map { MessageID.expiry(ofHold: $0) }
        #expect(Set(commands + expiries).count == 2 * steps.count)
        #expect(commands.allSatisfy { !$0.isLedgersOwn } && expiries.allSatisfy(\.isLedgersOwn))
        let lots = (1...100).map { MessageID.expiryOfLots(in: WalletID(1), sequence: $0) }
        #expect(Set(lots).count == 100 && lots.allSatisfy(\.isLedgersOwn))
    }
}
