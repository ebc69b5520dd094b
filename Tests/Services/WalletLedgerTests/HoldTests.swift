// Holds from their opening to their end, and what expiry does to holds and lots.

import JSONText
import Messages
import Primitives
import Testing

@testable import WalletLedgerService

@Suite struct `Holds and expiry` {
    @Test(arguments: [(60, ""), (61, "insufficient-balance"), (100, "insufficient-balance")])
    func `K23 a burn that leaves less than the minimum is refused, one that leaves it exactly is not`(
        points: Int64, refusal: String
    ) throws {
        let world = try LedgerWorld()
        try world.award("order-1", 100)
        try world.hold("spend", points, minimumRemaining: 40)
        world.rig.settle()
        #expect(try world.refusals(.holdOpened) == [refusal])
        let held = refusal.isEmpty ? points : 0
        #expect(try world.balance() == [100, held, 0, 100 - held])
    }

    @Test func `B8 a hold lowers what is available at once and what is settled on commit`() throws {
        let world = try LedgerWorld()
        try world.award("never", 50)
        try world.award("late", 50, days: 20)
        try world.award("soon", 50, days: 10)
        try world.hold("spend", 120)
        #expect(try world.balance() == [150, 120, 0, 30])
        try world.end(.holdCommit, LedgerWorld.hold("spend"), 70)
        #expect(try world.balance() == [80, 50, 0, 30])
        try world.end(.holdCommit, LedgerWorld.hold("spend"), attempt: 1)
        #expect(try world.balance() == [30, 0, 0, 30])
        let names = Dictionary(
            uniqueKeysWithValues: ["soon", "late", "never"].map { (LedgerWorld.event($0), $0) })
        let taken = try world.transactions().filter { $0.type == .holdCommitted }.map { transaction in
            transaction.lots.map { "\(names[$0.lot.cause] ?? "?") \($0.points)" }
        }
        #expect(taken == [["soon -50", "late -20"], ["late -30", "never -20"]])
        let spends = try world.rig.bodies(of: .spends)
        #expect(spends.map { $0["points"]?.int64 } == [70, 50])
        #expect(spends.map { $0["reward"]?.string() } == ["voucher", "voucher"])
        try world.checkBooks()
    }

    @Test(arguments: OpenHold.Direction.allCases, [MessageType.holdCommit, .holdVoid])
    func `B9 a hold ends once: a second commit or void is refused and changes nothing`(
        direction: OpenHold.Direction, ending: MessageType
    ) throws {
        let world = try LedgerWorld()
        try world.award("order-1", 100)
        try world.hold("h", 40, direction: direction)
        try world.end(ending, LedgerWorld.hold("h"))
        let after = try world.balance()
        #expect(after[1] == 0 && after[2] == 0)
        let moved: Int64 = ending == .holdVoid ? 0 : direction == .debit ? -40 : 40
        #expect(after[0] == 100 + moved)
        try world.end(.holdCommit, LedgerWorld.hold("h"), attempt: 2)
        try world.end(.holdVoid, LedgerWorld.hold("h"), attempt: 2)
        try world.end(.holdVoid, LedgerWorld.hold("never"), attempt: 3)
        try world.hold("h", 1)
        #expect(try world.balance() == after)
        let refusals = try world.transactions().compactMap(\.refusal)
        #expect(refusals == ["hold-ended", "hold-ended", "unknown-hold"])
        try world.checkBooks()
    }

    @Test func `B10 ten concurrent holds never exceed the available balance`() throws {
        let world = try LedgerWorld()
        try world.award("order-1", 100)
        world.rig.settle()
        for number in 0..<10 { try world.hold("h\(number)", 30) }
        world.rig.settle()
        let opened = try world.transactions().filter { $0.type == .holdOpened }
        #expect(opened.count == 10 && opened.filter { $0.refusal == nil }.count == 3)
        #expect(opened.allSatisfy { $0.balances.available == $0.balances.settled - $0.balances.held })
        #expect(opened.allSatisfy { $0.balances.available >= .zero })
        #expect(try world.balance() == [100, 90, 0, 10])
        try world.end(.holdVoid, LedgerWorld.hold("h0"))
        try world.hold("h10", 40)
        #expect(try world.balance() == [100, 100, 0, 0])
        try world.checkBooks()
    }

