// What the ledger makes of an event's awards, of wallets that are blocked or unknown, and of wallets that are
// opened twice.

import JSONText
import Messages
import Primitives
import Testing

@testable import WalletLedgerService

@Suite struct `Awards and wallets` {
    @Test func `O2 an offer's award is one transaction linked to event and offer`() throws {
        let world = try LedgerWorld()
        try world.award("order-1", [LedgerWorld.line(125, offer: "welcome")])
        world.rig.settle()
        let event = LedgerWorld.event("order-1")
        let transactions = try world.transactions()
        #expect(transactions.map(\.type) == [.walletOpened, .awarded])
        let award = try #require(transactions.last)
        #expect(award.id == MessageID(event.value) && award.sequence == 2 && award.source == "shop")
        #expect(award.balances == Balances(settled: Points(125), held: .zero, pending: .zero))
        #expect(
            award.transfers == [
                WalletTransaction.Transfer(
                    id: event.caused(.award(0)), debit: .issued, credit: .wallet, points: Points(125),
                    offer: "welcome", offerVersion: 7)
            ])
        let records = try world.rig.records(of: .awards)
        #expect(records.count == 1 && records[0].headerText("outcome") == "awarded")
        let body = try #require(try world.rig.bodies(of: .awards).first)
        #expect(body["event"]?.string() == event.description)
        #expect(body["awards"]?.items.map { $0["offer"]?.string() } == ["welcome"])
        let answer = try world.ask(.eventQuery, id: MessageID(event.value))
        #expect(answer.outcome == "done" && answer.body["points"]?.int64 == 125)
    }

    @Test func `B7 an inflight award changes what is pending, and the balance only when it is committed`()
        throws
    {
        let world = try LedgerWorld()
        let expiry = world.now.adding(milliseconds: 90 * LedgerWorld.day)
        try world.award("order-1", [LedgerWorld.line(40, expiresAt: expiry, inflight: true)])
        #expect(try world.balance() == [0, 0, 40, 0])
        #expect(try world.rig.records(of: .awards).last?.headerText("outcome") == "pending")
        let hold = LedgerWorld.event("order-1").caused(.award(0))
        try world.end(.holdCommit, hold, 15)
        #expect(try world.balance() == [15, 0, 25, 15])
        try world.end(.holdCommit, hold, attempt: 1)
        #expect(try world.balance() == [40, 0, 0, 40])
        let commits = try world.transactions().filter { $0.type == .holdCommitted }
        #expect(commits.map { $0.lots.first?.expiresAt } == [expiry, expiry])
        #expect(commits.map { $0.transfers.first?.offer } == ["one-per-unit", "one-per-unit"])
        #expect(try world.rig.records(of: .spends).isEmpty)
        try world.checkBooks()
    }

    @Test func `K22 an earn never fails for lack of balance, a burn is checked against it`() throws {
        let world = try LedgerWorld()
        try world.award("order-1", 1)
        try world.hold("spend", 2)
        try world.award("order-2", 1)
        try world.hold("again", 2)
        world.rig.settle()
        #expect(try world.refusals(.awarded) == ["", ""])
        #expect(try world.refusals(.holdOpened) == ["insufficient-balance", ""])
    }

    @Test func `K6 a blocked wallet shows its status, refuses earns and burns, and still ends its holds`()
        throws
    {
        let world = try LedgerWorld()
        try world.award("order-1", 100)
        try world.hold("before", 30)
        try world.block()
        try world.award("order-2", 5)
        try world.hold("after", 10)
        try world.end(.holdCommit, LedgerWorld.hold("before"))
        #expect(try world.balance() == [70, 0, 0, 70])
        #expect(try world.ask(.walletQuery).body["status"]?.string() == "blocked")
        #expect(try world.ask(.balanceQuery).body["status"]?.string() == "blocked")
        #expect(try world.refusals(.awarded) == ["", "wallet-blocked"])
        #expect(try world.refusals(.holdOpened) == ["", "wallet-blocked"])
        #expect(try world.refusals(.holdCommitted) == [""])
        try world.block(attempt: 1)
        try world.block(attempt: 2, .walletUnblock)
        try world.award("order-3", 5)
        #expect(try world.balance() == [75, 0, 0, 75])
        #expect(try world.refusals(.walletBlocked) == ["", "already-blocked"])
    }

    @Test func `B5 a wallet is opened once and has one record, whoever asks`() throws {
        let world = try LedgerWorld()
        let open = OpenWallet(externalID: "ann", name: "Ann")
        let id = MessageID(LedgerWorld.event("sign-up").value)
        let first = try world.ask(.walletOpen, id: id, open.encode)
        let again = try world.ask(.walletOpen, id: id, open.encode)
        let other = try world.ask(.walletOpen, id: MessageID(LedgerWorld.event("other").value), open.encode)
        let read = try world.ask(.walletQuery)
        #expect([first, again, other, read].map(\.outcome) == ["created", "done", "done", "done"])
        #expect([first, again, other, read].map(\.isReplayed) == [false, true, false, false])
        #expect(Set([first, again, other, read].map { Array($0.body.rawBytes) }).count == 1)
        #expect(read.body["balanceId"]?.string() == "\(LedgerWorld.wallet("ann"))/points")
        #expect(read.body["externalId"]?.string() == "ann" && read.body["name"]?.string() == "Ann")
        #expect(try world.ask(.walletQuery, "nobody").outcome == "not-found")
    }

    @Test func `an unknown wallet is refused where the issuer and downstream see it, and stays refused`()
        throws
    {
        let world = try LedgerWorld()
        try world.award("order-1", [LedgerWorld.line(10)], opens: false)
        try world.hold("spend", 5)
        world.rig.settle()
        let refused = try world.transactions()
        #expect(refused.map(\.refusal) == ["unknown-wallet", "unknown-wallet"])
        #expect(refused.allSatisfy { $0.sequence == nil })
        #expect(try world.rig.records(of: .awards).map { $0.headerText("outcome") } == ["refused"])
        try world.award("order-2", 3)
        try world.award("order-1", [LedgerWorld.line(10)])
        #expect(try world.balance() == [3, 0, 0, 3])
        #expect(
            try world.ask(.eventQuery, id: MessageID(LedgerWorld.event("order-1").value)).outcome == "refused"
        )
        #expect(
            try world.ask(.eventQuery, id: MessageID(LedgerWorld.event("none").value)).outcome == "pending")
    }

    @Test func `a credit beyond the largest balance is refused and changes nothing`() throws {
        let world = try LedgerWorld()
        try world.award("order-1", Points.maximum.units - 1)
        try world.award("order-2", [LedgerWorld.line(1, inflight: true)])
        try world.award(
            "order-3", [LedgerWorld.line(Points.maximum.units), LedgerWorld.line(Points.maximum.units)])
        try world.hold("credit", 1, direction: .credit)
        #expect(try world.balance() == [Points.maximum.units - 1, 0, 1, Points.maximum.units - 1])
        #expect(try world.refusals(.awarded) == ["", "", "balance-limit"])
        #expect(try world.refusals(.holdOpened) == ["balance-limit"])
        try world.checkBooks()
    }

    @Test func `an event that awards two assets has a transaction and balances in each`() throws {
        let world = try LedgerWorld()
        let miles = AssetCode("miles")
        try world.award(
            "order-1", [LedgerWorld.line(5), LedgerWorld.line(70, asset: miles), LedgerWorld.line(6)])
        world.rig.settle()
        let awards = try world.transactions().filter { $0.type == .awarded }
        #expect(awards.map(\.asset) == [.points, miles] && awards.map(\.points) == [Points(11), Points(70)])
        #expect(awards.map(\.sequence) == [2, 3])
        let read = try world.ask(.balanceQuery) { writer in
            writer.beginObject()
            writer.field("asset", "miles")
            writer.endObject()
        }
        #expect(read.body["settled"]?.int64 == 70 && read.body["sequence"]?.int64 == 3)
        try world.checkBooks()
    }

    @Test func `a record that is no command goes to the dead letters and leaves no trace`() throws {
        let world = try LedgerWorld()
        try world.award("order-1", 10)
        let wrong = OpenHold(
            hold: LedgerWorld.hold("x"), points: Points(1), expiresAt: world.now, purpose: "p")
        try world.send(.holdOpen, MessageID(0xff), "ann", wrong.encode)
        try world.send(.holdOpen, MessageID(LedgerWorld.event("order-1").value), "ann", wrong.encode)
        try world.send(.purchase, MessageID(0x100), "ann", wrong.encode)
        try world.send(.award, MessageID(0x200), "ann", wrong.encode)
        try world.rig.append(
            .walletCommands, key: Array("no wallet".utf8), headers: [("ce_type", "award")], value: nil)
        world.rig.settle()
        let letters = try world.rig.records(of: .deadLetters(of: .walletLedger))
        #expect(
            Set(letters.compactMap { $0.headerText("dead-letter-reason") })
                == ["identifier", "key-reuse", "unknown-type", "missing", "wrong-key"])
        #expect(try world.balance() == [10, 0, 0, 10])
        #expect(try world.transactions().count == 2)
    }

    @Test(
        arguments: [
            (.holdOpen, nil, "ann", "missing"), (.purchase, nil, "ann", "unknown-type"),
            (.walletBlock, nil, "a b", "charset"), (.balanceQuery, nil, "ann", "type"),
            (.award, MessageID(0xff), "ann", "identifier"),
        ] as [(MessageType, MessageID?, String, String)])
    func `whoever waits for a record that goes to the dead letters is told at once, and why`(
        type: MessageType, id: MessageID?, header: String, code: String
    ) throws {
        let world = try LedgerWorld()
        try world.award("order-1", 10)
        let answer = try world.ask(type, id: id, header: header) { writer in
            writer.beginObject()
            writer.field("asset", 7 as Int64)
            writer.endObject()
        }
        #expect(answer.outcome == "refused" && !answer.isReplayed)
        #expect(answer.body["reason"]?.string() == code)
        #expect(answer.body["detail"]?.string()?.isEmpty == false)
        let letters = try world.rig.records(of: .deadLetters(of: .walletLedger))
        #expect(letters.map { $0.headerText("dead-letter-reason") } == [code])
    }

    @Test func `an award in flight whose hold's id is taken goes to the dead letters, by its reason`() throws {
        let world = try LedgerWorld()
        try world.award("order-1", 10)
        let taken = LedgerWorld.event("order-2").caused(.award(1))
        let hold = OpenHold(
            hold: taken, points: Points(3), expiresAt: world.now.adding(milliseconds: 60_000), purpose: "p")
        try world.send(.holdOpen, LedgerWorld.hold("own"), "ann", hold.encode)
        try world.award("order-2", [LedgerWorld.line(5), LedgerWorld.line(7, inflight: true)])
        try world.award("order-3", 20)
        world.rig.settle()
        let letters = try world.rig.records(of: .deadLetters(of: .walletLedger))
        #expect(letters.map { $0.headerText("dead-letter-reason") } == ["key-reuse"])
        #expect(letters.first?.headerText("dead-letter-detail")?.contains(taken.description) == true)
        #expect(try world.balance() == [30, 3, 0, 27])
        try world.checkBooks()
    }
}
