// Reading from the real log: positions, ends, and how a group shares its partitions.

import EventLog
import Primitives
import TestBroker
import Testing

@testable import KafkaLog

@Suite(.serialized, .enabled(if: TestBroker.isAvailable, Comment(rawValue: TestBroker.howToEnable)))
struct `Reading from Kafka` {
    typealias Fixture = LogFixture<KafkaLog>

    @Test func `the end lies behind the marker, and an open transaction counts only for endOffset`() throws {
        let fixture = try Fixture()
        let (consumer, producer) = (try fixture.joinedConsumer(), try fixture.initializedProducer())
        let place = fixture.place(Fixture.output, 0)
        try fixture.write(["a", "b"], to: place, by: producer, of: consumer)
        let reader = try fixture.log.makeReader(.catchingUp)
        // The marker may come after the commit has been answered.
        var end = Offset.zero
        for _ in 0..<patience where end < Offset(3) { end = try reader.endOffset(of: place) }
        #expect(end == Offset(3))

        try producer.begin()
        try producer.produce(fixture.batch(["open"], to: place), before: Deadline(milliseconds: 10_000))
        for _ in 0..<patience where end < Offset(4) { end = try reader.endOffset(of: place) }
        #expect(end == Offset(4))
        let (records, reached) = try fixture.contents(of: place)
        #expect(records.values == ["a", "b"])
        #expect(reached == Offset(3))
    }

    @Test func `messages may be allowed to be larger than what is fetched at once`() throws {
        let fixture = try Fixture { $0.properties = ["message.max.bytes": "4194304"] }
        let (consumer, producer) = (try fixture.joinedConsumer(), try fixture.initializedProducer())
        let place = fixture.place(Fixture.output, 0)
        try fixture.write(["a"], to: place, by: producer, of: consumer)
        #expect(try fixture.contents(of: place).records.values == ["a"])
    }

    @Test func `fetching from a position replaces the one before`() throws {
        let fixture = try Fixture()
        let (consumer, producer) = (try fixture.joinedConsumer(), try fixture.initializedProducer())
        let (first, second) = (fixture.place(Fixture.input, 0), fixture.place(Fixture.input, 1))
        try fixture.write((0..<10).map(String.init), to: first, by: producer, of: consumer)
        try fixture.write(["other"], to: second, by: producer, of: consumer)

        try consumer.fetch(from: [
            FetchPosition(first, from: .beginning), FetchPosition(second, from: .beginning),
        ])
        #expect(try consumer.records(11).count == 11)
        try consumer.fetch(from: [FetchPosition(first, from: .offset(Offset(6)))])
        #expect(try consumer.records(4).values == ["6", "7", "8", "9"])
        try consumer.fetch(from: [FetchPosition(first, from: .offset(Offset(2)))])
        try consumer.fetch(from: [FetchPosition(first, from: .offset(Offset(8)))])
        #expect(try consumer.records(2).offsets == [8, 9])
        try consumer.fetch(from: [
            FetchPosition(second, from: .end), FetchPosition(first, from: .offset(Offset(9))),
        ])
        #expect(try consumer.records(1).values == ["9"])
        try fixture.write(["later"], to: second, by: producer, of: consumer)
        #expect(try consumer.records(1).values == ["later"])
    }

    @Test func `a poll stops at its limits and goes on behind them`() throws {
        let fixture = try Fixture()
        let (consumer, producer) = (try fixture.joinedConsumer(), try fixture.initializedProducer())
        let place = fixture.place(Fixture.input, 0)
        try fixture.write((0..<10).map(String.init), to: place, by: producer, of: consumer)
        try consumer.fetch(from: [FetchPosition(place, from: .beginning)])
        let limits = BatchLimits(records: 4, bytes: 1 << 20, lingerMilliseconds: 2_000)
        var sizes: [Int] = []
        for _ in 0..<2 {
            let batch = RecordBatch()
            _ = try consumer.poll(into: batch, limits: limits, waitMilliseconds: 20_000)
            sizes.append(batch.count)
        }
        #expect(sizes == [4, 4])
        #expect(try consumer.records(2).values == ["8", "9"])
    }

