// What the ledger makes of an envelope whose external id is none, and that nothing it publishes keeps a store from
// being restored.

import JSONText
import Messages
import Primitives
import SimulatedLog
import Testing

@testable import WalletLedgerService

@Suite struct `Envelopes and what is published of them` {
    static let noIdentifiers = [
        "AB/12", #"AB\12"#, "Jane Doe", "", " ", String(repeating: "x", count: 129), "a\u{0}b", "a\u{202e}b",
    ]

    private func restore(_ world: LedgerWorld) throws {
        world.stop()
        try world.loseStores()
        world.start()
        world.rig.settle()
        #expect(world.running?.stop == nil)
    }

    @Test(arguments: noIdentifiers.indices)
    func `a command whose external id is no identifier is a dead letter, and a restore does not stop`(
        index: Int
    ) throws {
        let header = Self.noIdentifiers[index]
        let world = try LedgerWorld()
        let hold = OpenHold(
            hold: LedgerWorld.hold("h"), points: Points(1), expiresAt: world.now.adding(milliseconds: 60_000),
            purpose: "p")
        let block = LedgerWorld.event("block").caused(.block)
        try world.send(.holdOpen, hold.hold, "bob", header: header, hold.encode)
        try world.send(.walletBlock, block, "bob", header: header, BlockWallet(reason: "r").encode)
        world.rig.settle()
        let letters = try world.rig.records(of: .deadLetters(of: .walletLedger))
        #expect(letters.count == 2)
        for letter in letters {
            #expect(["charset", "empty", "too-long"].contains(letter.headerText("dead-letter-reason")))
            #expect(letter.headerText("dead-letter-detail")?.hasPrefix("external-id: ") == true)
            #expect(letter.headerText("external-id") == header, "as it was received")
        }
        #expect(try world.rig.records(of: .walletTransactions).isEmpty)
        try restore(world)
        try world.award("order-1", to: "bob", 5)
        #expect(try world.balance("bob") == [5, 0, 0, 5])
    }

    @Test func `an external id that is not UTF-8 is a dead letter`() throws {
        let world = try LedgerWorld()
        let key = LedgerWorld.wallet("bob").hex
        var writer = JSONWriter()
        BlockWallet(reason: "r").encode(to: &writer)
        let id = LedgerWorld.event("block").caused(.block)
        _ = try world.rig.cluster.append(
            topic: world.rig.log.catalog.name(of: .walletCommands), partition: world.rig.partitions.partition(of: key),
            key: key,
            headers: [
                SimulatedRecord.Header("ce_id", id.description), SimulatedRecord.Header("ce_type", "wallet.block"),
                SimulatedRecord.Header(Array("external-id".utf8), [0x61, 0xff]),
            ], value: writer.bytes)
        world.rig.settle()
        let letters = try world.rig.records(of: .deadLetters(of: .walletLedger))
        #expect(letters.map { $0.headerText("dead-letter-reason") } == ["charset"])
    }

    @Test func `a command without an external id names a wallet that is not there by its id`() throws {
        let world = try LedgerWorld()
        var writer = JSONWriter()
        BlockWallet(reason: "r").encode(to: &writer)
        let id = LedgerWorld.event("block").caused(.block)
        try world.rig.append(
            .walletCommands, key: LedgerWorld.wallet("bob").hex,
            headers: [("ce_id", id.description), ("ce_type", "wallet.block")], value: writer.bytes)
        world.rig.settle()
        #expect(try world.transactions(of: "bob").map(\.externalID) == [LedgerWorld.wallet("bob").description])
        try restore(world)
    }

    /// Until the header was checked, the ledger published refusals with whatever it said. A U+0000 is not among them:
    /// no body that has one is read, whatever the field.
    @Test(arguments: noIdentifiers.indices.filter { !noIdentifiers[$0].contains("\u{0}") })
    func `a refusal published with a wrong external id is restored, and answers its command's repeat`(
        index: Int
    ) throws {
        let externalID = Self.noIdentifiers[index]
        let world = try LedgerWorld()
        let id = LedgerWorld.hold("h")
        let wallet = LedgerWorld.wallet("bob")
        let refused = WalletTransaction(
            id: id, wallet: wallet, externalID: externalID, sequence: nil, type: .holdOpened,
            refusal: "unknown-wallet", points: Points(1), hold: id, purpose: "p", occurredAt: world.now,
            recordedAt: world.now)
        var writer = JSONWriter()
        refused.encode(to: &writer)
        world.stop()
        try world.rig.append(
            .walletTransactions, key: wallet.hex,
            headers: [
                ("ce_id", id.description), ("ce_source", "wallet-ledger"), ("ce_type", "hold.opened"),
                ("external-id", externalID),
            ], value: writer.bytes)
        try world.loseStores()
        world.start()
        world.rig.settle()
        #expect(world.running?.stop == nil)
        let hold = OpenHold(
            hold: id, points: Points(1), expiresAt: world.now.adding(milliseconds: 60_000), purpose: "p")
        let answer = try world.ask(.holdOpen, "bob", id: id, hold.encode)
        #expect(answer.outcome == "refused" && answer.isReplayed)
        #expect(Array(answer.body.rawBytes) == writer.bytes)
        #expect(world.running?.stop == nil)
        #expect(try world.rig.records(of: .walletTransactions).count == 1)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `every transaction is read back as it was published, whatever the commands said`(seed: UInt64) throws {
        let world = try LedgerWorld()
        var commands = HostileCommands(seed: seed)
        for number in 0..<600 {
            try commands.send(number, to: world)
            if number % 20 == 0 { world.rig.pass(milliseconds: 60_000) }
        }
        world.rig.settle()
        let published = try world.rig.records(of: .walletTransactions)
        let letters = try world.rig.records(of: .deadLetters(of: .walletLedger))
        #expect(published.count > 100 && letters.count > 100, "a run without both proved little")
        for record in published {
            let body = try #require(record.value)
            var writer = JSONWriter()
            do throws(MessageFailure) {
                try WalletTransaction.decode(body).encode(to: &writer)
            } catch {
                Issue.record("\(record.headerText("ce_id") ?? "?") is not read back: \(error.detail)")
                continue
            }
            #expect(writer.bytes == body)
        }
        let rows = try world.rows()
        try restore(world)
        #expect(try world.rows() == rows)
    }
}

