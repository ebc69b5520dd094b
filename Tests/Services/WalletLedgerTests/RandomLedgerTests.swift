// Thousands of random commands with crashes, lost stores and failing commits between them; every published transaction is
// held against the model of its wallet, and the books are checked at the end. Same seed, same run.

import Messages
import Primitives
import SimulatedLog
import Testing

@testable import WalletLedgerService

@Suite struct `The ledger against its model` {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func `every transaction is what the model says, in the order of the commands`(seed: UInt64) throws {
        var run = try RandomRun(seed: seed)
        while run.sent < 2_000 { try run.round() }
        try run.compare()
        #expect(run.world.running?.stop == nil)
        try run.world.checkBooks()
        try run.compare()
        #expect(run.unmatched == 0)
        #expect(try run.world.rig.records(of: .deadLetters(of: .walletLedger)).isEmpty)
        // A run that never met one of these proved little.
        for refusal in [
            "insufficient-balance", "wallet-blocked", "unknown-hold", "hold-ended", "hold-expired",
            "points-exceed-hold",
        ] {
            #expect(run.refusals[refusal, default: 0] > 0, "\(refusal)")
        }
        #expect(run.types[.lotExpired, default: 0] > 10 && run.types[.holdExpired, default: 0] > 10)
    }
}

private struct RandomRun {
    static let customers = ["ann", "bob", "cy", "dee", "eve"]

    let world: LedgerWorld
    private(set) var sent = 0
    private(set) var refusals: [String: Int] = [:]
    private(set) var types: [MessageType: Int] = [:]
    private var entropy: SeededEntropy
    private let seed: UInt64
    private var models: [String: WalletModel] = [:]
    /// Commands whose transactions are to come, in order.
    private var expected: [String: [(id: MessageID, command: WalletModel.Command)]] = [:]
    private var seen: [String: Int] = [:]
    private var holds: [String: [MessageID]] = [:]
    /// All that was sent, to be sent again now and then.
    private var history: [(customer: String, id: MessageID, command: WalletModel.Command)] = []

    init(seed: UInt64) throws {
        world = try LedgerWorld()
        entropy = SeededEntropy(seed: seed)
        self.seed = seed
    }

    var unmatched: Int { expected.values.reduce(0) { $0 + $1.count } }

    private mutating func below(_ bound: Int) -> Int { Int(entropy.below(UInt64(bound))) }

    /// Some commands, some time, some mishap.
    mutating func round() throws {
        for _ in 0...below(30) { try sendOne() }
        switch below(24) {
        case 0:
            world.crash()
            if below(2) == 0 { try world.loseStores() }
            world.start()
        case 1: world.rig.cluster.inject(.answerLost, at: .commit)
        case 2: world.rig.cluster.inject(.abort, at: .commit)
        case 3: world.rig.cluster.inject(.fence, at: .commit)
        case 4...8: world.rig.cluster.advance(milliseconds: Int64(below(20)) * LedgerWorld.minute)
        default: break
        }
        world.rig.pass(milliseconds: Int64(below(90_000)))
        if sent % 10 == 0 { try compare() }
    }

    private mutating func sendOne() throws {
        sent += 1
        if below(12) == 0, !history.isEmpty {
            let repeated = history[below(history.count)]
            return try send(repeated.command, repeated.id, repeated.customer)
        }
        let customer = Self.customers[below(Self.customers.count)]
        let (id, command) = draw(customer)
        try send(command, id, customer)
        expected[customer, default: []].append((id, command))
        history.append((customer, id, command))
    }

