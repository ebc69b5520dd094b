// What the ledger keeps through crashes, lost stores and replays.

import EventLog
import JSONText
import Messages
import Primitives
import SimulatedLog
import Testing

@testable import WalletLedgerService

@Suite struct `Recovery` {
    /// Some of everything, open and ended, on a few wallets.
    private func work(_ world: LedgerWorld, _ round: Int, settling: Bool = true) throws {
        for customer in ["ann", "bob", "cy", "dee"] {
            let name = "\(customer) \(round)"
            try world.award("\(name) a", to: customer, 100, days: 30)
            try world.award(
                "\(name) b", to: customer, [LedgerWorld.line(25, inflight: true), LedgerWorld.line(5)])
            try world.hold("\(name) h", of: customer, 60)
            try world.hold("\(name) i", of: customer, 20, minutes: 60 * 24 * 20)
            try world.hold("\(name) j", of: customer, 100_000)
            try world.end(.holdCommit, LedgerWorld.hold("\(name) h"), of: customer, 50)
            try world.end(.holdVoid, LedgerWorld.hold("\(name) h"), of: customer)
            try world.award("\(name) c", to: "nobody \(round)", [LedgerWorld.line(1)], opens: false)
        }
        if settling { world.rig.settle() }
    }

    private func answers(_ world: LedgerWorld) throws -> [[UInt8]] {
        try ["ann", "bob", "cy", "dee"].flatMap { customer in
            try [MessageType.walletQuery, .balanceQuery, .historyQuery].map {
                Array(try world.ask($0, customer).body.rawBytes)
            }
        }
    }

    @Test func `P4 replaying wallet-commands from the start changes no balance`() throws {
        let world = try LedgerWorld()
        try work(world, 0)
        try world.block("bob")
        world.rig.settle()
        let rows = try world.rows()
        let published = try world.rig.records(of: .walletTransactions).count
        let awards = try world.rig.records(of: .awards).count
        for record in try world.rig.records(of: .walletCommands) {
            try world.rig.append(
                .walletCommands, key: record.key,
                headers: record.headers.map {
                    (String(decoding: $0.name, as: UTF8.self), String(decoding: $0.value, as: UTF8.self))
                }, value: record.value)
        }
        world.rig.settle()
        #expect(try world.rows() == rows)
        #expect(try world.rig.records(of: .walletTransactions).count == published)
        #expect(try world.rig.records(of: .awards).count == awards)
    }

    @Test func `a repeated command is answered with its first outcome`() throws {
        let world = try LedgerWorld()
        let command = AwardCommand(
            event: LedgerWorld.event("order-1"), source: "shop", externalID: "ann", opensWallet: true,
            occurredAt: world.now, awards: [LedgerWorld.line(10)])
        let id = MessageID(command.event.value)
        let first = try world.ask(.award, id: id, command.encode)
        try world.award("order-2", 90)
        let again = try world.ask(.award, id: id, command.encode)
        #expect(first.outcome == "done" && again.outcome == "done" && again.isReplayed && !first.isReplayed)
        #expect(Array(first.body.rawBytes) == Array(again.body.rawBytes))
        #expect(try world.balance() == [100, 0, 0, 100])
    }

    @Test func `P5 a wallet's sequence never goes back and never skips, whatever becomes of the batches`()
        throws
    {
        let world = try LedgerWorld()
        let faults: [Fault] = [.abort, .answerLost, .fence, .requestLost, .fail(.retry)]
        for (round, fault) in faults.enumerated() {
            world.rig.cluster.inject(fault, at: .commit)
            try work(world, round)
            world.rig.pass(milliseconds: 20_000)
        }
        #expect(world.running?.stop == nil)
        for customer in ["ann", "bob", "cy", "dee"] {
            let sequences = try world.transactions(of: customer).compactMap(\.sequence)
            #expect(sequences == Array(1...Int64(sequences.count)))
            #expect(sequences.count == 1 + faults.count * 7)
        }
        let awards = try world.rig.bodies(of: .awards).filter { $0["externalId"]?.string() == "ann" }
            .compactMap { $0["sequence"]?.int64 }
        #expect(awards == awards.sorted() && Set(awards).count == awards.count)
        try world.checkBooks()
    }

