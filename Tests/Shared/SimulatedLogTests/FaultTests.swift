// Injected faults strike where they are aimed, and a run with drawn ones can be repeated exactly.

import EventLog
import Primitives
import SimulatedLog
import Testing

@Suite struct `Faults` {
    @Test func `a failed poll or question takes nothing and works the next time`() throws {
        let world = World()
        try world.append("a")
        let (consumer, reader) = (try world.consumer(), try world.log.makeReader(.catchingUp))
        _ = try consumer.change()
        try consumer.fetch(from: [FetchPosition(place(input), from: .beginning)])
        world.cluster.inject(.fail(.retry), at: .poll, of: "wallets/one")
        world.cluster.inject(.fail(.retry), at: .endOffset, of: "input/0")
        world.cluster.inject(.fail(.stop), at: .committedOffset)
        #expect(throws: LogFailure.self) { try consumer.values() }
        #expect(try consumer.values() == ["a"])
        #expect(throws: LogFailure.self) { try reader.endOffset(of: place(input)) }
        #expect(try reader.endOffset(of: place(input)) == Offset(1))
        let failure = #expect(throws: LogFailure.self) { try consumer.committedOffset(at: place(input)) }
        #expect(failure?.consequence == .stop)
        #expect(try consumer.committedOffset(at: place(input)) == .none)
    }

    @Test func `a paused broker answers nothing, applies nothing, and lets nothing time out`() throws {
        let world = World()
        try world.append("a")
        try world.hang("foreign")
        let (consumer, producer) = (try world.consumer(), try world.producer())
        _ = try consumer.change()
        try consumer.fetch(from: [FetchPosition(place(input), from: .beginning)])
        world.cluster.pauseBroker(milliseconds: 60_000)
        #expect(try consumer.values() == [])
        #expect(throws: LogFailure.self) { try consumer.committedOffset(at: place(input)) }
        #expect(throws: LogFailure.self) { try world.producer("other") }
        #expect(producer.commit("b", next: 1, of: consumer).kind == "unknown")
        world.cluster.advance(milliseconds: 59_999)
        #expect(try world.cluster.bounds(topic: "output", partition: partition).end == Offset(1))
        world.cluster.advance(milliseconds: 1)
        #expect(try world.cluster.bounds(topic: "output", partition: partition).end == Offset(2))
        #expect(try consumer.values() == ["a"])
        #expect(try world.position() == .none)
    }

    @Test func `the broker's time moves the clock, and a wrong clock does not move the broker`() throws {
        let world = World()
        try world.hang("foreign")
        world.cluster.clock.advance(milliseconds: 3_600_000)
        world.cluster.advance(milliseconds: 5_000)
        #expect(world.cluster.clock.now() == Timestamp(milliseconds: 4_605_000))
        #expect(world.cluster.now == Timestamp(milliseconds: 1_005_000))
        world.cluster.endTransaction(transactionalID: "foreign", committed: true)
        #expect(try world.read(output).values == ["foreign"])
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func `the same seed gives the same run, another seed another one`(seed: UInt64) throws {
        let first = try run(seed: seed)
        #expect(try run(seed: seed) == first)
        #expect(try run(seed: seed + 10).digest != first.digest)
        #expect(first.faults > 20)
        #expect(first.copies == 200)
    }

    struct Summary: Equatable {
        var digest: UInt64
        var faults: Int
        var copies: Int
    }

    /// A worker that copies 200 numbered records, recovering as workers must.
    private func run(seed: UInt64) throws -> Summary {
        let world = World()
        for number in 0..<200 { try world.append("\(number)") }
        let commitFaults: [Fault] = [
            .answerLost, .requestLost, .requestLate(milliseconds: 30), .abort, .fence,
            .markersLate(milliseconds: 20), .pause(milliseconds: 11_000), .fail(.retry),
        ]
        world.cluster.setFaults(
            SeededFaults(
                seed: seed,
                rates: commitFaults.map { SeededFaults.Rate($0, at: .commit, perMillion: 40_000) }))
        let consumer = try world.consumer()
        var producer = try world.producer()
        var next: Int64?
        // Enough for every fault to wait out a transaction's time-out and the coordinator's next look at it.
        for _ in 0..<20_000 {
            world.cluster.advance(milliseconds: 10)
            guard try consumer.change() == nil, let start = next else {
                guard case let position = try consumer.committedOffset(at: place(input)),
                    position != .unstable
                else { continue }
                next = if case .offset(let offset) = position { offset.number } else { 0 }
                continue
            }
            guard start < 200 else { break }
            switch producer.commit("\(start)", next: start + 1, of: consumer) {
            case .committed: next = start + 1
            case .aborted: break
            case .fenced, .unknown:
                producer = try world.producer()
                next = nil
            }
        }
        // The last commit's markers may still be on their way.
        world.cluster.advance(milliseconds: 1_000)
        let faults = world.cluster.newestEvents.count { $0.hasPrefix("fault") }
        let values = try world.cluster.records(topic: "output", partition: partition).map(\.valueText)
        #expect(values == (0..<200).map { "\($0)" })
        return Summary(digest: world.cluster.traceDigest, faults: faults, copies: values.count)
    }
}
