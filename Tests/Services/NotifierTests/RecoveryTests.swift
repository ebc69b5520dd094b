// Deliveries over crashes, aborted batches, lost stores and changes of the configuration.

import Configuration
import EventLog
import Foundation
import Messages
import NotifierDomain
import NotifierService
import Primitives
import ServiceRig
import SimulatedLog
import Testing

@Suite("Deliveries survive") struct RecoveryTests {
    @Test func `the loss of the store: what is owed is restored with its attempts, order and pause`() throws {
        let world = World()
        try world.subscribe("crm", attempts: 3, firstRetry: 60_000)
        world.sender.answer(status: 500)
        for sequence in 1...3 as ClosedRange<Int64> { try world.award("anna", sequence: sequence) }
        world.start()
        #expect(world.sender.attempts.count == 1)
        world.kill()

        world.start()
        #expect(world.sender.attempts.count == 1, "the pause goes on")
        #expect(world.pending() == 6, "the killed worker's three still stand in this process's gauge")
        world.sender.answer(status: 200)
        world.rig.pass(milliseconds: 80_000)
        #expect(try world.sender.attempts.compactMap { try sequence($0) } == [1, 1, 2, 3])
        #expect(try world.receipts().map(\.attempts) == [2, 1, 1])
    }

    @Test func `a crash with attempts in flight: they are made again under the same id`() throws {
        let world = World()
        try world.subscribe("crm")
        world.sender.answer { _ in nil }
        try world.award("anna", sequence: 1)
        world.start()
        world.kill()
        world.sender.answer(status: 200)
        world.start()
        world.sender.release()
        world.rig.settle()
        #expect(world.sender.attempts.count == 2)
        #expect(Set(world.sender.attempts.map(\.webhookID)).count == 1)
        #expect(try world.receipts().count == 1)
    }

    @Test func `a partition that moves: results of the former owner's attempts change nothing`() throws {
        let world = World()
        try world.subscribe("crm")
        world.sender.answer { _ in nil }
        try world.award("anna", sequence: 1)
        world.start()
        #expect(world.sender.inFlight == 1)
        world.rig.cluster.rebalance(group: "pointstream.notifier")
        world.rig.settle()
        #expect(world.sender.inFlight == 2, "the new owner sends again")
        world.sender.release()
        world.rig.settle()
        #expect(try world.receipts().count == 1)
        #expect(world.pending() == 0)
    }

    @Test func `nothing is sent from a batch that was undone`() throws {
        let world = World()
        try world.subscribe("crm")
        world.start()
        let faults: [Fault] = [.abort, .fail(.retry), .abort, .requestLost]
        for (number, fault) in faults.enumerated() {
            world.rig.cluster.setFaults(OnlyThis(fault: fault))
            try world.award("anna", sequence: Int64(number + 1))
            world.sender.answer { [before = world.sender.attempts.count] attempt in
                Issue.record("sent \(attempt.webhookID) after \(before) from an undone batch")
                return nil
            }
            for _ in 0..<3 { world.rig.stepAll() }
            world.sender.answer(status: 200)
            world.rig.cluster.setFaults(nil)
            world.rig.pass(milliseconds: 30_000)
        }
        #expect(try world.sender.attempts.compactMap { try sequence($0) } == [1, 2, 3, 4])
        #expect(try world.receipts().count == 4)
        #expect(world.pending() == 0)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `faults at random: every delivery ends once, each wallet's in order`(seed: UInt64) throws {
        let world = World(seed: seed)
        try world.subscribe("crm", attempts: 20, firstRetry: 100)
        world.rig.cluster.setFaults(
            SeededFaults(
                seed: seed,
                rates: [
                    .init(.abort, at: .commit, perMillion: 100_000),
                    .init(.answerLost, at: .commit, perMillion: 50_000),
                    .init(.fence, at: .commit, perMillion: 30_000),
                ]))
        world.sender.answer { attempt in
            .answered(status: attempt.number.isMultiple(of: 3) ? 500 : 200, retryAfterSeconds: nil)
        }
        for sequence in 1...8 as ClosedRange<Int64> {
            for number in 0..<20 { try world.award("wallet \(number)", sequence: sequence) }
        }
        world.start()
        for _ in 0..<40 where try world.receipts().count < 160 { world.rig.pass(milliseconds: 10_000) }
        world.rig.cluster.setFaults(nil)
        world.rig.pass(milliseconds: 60_000)
        let receipts = try world.receipts()
        #expect(receipts.count == 160 && Set(receipts.map(\.notice)).count == 160)
        #expect(receipts.allSatisfy { $0.outcome == .delivered })
        #expect(world.pending() == 0)
        for number in 0..<20 {
            let wallet = World.wallet("wallet \(number)")
            let order = try world.sender.attempts.filter { try $0.isOf(wallet) }.compactMap {
                try sequence($0)
            }
            #expect(
                zip(order, order.dropFirst()).allSatisfy { $1 <= $0 + 1 },
                "none is sent before its predecessor")
        }
    }

    @Test func `a subscription that ended: what it was owed is dropped with a receipt, and others go on`()
        throws
    {
        let world = World()
        try world.subscribe("crm")
        try world.subscribe("other")
        world.sender.answer {
            $0.subscription == "crm" ? nil : .answered(status: 200, retryAfterSeconds: nil)
        }
        for sequence in 1...3 as ClosedRange<Int64> { try world.award("anna", sequence: sequence) }
        world.start()
        try world.subscribe("crm", active: false)
        world.rig.pass(milliseconds: 61_000)
        let receipts = try world.receipts().filter { $0.subscription == "crm" }
        #expect(receipts.map(\.outcome) == [.abandoned, .abandoned, .abandoned])
        #expect(receipts.map(\.attempts) == [0, 0, 0])
        #expect(try world.deadLetters().isEmpty)
        world.sender.release()
        try world.award("anna", sequence: 4)
        world.rig.settle()
        #expect(world.sender.attempts(for: "crm").count == 1)
        #expect(world.sender.attempts(for: "other").count == 4)
        #expect(world.pending() == 0)
    }

    @Test func `a new subscription begins with what happens after it`() throws {
        let world = World()
        world.start()
        try world.award("anna", sequence: 1)
        world.rig.settle()
        try world.subscribe("crm", types: [.pointsAwarded])
        world.rig.settle()
        try world.award("anna", sequence: 2)
        try world.spend("anna", sequence: 3)
        world.rig.settle()
        #expect(try world.sender.attempts.compactMap { try sequence($0) } == [2])
    }
}

/// The same fault at every commit.
private struct OnlyThis: FaultSource {
    let fault: Fault
    mutating func decide(_ point: FaultPoint) -> Fault? { point.call == .commit ? fault : nil }
}