    @Test(arguments: [false, true])
    func `after a crash the store equals what was published`(isStoreLost: Bool) throws {
        let world = try LedgerWorld()
        try work(world, 0)
        // The answer to the last commit is lost with the process: the log has the batch, the store does not.
        world.rig.cluster.inject(.answerLost, at: .commit)
        try work(world, 1, settling: false)
        for _ in 0..<3 { world.rig.stepAll() }
        world.crash()
        if isStoreLost { try world.loseStores() }
        world.start()
        world.rig.pass(milliseconds: 20_000)
        #expect(world.running?.stop == nil)
        for customer in ["ann", "bob", "cy", "dee"] {
            let last = try #require(try world.transactions(of: customer).last)
            #expect(last.sequence == 15)
            let balances = last.balances
            let expected = [balances.settled, balances.held, balances.pending, balances.available].map(
                \.units)
            #expect(try world.balance(customer) == expected)
        }
        try world.checkBooks()
    }

    @Test func `a store restored from changelog and history gives the same answers`() throws {
        let world = try LedgerWorld()
        try work(world, 0)
        try work(world, 1)
        let (before, rows) = (try answers(world), try world.rows())
        world.stop()
        try world.loseStores()
        world.start()
        world.rig.settle()
        #expect(try answers(world) == before)
        #expect(try world.rows() == rows)
    }

    /// A record that somebody else wrote in the ledger's name: the same once more, or with another time in it.
    @Test(arguments: [false, true])
    func `a history that contradicts itself ends the service by the record's place, and a repeat does not`(
        isRepeat: Bool
    ) throws {
        let world = try LedgerWorld(partitions: 1)
        try world.award("a", to: "ann", 100)
        world.rig.settle()
        let balance = try world.balance("ann")
        let record = try #require(try world.rig.records(of: .walletTransactions).last)
        let text = try #require(record.valueText)
        let recordedAt = #/"recordedAt":"[0-9]{4}/#
        let other = text.replacing(recordedAt) { _ in #""recordedAt":"2001"# }
        #expect(other != text)
        world.stop()
        try world.rig.append(
            .walletTransactions, key: record.key,
            headers: record.headers.map {
                (String(decoding: $0.name, as: UTF8.self), String(decoding: $0.value, as: UTF8.self))
            }, value: Array((isRepeat ? text : other).utf8), partition: PartitionIndex(0))
        let place = try #require(try world.rig.records(of: .walletTransactions).last).offset
        try world.loseStores()
        world.start()
        world.rig.pass(milliseconds: 20_000)
        let stop = world.running?.stop
        #expect(stop?.code == (isRepeat ? nil : .recordUnreadable))
        if !isRepeat {
            #expect(stop?.detail.contains("partition 0: restore wallet-transactions at \(place)") == true)
            // As the runbook says: without the records up to that one lines are gone, and no points.
            world.crash()
            try world.rig.cluster.trim(
                topic: world.rig.log.catalog.name(of: .walletTransactions), partition: PartitionIndex(0),
                before: place.next)
            try world.loseStores()
            world.start()
            world.rig.pass(milliseconds: 20_000)
            #expect(world.running?.stop == nil)
        }
        #expect(try world.balance("ann") == balance)
    }

    @Test func `a store that lacks much reads its changelog to the end before it reads the history`() throws {
        let world = try LedgerWorld(partitions: 1)
        try work(world, 0)
        try work(world, 1)
        let rows = try world.rows()
        world.stop()
        try world.loseStores()
        world.start(restoredAlone: 2)
        let worker = try #require(world.running)
        var seen: [String] = []
        for _ in 0..<100 where !worker.status.isReady {
            world.rig.step(worker)
            seen += worker.status.snapshot.waitingFor.filter { $0.hasPrefix("restoring") && $0 != seen.last }
        }
        let isHistoryAhead = { (step: String) in
            !step.contains("changelog") && step.contains("wallet-transactions.v1 at offset 0 ")
        }
        #expect(seen.contains(where: isHistoryAhead), "\(seen)")
        world.rig.settle()
        #expect(try world.rows() == rows)
    }
}
