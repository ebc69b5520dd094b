// Replays, crashes and lost disks: each event is decided once, in its wallet's order, and limits remember
// what was given.

import Configuration
import Messages
import Primitives
import ServiceRig
import SimulatedLog
import StateStore
import Testing

@testable import RuleEvaluatorDomain
@testable import RuleEvaluatorService

private let twice = #""award":{"kind":"fixed","points":5},"limit":{"times":2,"period":"month"}"#

@Suite struct `The rule evaluator's memory` {
    @Test func `P4 replaying all events changes nothing`() throws {
        let scene = try EvaluatorScene()
        try scene.offer("twice", twice)
        scene.start()
        for customer in 1...5 {
            try scene.openWallet("customer-\(customer)")
            for number in 1...3 {
                try scene.buy("\(customer)-\(number)", purchase(by: "customer-\(customer)"))
            }
        }
        scene.rig.settle()
        let (awards, evaluations) = (try scene.awards(), try scene.evaluations())
        let changes = try scene.rig.records(of: .changelog(of: .ruleEvaluator)).filter(isRow)
        #expect(awards.count == 15 && evaluations.count == 15)

        try scene.replay()
        scene.rig.settle()
        #expect(try scene.awards() == awards, "no new commands")
        #expect(try scene.evaluations() == evaluations)
        #expect(
            try scene.rig.records(of: .changelog(of: .ruleEvaluator)).filter(isRow) == changes,
            "no wallet and no counter changed")
    }

    @Test func `P5 a wallet's events leave in their order, each once, whenever the service is killed`() throws
    {
        for steps in stride(from: 1, through: 25, by: 2) {
            let scene = try EvaluatorScene(inFiles: true, recordsPerBatch: 4)
            try scene.offer("twice", twice)
            for customer in 1...4 { try scene.openWallet("customer-\(customer)") }
            for number in 1...6 {
                for customer in 1...4 {
                    try scene.buy("\(customer)-\(number)", purchase(by: "customer-\(customer)"))
                }
            }
            for loseDisk in [false, true, false] {
                scene.start()
                for _ in 0..<steps {
                    scene.rig.stepAll()
                    scene.rig.cluster.advance(milliseconds: 20)
                }
                scene.crash()
                if loseDisk { try scene.loseDisk() }
            }
            scene.start()
            scene.rig.settle()

            let commands = try scene.awards()
            for customer in 1...4 {
                let own = commands.filter { $0.externalID == "customer-\(customer)" }
                #expect(
                    own.map(\.event) == (1...6).map { scene.event("\(customer)-\($0)") },
                    "after \(steps) steps")
                #expect(own.map(\.awards.count) == [1, 1, 0, 0, 0, 0])
            }
            #expect(try scene.evaluations().map(\.event).sorted() == commands.map(\.event).sorted())
        }
    }

    @Test func `a lost disk is restored: repeats are recognised and limits still count`() throws {
        let scene = try EvaluatorScene(inFiles: true)
        try scene.offer("twice", twice)
        scene.start()
        try scene.openWallet("customer-1")
        try scene.openWallet("customer-2")
        try scene.send(
            .walletBlock, id: scene.event("block").description, to: "customer-2", body: #"{"reason":"fraud"}"#
        )
        try scene.buy("a", purchase())
        try scene.buy("b", purchase())
        scene.rig.settle()
        scene.crash()
        try scene.loseDisk()

        scene.start()
        try scene.buy("a", purchase())
        try scene.buy("c", purchase())
        try scene.buy("d", purchase(by: "customer-2"))
        scene.rig.settle()
        #expect(try scene.award("a").awards.count == 1, "the repeat gave no second command")
        #expect(try scene.evaluation("c").offers.map(\.verdict) == ["limit-reached"])
        #expect(try scene.evaluation("c").offers.first?.arithmetic == "fixed 5, 2 of 2 times (month)")
        #expect(try scene.award("d").reason == .walletBlocked)
        #expect(
            try #require(
                scene.rig.registry.value(
                    of: "pointstream_restored_records_total", labels: [("service", "rule-evaluator")])) > 0)
    }

    // MARK: Pruning

    @Test func `counters go when their periods are long past, and those without an end stay`() throws {
        let scene = try EvaluatorScene()
        try scene.rig.configure("source", "till", #"{"kind":"source","id":"till","repeatWindowDays":20}"#)
        try scene.offer("daily", twice.replacing("month", with: "day"))
        try scene.offer("ever", twice.replacing("month", with: "ever"))
        scene.start()
        try scene.openWallet("customer-1")
        try scene.openWallet("customer-2")
        try scene.buy("a", purchase())
        scene.rig.settle()

        let day: Int64 = Timestamp.millisecondsPerDay
        func pass(days: Int64, then key: String) throws {
            scene.rig.pass(milliseconds: days * day)
            try scene.buy(key, purchase(by: "customer-2"))
            scene.rig.pass(milliseconds: 2 * PruningSchedule.intervalMilliseconds)
        }
        try pass(days: 20 + PruningSchedule.counterMarginDays, then: "b")
        #expect(
            try scene.changelogRows(of: "offer_counter").count == 4, "the day is past, but not long enough")
        try pass(days: 1, then: "c")
        let rows = try scene.changelogRows(of: "offer_counter")
        #expect(rows.count == 2 && rows.allSatisfy { $0.contains(#","ever","#) })
        try scene.buy("d", purchase())
        try scene.buy("e", purchase())
        scene.rig.settle()
        #expect(try scene.evaluation("e").offers.map(\.verdict) == ["fired", "limit-reached"])
    }

    @Test func `one punctuation deletes a bounded number of rows`() throws {
        let store = try StateStore(.memory, schema: RuleEvaluatorSchema.schema)
        let rows = try RuleEvaluatorStore(store)
        let wallet = WalletID(7)
        for number in 0..<30 {
            let period = LimitPeriod(
                .day, at: Timestamp(milliseconds: Int64(number) * Timestamp.millisecondsPerDay))
            let key = CounterKey(offer: "daily", period: period)
            try rows.put(
                CounterChange(key: key, value: OfferCounter(times: 1, points: Points(1))), of: wallet)
        }
        let horizon = Timestamp(milliseconds: 25 * Timestamp.millisecondsPerDay)
        #expect(try rows.deleteCounters(endedBefore: horizon, limit: 20) == 20)
        #expect(
            try rows.deleteCounters(endedBefore: horizon, limit: 20) == 4,
            "those that ended at the horizon stay")
        #expect(
            try store.connection.integer("SELECT min(ends_at) FROM offer_counter") == horizon.milliseconds)
    }

    @Test func `a counter that waits counts on, and its newest value is what is written`() throws {
        let store = try StateStore(.memory, schema: RuleEvaluatorSchema.schema)
        let rows = try RuleEvaluatorStore(store)
        let keys = [CalendarPeriod.day, .ever].map {
            CounterKey(offer: "daily", period: LimitPeriod($0, at: .zero))
        }
        for times in 1...3 as ClosedRange<Int64> {
            for key in keys {
                let before = try rows.counter(key, of: WalletID(7))
                #expect(before.times == times - 1)
                let value = OfferCounter(times: times, points: before.points + Points(5))
                try rows.put(CounterChange(key: key, value: value), of: WalletID(7))
            }
            #expect(try rows.counter(keys[0], of: WalletID(8)) == .zero)
            if times == 2 { try store.writeGathered() }
        }
        try store.writeGathered()
        #expect(try rows.counter(keys[1], of: WalletID(7)) == OfferCounter(times: 3, points: Points(15)))
        #expect(try store.connection.integer("SELECT count(*) FROM offer_counter WHERE times = 3") == 2)
        #expect(try store.connection.integer("SELECT count(*) FROM offer_counter WHERE ends_at IS NULL") == 1)
    }

    @Test func `a counter that does not count on ends the store when it is written`() throws {
        let store = try StateStore(.memory, schema: RuleEvaluatorSchema.schema)
        let rows = try RuleEvaluatorStore(store)
        let key = CounterKey(offer: "daily", period: LimitPeriod(.day, at: .zero))
        let first = CounterChange(key: key, value: OfferCounter(times: 1, points: Points(5)))
        try rows.put(first, of: WalletID(7))
        try store.writeGathered()
        try rows.put(first, of: WalletID(7))
        let failure = #expect(throws: StoreFailure.self) { try store.writeGathered() }
        #expect(failure?.consequence == .rebuild)
    }

    @Test func `a counter that the schema would refuse is refused before it waits`() throws {
        let store = try StateStore(.memory, schema: RuleEvaluatorSchema.schema)
        let rows = try RuleEvaluatorStore(store)
        let key = CounterKey(offer: "daily", period: LimitPeriod(.day, at: .zero))
        let most = Points.maximum
        for (times, points) in [(0, Points(1)), (1, .zero), (2, most + Points(1))] as [(Int64, Points)] {
            let change = CounterChange(key: key, value: OfferCounter(times: times, points: points))
            let failure = #expect(throws: StoreFailure.self) { try rows.put(change, of: WalletID(7)) }
            #expect(failure?.consequence == .rejectRecord)
        }
        try rows.put(CounterChange(key: key, value: OfferCounter(times: 2, points: most)), of: WalletID(7))
        try store.writeGathered()
        #expect(try store.connection.integer("SELECT points FROM offer_counter") == most.units)
    }

    @Test func `an event that evaluations tells of twice is noted once`() throws {
        let store = try StateStore(.memory, schema: RuleEvaluatorSchema.schema)
        let rows = try RuleEvaluatorStore(store)
        for event in [1, 2, 1] as [UInt128] { try rows.noteEvaluated(EventID(event)) }
        try store.writeGathered()
        try rows.noteEvaluated(EventID(2))
        #expect(try rows.isEvaluated(EventID(1)) && rows.isEvaluated(EventID(2)) && !rows.isEvaluated(EventID(3)))
        try store.writeGathered()
        #expect(try store.connection.integer("SELECT count(*) FROM evaluated_event") == 2)
    }

    private func isRow(_ record: SimulatedRecord) -> Bool {
        record.keyText?.hasPrefix(#"["input_position""#) == false
    }
}