    @Test func `a batch that may not end yet takes what comes after its first record`() throws {
        let fixture = try Fixture()
        let (consumer, producer) = (try fixture.joinedConsumer(), try fixture.initializedProducer())
        let places = (0..<2).map { fixture.place(Fixture.input, $0) }
        for place in places { try fixture.write(["1", "2", "3"], to: place, by: producer, of: consumer) }
        try consumer.fetch(from: places.map { FetchPosition($0, from: .beginning) })
        // It ends because it is full: answers of two partitions come one after the other.
        var limits = BatchLimits(records: 6, bytes: 1 << 20, lingerMilliseconds: 0)
        limits.earliestEndMilliseconds = 20_000
        let batch = RecordBatch()
        _ = try consumer.poll(into: batch, limits: limits, waitMilliseconds: 20_000)
        #expect(batch.count == 6)
    }

    @Test func `an offset out of range stops with its place`() throws {
        let fixture = try Fixture()
        let consumer = try fixture.joinedConsumer()
        try consumer.fetch(from: [
            FetchPosition(fixture.place(Fixture.input, 1), from: .offset(Offset(1_000)))
        ])
        let failure = #expect(throws: LogFailure.self) { try consumer.records(1) }
        #expect(failure?.consequence == .stop)
        #expect(failure?.cause == .outOfRange)
        #expect(failure?.detail.contains("input[1]@1000") == true)
    }

    @Test func `a reader knows a partition's bounds and jumps over nothing outside them`() throws {
        let fixture = try Fixture()
        let (consumer, producer) = (try fixture.joinedConsumer(), try fixture.initializedProducer())
        let (reader, place) = (try fixture.log.makeReader(.catchingUp), fixture.place(Fixture.input, 1))
        defer { reader.close() }
        try fixture.write(["one"], to: place, by: producer, of: consumer)
        // The record and its marker.
        for _ in 0..<patience where try reader.endOffset(of: place) < Offset(2) {}
        #expect(try reader.bounds(of: place) == LogBounds(start: .zero, end: Offset(2)))
        try reader.read(from: [FetchPosition(place, from: .offset(Offset(1_000)))])
        let failure = #expect(throws: LogFailure.self) {
            for _ in 0..<patience {
                _ = try reader.poll(into: RecordBatch(), limits: .test, waitMilliseconds: 100)
            }
        }
        #expect(failure?.cause == .outOfRange)
    }

    @Test func `two members share the partitions, and one that returns keeps its own`() throws {
        let fixture = try Fixture()
        let (one, producer) = (try fixture.joinedConsumer(), try fixture.initializedProducer())
        let two = try fixture.makeConsumer("two")
        // The newcomer waits until the first member gives up what it has.
        #expect(try two.poll(into: RecordBatch(), limits: .test, waitMilliseconds: 0) == nil)
        #expect(try one.nextChange() == .revoked)
        let outcome = producer.commit(
            fixture.batch(["late"], to: fixture.place(Fixture.output, 0)),
            offsets: [InputPosition(fixture.place(Fixture.input, 0), next: Offset(1))], of: one)
        #expect(outcome.fencedCode == "_ASSIGNMENT_LOST")
        // Nor does it get anything before the first has polled again: until then that one closes its stores.
        for _ in 0..<10 {
            #expect(try two.poll(into: RecordBatch(), limits: .test, waitMilliseconds: stepMilliseconds) == nil)
        }
        #expect(try one.nextChange() == .assigned([PartitionIndex(0)]))
        #expect(try two.nextChange() == .assigned([PartitionIndex(1)]))

        two.close()
        let returned = try fixture.makeConsumer("two")
        #expect(try returned.nextChange() == .assigned([PartitionIndex(1)]))
        #expect(try one.poll(into: RecordBatch(), limits: .test, waitMilliseconds: 0) == nil)
        try fixture.write(["mine"], to: fixture.place(Fixture.output, 0), by: producer, of: one)
    }

    @Test func `a topic that does not exist has no partitions`() throws {
        let fixture = try Fixture()
        #expect(try fixture.log.partitionCount(of: Fixture.output) == 2)
        #expect(try fixture.log.partitionCount(of: Fixture.missing) == nil)
        #expect(try !fixture.log.clusterID().isEmpty)
        let name = fixture.log.catalog.name(of: Fixture.output)
        #expect(
            try fixture.log.makeAdministrator().create([TopicPlan(name: name, partitions: 9)]) == [
                name: .existed
            ])
    }
}