/// Commands of a trusted system that writes anything where text is due.
private struct HostileCommands {
    private static let texts = [
        "points", "a", "é", "𝔘", "", " ", "a b", "a/b", #"a\b"#, #"a"b"#, "a\u{0}b", "a\u{7f}b", "a\u{202e}b",
        "a\u{200b}", "\u{feff}", "a\nb", "\u{2028}", String(repeating: "x", count: 128),
        String(repeating: "x", count: 129), String(repeating: "é", count: 64), String(repeating: "é", count: 65),
        String(repeating: "y", count: 256), String(repeating: "y", count: 257),
    ]
    private static let plain = "plain"
    private static let customers = ["ann", "bob", "zoë", "nobody", "no-one"]
    private static let units: [Int64] = [1, 2, 40, Points.maximum.units]

    private var entropy: SeededEntropy
    private var holds: [MessageID] = []

    init(seed: UInt64) { entropy = SeededEntropy(seed: seed) }

    private mutating func below(_ bound: Int) -> Int { Int(entropy.below(UInt64(bound))) }

    /// Mostly plain, or no command would be accepted whole.
    private mutating func text() -> String {
        below(5) == 0 ? Self.texts[below(Self.texts.count)] : Self.plain
    }

    private mutating func points() -> Points { Points(Self.units[below(Self.units.count)]) }

    mutating func send(_ number: Int, to world: LedgerWorld) throws {
        let event = LedgerWorld.event("hostile \(number)")
        let customer = Self.customers[below(Self.customers.count)]
        let header = below(4) == 0 ? Self.texts[below(Self.texts.count)] : customer
        let hold = holds.isEmpty ? event.caused(.hold) : holds[below(holds.count)]
        switch below(10) {
        case 0...3:
            let command = award(event, customer, world.now)
            try world.send(.award, MessageID(event.value), customer, header: header, command.encode)
        case 4, 5:
            let command = OpenHold(
                hold: event.caused(.hold), direction: below(2) == 0 ? .debit : .credit, asset: AssetCode(asset()),
                points: points(), expiresAt: world.now.adding(milliseconds: Int64(below(10)) * 60_000), purpose: text())
            holds.append(command.hold)
            try world.send(.holdOpen, command.hold, customer, header: header, command.encode)
        case 6:
            let command = EndHold(hold: hold, reward: text(), reason: text())
            try world.send(.holdCommit, event.caused(.commit), customer, header: header, command.encode)
        case 7:
            let command = EndHold(hold: hold, reason: text())
            try world.send(.holdVoid, event.caused(.void), customer, header: header, command.encode)
        case 8:
            let command = BlockWallet(reason: text())
            let type: MessageType = below(3) == 0 ? .walletBlock : .walletUnblock
            try world.send(type, event.caused(.block), customer, header: header, command.encode)
        default:
            let command = OpenWallet(externalID: customer, name: text())
            try world.send(.walletOpen, MessageID(event.value), customer, header: header, command.encode)
        }
    }

    private mutating func asset() -> String { below(2) == 0 ? "points" : text() }

    private mutating func award(_ event: EventID, _ customer: String, _ now: Timestamp) -> AwardCommand {
        let isStranger = customer.hasPrefix("no")
        var lines: [AwardCommand.Line] = []
        for _ in 0...below(2) {
            lines.append(
                LedgerWorld.line(
                    points().units, offer: text(), asset: AssetCode(asset()),
                    expiresAt: below(2) == 0 ? nil : now.adding(milliseconds: Int64(below(10)) * 60_000),
                    inflight: below(4) == 0))
        }
        return AwardCommand(
            event: event, source: text(), externalID: customer, opensWallet: !isStranger, occurredAt: now,
            awards: lines)
    }
}
