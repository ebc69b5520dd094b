// The programme's accounts of a partition: how much it may issue, and that whatever is asked of it stops nothing.

import JSONText
import Messages
import Primitives
import SimulatedLog
import Testing

@testable import WalletLedgerDomain
@testable import WalletLedgerService

@Suite struct `The programme's accounts` {
    private static let most = Points.maximum.units

    /// Fills wallets until the partition may issue ``most`` more.
    private func fill(_ world: LedgerWorld) throws {
        for number in 1..<(Points.maximumIssued.units / Self.most) {
            try world.award("full \(number)", to: "full-\(number)", Self.most)
        }
        world.rig.settle()
        #expect(world.running?.stop == nil)
    }

    @Test(arguments: [nil, .abort, .answerLost] as [Fault?])
    func `an award beyond what a partition may issue is refused, and the ledger goes on`(fault: Fault?) throws {
        let world = try LedgerWorld(partitions: 1)
        try world.award("pending", to: "bob", [LedgerWorld.line(10, inflight: true)])
        try fill(world)
        if let fault { world.rig.cluster.inject(fault, at: .commit) }
        // One batch.
        try world.award("a", Self.most - 5)
        try world.award("b", to: "cy", 6)
        try world.award("c", to: "cy", 5)
        try world.award("d", to: "cy", [LedgerWorld.line(1, inflight: true)])
        try world.award("e", to: "cy", [LedgerWorld.line(1, asset: AssetCode("miles"))])
        world.rig.pass(milliseconds: 20_000)
        #expect(world.running?.stop == nil)
        #expect(try world.refusals(.awarded) == [""])
        #expect(try world.refusals(of: "cy", .awarded) == ["balance-limit", "", "balance-limit", ""])
        let hold = LedgerWorld.event("pending").caused(.award(0))
        try world.end(.holdCommit, hold, of: "bob")
        try world.end(.holdVoid, hold, of: "bob")
        #expect(try world.balance("bob") == [0, 0, 0, 0])
        #expect(try world.refusals(of: "bob", .holdCommitted) == ["balance-limit"])
        try spend(world)
        world.stop()
        try world.loseStores()
        world.start()
        try world.award("f", to: "cy", 1)
        #expect(try world.balance("cy") == [5, 0, 0, 5])
        #expect(try world.refusals(of: "cy", .awarded).last == "balance-limit")
        try world.checkBooks()
    }

    /// Gives no room: what was issued stays issued.
    private func spend(_ world: LedgerWorld) throws {
        try world.hold("h", Self.most - 5)
        try world.end(.holdCommit, LedgerWorld.hold("h"))
        #expect(try world.balance() == [0, 0, 0, 0])
    }

    @Test func `more assets than a partition keeps in mind are each counted to their end`() throws {
        let world = try LedgerWorld(partitions: 1)
        for round in 0..<2 {
            for number in 0..<100 {
                try world.award("\(round) \(number)", [LedgerWorld.line(1, asset: AssetCode("asset-\(number)"))])
            }
        }
        world.rig.settle()
        #expect(try world.refusals(.awarded) == Array(repeating: "", count: 200))
        try world.checkBooks()
    }
}