    private mutating func draw(_ customer: String) -> (MessageID, WalletModel.Command) {
        let event = LedgerWorld.event("\(seed) \(sent)")
        let known = holds[customer, default: []]
        let hold = known.isEmpty || below(20) == 0 ? event.caused(.hold) : known[known.count - 1 - below(min(known.count, 12))]
        let points = Points(Int64(1 + below(60)))
        switch below(20) {
        case 0...5: return (MessageID(event.value), .award(draw(award: event, customer)))
        case 6...10:
            let direction: OpenHold.Direction = below(4) == 0 ? .credit : .debit
            let command = OpenHold(
                hold: event.caused(.hold), direction: direction, points: points,
                minimumRemaining: Points(Int64(below(3) * 10)),
                expiresAt: world.now.adding(milliseconds: Int64(1 + below(40)) * LedgerWorld.minute), purpose: "p")
            holds[customer, default: []].append(command.hold)
            return (command.hold, .open(command))
        case 11...15:
            let part = below(2) == 0 ? nil : Points(Int64(1 + below(25)))
            return (event.caused(.commit), .commit(EndHold(hold: hold, points: part)))
        case 16...18: return (event.caused(.void), .void(EndHold(hold: hold)))
        default: return (MessageID(event.value), below(5) == 0 ? .block : .unblock)
        }
    }

    private mutating func draw(award event: EventID, _ customer: String) -> AwardCommand {
        var lines: [AwardCommand.Line] = []
        for index in 0..<(1 + below(3)) {
            let minutes = Int64(1 + below(120)) * LedgerWorld.minute
            let line = LedgerWorld.line(
                Int64(1 + below(80)), expiresAt: below(4) == 0 ? nil : world.now.adding(milliseconds: minutes),
                inflight: below(5) == 0)
            if line.inflight { holds[customer, default: []].append(event.caused(.award(index))) }
            lines.append(line)
        }
        return AwardCommand(
            event: event, source: "shop", externalID: customer, opensWallet: true, occurredAt: world.now,
            awards: lines)
    }

    private func send(_ command: WalletModel.Command, _ id: MessageID, _ customer: String) throws {
        switch command {
        case .award(let award): try world.send(.award, id, customer, award.encode)
        case .open(let hold): try world.send(.holdOpen, id, customer, hold.encode)
        case .commit(let end): try world.send(.holdCommit, id, customer, end.encode)
        case .void(let end): try world.send(.holdVoid, id, customer, end.encode)
        case .block: try world.send(.walletBlock, id, customer, BlockWallet(reason: "r").encode)
        case .unblock: try world.send(.walletUnblock, id, customer, BlockWallet(reason: "r").encode)
        }
    }

    // MARK: Comparing

    /// Takes the transactions that are new since the last time, in each wallet's order.
    mutating func compare() throws {
        for customer in Self.customers {
            let transactions = try world.transactions(of: customer)
            for transaction in transactions.dropFirst(seen[customer, default: 0]) {
                try take(transaction, customer)
            }
            seen[customer] = transactions.count
        }
    }

    private mutating func take(_ transaction: WalletTransaction, _ customer: String) throws {
        let now = transaction.recordedAt
        var model = models[customer, default: WalletModel()]
        types[transaction.type, default: 0] += 1
        if let refusal = transaction.refusal { refusals[refusal, default: 0] += 1 }
        var moved: [MessageID: Int64] = [:]
        switch transaction.type {
        case .walletOpened: model.exists = true
        case .holdExpired: #expect(model.expireHold(try #require(transaction.hold), at: now), "a hold expires in time")
        case .lotExpired: moved = model.expireLots(at: now)
        default:
            let next = try #require(expected[customer]?.first, "a transaction has a command")
            expected[customer]?.removeFirst()
            try #require(next.id == transaction.id, "outcomes come in the order of the commands")
            #expect(!model.isOverdue(at: now), "what is overdue ends before a command is decided")
            let outcome = model.apply(next.command, id: next.id, at: now)
            #expect(transaction.refusal == outcome.refusal, "\(customer) \(transaction.type) \(transaction.id)")
            moved = outcome.moved
        }
        let lots = Dictionary(uniqueKeysWithValues: transaction.lots.map { ($0.lot, $0.points.units) })
        #expect(lots == moved, "\(customer) \(transaction.type): lots")
        #expect(transaction.balances == model.balances, "\(customer) \(transaction.type): balances")
        models[customer] = model
    }
}