    @Test func `more points than are held are not committed`() throws {
        let world = try LedgerWorld()
        try world.award("order-1", 100)
        try world.hold("h", 40)
        try world.end(.holdCommit, LedgerWorld.hold("h"), 30)
        try world.end(.holdCommit, LedgerWorld.hold("h"), 11, attempt: 1)
        #expect(try world.balance() == [70, 10, 0, 60])
        #expect(try world.refusals(.holdCommitted) == ["", "points-exceed-hold"])
    }

    @Test func `a hold is over at its time, swept or not`() throws {
        let world = try LedgerWorld()
        try world.award("order-1", 100)
        try world.hold("read", 40, minutes: 5)
        world.rig.settle()
        // No worker runs between the expiry and the commit, so the commit is what finds it.
        world.rig.cluster.advance(milliseconds: 5 * LedgerWorld.minute)
        try world.end(.holdCommit, LedgerWorld.hold("read"))
        world.rig.settle()
        #expect(try world.transactions().suffix(2).map(\.type) == [.holdExpired, .holdCommitted])
        #expect(try world.refusals(.holdCommitted) == ["hold-expired"])
        try world.hold("swept", 60, minutes: 5)
        #expect(try world.balance() == [100, 60, 0, 40])
        world.rig.pass(milliseconds: 5 * LedgerWorld.minute)
        let swept = try #require(try world.transactions().last)
        #expect(
            swept.type == .holdExpired && swept.hold == LedgerWorld.hold("swept")
                && swept.points == Points(60))
        #expect(swept.balances == Balances(settled: Points(100), held: .zero, pending: .zero))
        try world.checkBooks()
    }

    @Test
    func
        `expired points cannot be spent before the sweep came, and reserved ones expire when they come back`()
        throws
    {
        let world = try LedgerWorld()
        try world.award("old", 60, days: 1)
        try world.award("new", 50, days: 9)
        try world.hold("h", 40, minutes: 3_000)
        world.rig.settle()
        world.rig.cluster.advance(milliseconds: LedgerWorld.day)
        // 20 of the old lot's points are free and expire, 40 stay reserved: 50 of the new lot are available.
        try world.hold("too-much", 51)
        try world.hold("all", 50)
        world.rig.settle()
        #expect(try world.refusals(.holdOpened) == ["", "insufficient-balance", ""])
        #expect(try world.balance() == [90, 90, 0, 0])
        try world.end(.holdCommit, LedgerWorld.hold("h"), 15)
        try world.end(.holdVoid, LedgerWorld.hold("h"))
        #expect(try world.balance() == [50, 50, 0, 0])
        let expired = try world.transactions().filter { $0.type == .lotExpired }
        #expect(expired.map(\.points) == [Points(20), Points(25)])
        #expect(expired.allSatisfy { $0.transfers.map(\.credit) == [.expired] })
        #expect(Set(expired.map(\.id)).count == 2)
        try world.checkBooks()
    }

    @Test func `lots are shown by the day they expire, and the history page by page`() throws {
        let world = try LedgerWorld()
        try world.award("a", 10, days: 3)
        try world.award("b", 20, days: 3)
        try world.award("c", 30)
        let lots = try #require(try world.ask(.balanceQuery).body["lots"])
        #expect(lots.items.map { $0["points"]?.int64 } == [30, 30])
        #expect(lots.items.map { $0["never"]?.bool } == [nil, true])
        func page(before: Int64?) throws -> JSONValue {
            try world.ask(.historyQuery) { writer in
                writer.beginObject()
                writer.field("limit", 3)
                if let before { writer.field("before", before) }
                writer.endObject()
            }.body
        }
        let first = try page(before: nil)
        #expect(first["transactions"]?.items.map { $0["sequence"]?.int64 } == [4, 3, 2])
        let second = try page(before: first["next"]?.int64)
        #expect(second["transactions"]?.items.map { $0["type"]?.string() } == ["wallet.opened"])
        #expect(second["next"] == nil)
    }

    @Test(arguments: [1, 31, 32, 33, 100])
    func `a long history is read page by page without a gap, whatever a page holds`(limit: Int64) throws {
        let world = try LedgerWorld()
        for number in 0..<100 { try world.award("order-\(number)", 1) }
        var (seen, before): ([Int64], Int64?) = ([], nil)
        repeat {
            let page = try world.ask(.historyQuery) { writer in
                writer.beginObject()
                writer.field("limit", limit)
                if let before { writer.field("before", before) }
                writer.endObject()
            }.body
            let sequences = page["transactions"]?.items.compactMap { $0["sequence"]?.int64 } ?? []
            #expect(sequences.count <= Int(limit))
            seen += sequences
            before = page["next"]?.int64
        } while before != nil
        // The first opened the wallet.
        #expect(seen == (1...101).reversed())
        try world.checkBooks()
    }

    @Test func `a hold of more lots than a transaction may name is refused, one of as many is not`() throws {
        let world = try LedgerWorld()
        let lots = WalletTransaction.maximumLots + 1
        for number in 0..<lots { try world.award("order-\(number)", 1) }
        try world.hold("all", Int64(lots))
        try world.hold("most", Int64(lots - 1))
        try world.end(.holdCommit, LedgerWorld.hold("most"))
        #expect(try world.balance() == [1, 0, 0, 1])
        #expect(try world.refusals(.holdOpened) == ["too-many-lots", ""])
        try world.checkBooks()
    }

    /// A day beyond the time that an ended hold is remembered for.
    private static let forgotten = LedgerStore.endedHoldMilliseconds + LedgerWorld.day

    private func reopen(_ world: LedgerWorld, _ attempt: Int) throws -> LedgerWorld.Answer {
        let command = OpenHold(
            hold: LedgerWorld.hold("h"), points: Points(10),
            expiresAt: world.now.adding(milliseconds: 5 * LedgerWorld.minute), purpose: "again")
        let id = LedgerWorld.event("again \(attempt)").caused(.hold)
        return try world.ask(.holdOpen, id: id, command.encode)
    }

    @Test(arguments: [false, true])
    func `a hold that expired is not opened again under its id, and what is due after it expires`(
        isRestored: Bool
    ) throws {
        let world = try LedgerWorld()
        try world.award("order-1", 100)
        try world.award("lapses", 7, days: 95)
        try world.hold("h", 10, minutes: 5)
        world.rig.settle()
        world.rig.pass(milliseconds: 5 * LedgerWorld.minute)
        world.rig.pass(milliseconds: Self.forgotten)
        let unknown = EndHold(hold: LedgerWorld.hold("h"))
        let ended = try world.ask(.holdVoid, id: LedgerWorld.event("late").caused(.void), unknown.encode)
        #expect(ended.body["refusal"]?.string() == "unknown-hold", "forgotten")
        if isRestored {
            world.stop()
            try world.loseStores()
            world.start()
            world.rig.settle()
        }
        let answer = try reopen(world, 1)
        #expect(answer.outcome == "refused" && answer.body["refusal"]?.string() == "hold-exists")
        world.rig.pass(milliseconds: 5 * LedgerWorld.minute)
        world.rig.pass(milliseconds: 5 * LedgerWorld.day)
        #expect(try world.transactions().last?.type == .lotExpired)
        try world.award("order-2", 1)
        #expect(try world.balance() == [101, 0, 0, 101])
        #expect(try world.rig.records(of: .deadLetters(of: .walletLedger)).isEmpty)
        try world.checkBooks()
    }

    @Test func `an award in flight whose hold's id has expired before is a dead letter, and stops no sweep`() throws {
        let world = try LedgerWorld()
        try world.award("order-1", 100)
        let taken = LedgerWorld.event("order-2").caused(.award(0))
        let hold = OpenHold(
            hold: taken, points: Points(3), expiresAt: world.now.adding(milliseconds: LedgerWorld.minute), purpose: "p")
        try world.send(.holdOpen, LedgerWorld.hold("own"), "ann", hold.encode)
        world.rig.settle()
        world.rig.pass(milliseconds: LedgerWorld.minute)
        world.rig.pass(milliseconds: Self.forgotten)
        try world.award("order-2", [LedgerWorld.line(7, inflight: true)])
        world.rig.settle()
        let letters = try world.rig.records(of: .deadLetters(of: .walletLedger))
        #expect(letters.map { $0.headerText("dead-letter-reason") } == ["key-reuse"])
        world.rig.pass(milliseconds: 31 * LedgerWorld.day)
        try world.award("order-3", 1)
        #expect(try world.balance() == [101, 0, 0, 101])
        try world.checkBooks()
    }
}
