// Transactions of the real log: what is visible, what is refused, and who is fenced.

import EventLog
import Primitives
import TestBroker
import Testing

@testable import KafkaLog

@Suite(.serialized, .enabled(if: TestBroker.isAvailable, Comment(rawValue: TestBroker.howToEnable)))
struct `Transactions over Kafka` {
    typealias Fixture = LogFixture<KafkaLog>

    @Test func `a committed record comes back with every byte`() throws {
        let fixture = try Fixture()
        let (consumer, producer) = (try fixture.joinedConsumer(), try fixture.initializedProducer())
        let place = fixture.place(Fixture.output, 1)
        let batch = RecordBatch()
        batch.append(to: place, key: [UInt8]())
        batch.addHeader("twice", [0, 1])
        batch.addHeader("twice", [UInt8]())
        batch.setValue([UInt8]())
        batch.append(to: place, key: [UInt8]?.none)
        batch.append(to: place, key: [0, 255])
        batch.setValue([10, 0, 13])
        let outcome = producer.commit(
            batch, offsets: [InputPosition(fixture.place(Fixture.input, 0), next: Offset(1))], of: consumer)
        #expect(outcome.committed == [])

        let read = try fixture.contents(of: place).records
        #expect(read.offsets == [0, 1, 2])
        #expect(read.map { $0.key.map(Array.init) } == [[], nil, [0, 255]])
        #expect(read.map { $0.value.map(Array.init) } == [[], nil, [10, 0, 13]])
        #expect(read.map(\.headerCount) == [2, 0, 0])
        #expect(Array(read[0].header(at: 0).name) == Array("twice".utf8))
        #expect(Array(read[0].header(at: 0).value) == [0, 1])
        #expect(Array(read[0].header(at: 1).value) == [])
        #expect(read[0].timestamp > .zero)
    }

    @Test func `records that take turns between partitions keep their order in each, and come once`() throws {
        let fixture = try Fixture()
        let (consumer, producer) = (try fixture.joinedConsumer(), try fixture.initializedProducer())
        let batch = RecordBatch()
        for (value, partition) in zip("abcdefg".map(String.init), [0, 0, 1, 0, 1, 1, 0] as [Int32]) {
            batch.append(to: fixture.place(Fixture.output, partition), key: value.utf8)
            batch.setValue(value.utf8)
        }
        let outcome = producer.commit(
            batch, offsets: [InputPosition(fixture.place(Fixture.input, 0), next: Offset(1))], of: consumer)
        #expect(outcome.committed == [])
        #expect(try fixture.contents(of: fixture.place(Fixture.output, 0)).records.values == ["a", "b", "d", "g"])
        #expect(try fixture.contents(of: fixture.place(Fixture.output, 1)).records.values == ["c", "e", "f"])
    }

    @Test func `offsets in a transaction move the group, and only when it commits`() throws {
        let fixture = try Fixture()
        let (consumer, producer) = (try fixture.joinedConsumer(), try fixture.initializedProducer())
        let place = fixture.place(Fixture.input, 1)
        #expect(try consumer.committedOffset(at: place) == .none)
        _ = producer.commit(RecordBatch(), offsets: [InputPosition(place, next: Offset(7))], of: consumer)
        #expect(try consumer.committedOffset(at: place) == .offset(Offset(7)))

        let deadline = Deadline(milliseconds: 10_000)
        try producer.begin()
        try producer.send([InputPosition(place, next: Offset(9))], of: consumer, before: deadline)
        #expect(try consumer.committedOffset(at: place) == .unstable)
        try fixture.initializedProducer().close()
        #expect(try consumer.committedOffset(at: place) == .offset(Offset(7)))
    }

    @Test func `clearing a group of undecided offsets leaves the decided ones, and the producer at work`() throws {
        let fixture = try Fixture()
        let (consumer, producer) = (try fixture.joinedConsumer(), try fixture.initializedProducer())
        let places = [0, 1].map { fixture.place(Fixture.input, $0) }
        _ = producer.commit(RecordBatch(), offsets: [InputPosition(places[0], next: Offset(7))], of: consumer)
        for place in places {
            if let outcome = producer.clearOffsets(at: place, of: consumer) { Issue.record("\(outcome)") }
        }
        #expect(try consumer.committedOffset(at: places[0]) == .offset(Offset(7)))
        #expect(try consumer.committedOffset(at: places[1]) == .none)
        _ = producer.commit(RecordBatch(), offsets: [InputPosition(places[1], next: Offset(3))], of: consumer)
        #expect(try consumer.committedOffset(at: places[1]) == .offset(Offset(3)))

        // The newest producer of the id alone may.
        try fixture.initializedProducer().close()
        guard case .fenced = producer.clearOffsets(at: places[0], of: consumer) else {
            Issue.record("an older producer is fenced")
            return
        }
    }

    @Test(arguments: [1_500_000, 5_000]) func `a record that is too large aborts by name`(size: Int) throws {
        // The larger one is refused by the client, the smaller one by the broker.
        let fixture = try Fixture(configuration: ["max.message.bytes": "2000"])
        let (consumer, producer) = (try fixture.joinedConsumer(), try fixture.initializedProducer())
        let place = fixture.place(Fixture.output, 0)
        let batch = fixture.batch(["small", String(repeating: "x", count: size)], to: place)
        let outcome = producer.commit(
            batch, offsets: [InputPosition(fixture.place(Fixture.input, 0), next: Offset(5))], of: consumer)
        guard case .aborted(let failure) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(failure.code == "MSG_SIZE_TOO_LARGE")
        #expect(failure.consequence == .stop)
        #expect(try consumer.committedOffset(at: fixture.place(Fixture.input, 0)) == .none)

        try fixture.write(["after"], to: place, by: producer, of: consumer)
        #expect(try fixture.contents(of: place).records.values == ["after"])
    }

    @Test func `a record for a partition that does not exist aborts`() throws {
        let fixture = try Fixture()
        let (consumer, producer) = (try fixture.joinedConsumer(), try fixture.initializedProducer())
        for place in [fixture.place(Fixture.output, 2), fixture.place(Fixture.missing, 0)] {
            let outcome = producer.commit(
                fixture.batch(["lost"], to: place),
                offsets: [InputPosition(fixture.place(Fixture.input, 0), next: .zero)], of: consumer)
            #expect(outcome.abortCode == "_UNKNOWN_PARTITION")
        }
        try fixture.write(["after"], to: fixture.place(Fixture.output, 0), by: producer, of: consumer)
    }

    @Test func `a commit tells where the records of tracked topics came to lie`() throws {
        let fixture = try Fixture()
        let consumer = try fixture.joinedConsumer()
        let producer = try fixture.initializedProducer(tracked: [Fixture.output])
        let (first, second) = (fixture.place(Fixture.output, 0), fixture.place(Fixture.output, 1))
        try fixture.write(["before"], to: second, by: producer, of: consumer)

        let batch = fixture.batch(["a", "b"], to: first)
        for record in fixture.batch(["c", "d", "e"], to: second) {
            batch.append(to: second, key: record.key)
        }
        batch.append(to: fixture.place(Fixture.input, 0), key: [1])
        let outcome = producer.commit(
            batch, offsets: [InputPosition(fixture.place(Fixture.input, 0), next: .zero)], of: consumer)
        // Offset 1 of the second partition holds the marker of the transaction before.
        #expect(
            outcome.committed == [
                InputPosition(first, next: Offset(2)), InputPosition(second, next: Offset(5)),
            ])
        #expect(try fixture.contents(of: second).records.offsets == [0, 2, 3, 4])
    }

    @Test func `a second producer with the same id fences the first`() throws {
        let fixture = try Fixture()
        let (consumer, old) = (try fixture.joinedConsumer(), try fixture.initializedProducer())
        let place = fixture.place(Fixture.output, 0)
        try fixture.write(["old"], to: place, by: old, of: consumer)
        let new = try fixture.initializedProducer()
        let outcome = old.commit(
            fixture.batch(["zombie"], to: place),
            offsets: [InputPosition(fixture.place(Fixture.input, 0), next: Offset(3))], of: consumer)
        guard case .fenced(let failure) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(failure.consequence == .discardProducer)
        try fixture.write(["new"], to: place, by: new, of: consumer)
        #expect(try fixture.contents(of: place).records.values == ["old", "new"])
    }

    @Test func `a member that was replaced without noticing is refused by the broker`() throws {
        // With rare heartbeats the old member cannot learn about its replacement in time.
        let fixture = try Fixture { $0.consumerProperties = ["heartbeat.interval.ms": "9000"] }
        let (old, producer) = (try fixture.joinedConsumer(), try fixture.initializedProducer())
        let twin = try fixture.joinedConsumer()
        let place = fixture.place(Fixture.output, 0)
        let outcome = producer.commit(
            fixture.batch(["zombie"], to: place),
            offsets: [InputPosition(fixture.place(Fixture.input, 0), next: Offset(3))], of: old)
        #expect(outcome.fencedCode == "FENCED_INSTANCE_ID")
        #expect(try fixture.contents(of: place).records.isEmpty)
        #expect(try twin.committedOffset(at: fixture.place(Fixture.input, 0)) == .none)
    }

    @Test(arguments: [true, false])
    func `records and positions are committed together, whichever go first`(recordsGoFirst: Bool) throws {
        let fixture = try Fixture()
        let (consumer, producer) = (try fixture.joinedConsumer(), try fixture.initializedProducer())
        let (place, input) = (fixture.place(Fixture.output, 0), fixture.place(Fixture.input, 0))
        for number in 1...3 {
            producer.markersEnd = .end(recordsGoFirst)
            let outcome = producer.commit(
                fixture.batch(["a\(number)", "b\(number)"], to: place),
                offsets: [InputPosition(input, next: Offset(Int64(number)))], of: consumer)
            #expect(outcome.committed == [])
        }
        #expect(try fixture.contents(of: place).records.values == ["a1", "b1", "a2", "b2", "a3", "b3"])
        #expect(try consumer.committedOffset(at: input) == .offset(Offset(3)))
    }

    @Test(arguments: [true, false])
    func `what is on its way when the positions are refused is aborted, and the producer goes on`(
        recordsGoFirst: Bool
    ) throws {
        let fixture = try Fixture { $0.consumerProperties = ["heartbeat.interval.ms": "9000"] }
        let (old, producer) = (try fixture.joinedConsumer(), try fixture.initializedProducer())
        let places = [0, 1].map { fixture.place(Fixture.output, $0) }
        let input = fixture.place(Fixture.input, 0)
        try fixture.write(["before"], to: places[0], by: producer, of: old)
        let twin = try fixture.joinedConsumer()
        // More than a request holds, so that some are sent, some wait, and some may be on their way.
        let batch = RecordBatch()
        for number in 0..<4_000 {
            batch.append(to: places[number % 2], key: "zombie \(number)".utf8)
            batch.setValue(String(repeating: "x", count: 1_000).utf8)
        }
        producer.markersEnd = .end(recordsGoFirst)
        let outcome = producer.commit(batch, offsets: [InputPosition(input, next: Offset(3))], of: old)
        #expect(outcome.fencedCode == "FENCED_INSTANCE_ID")
        #expect(producer.queued == (recordsGoFirst ? 4_000 : 0))

        for place in places {
            producer.markersEnd = .end(recordsGoFirst)
            try fixture.write(["after"], to: place, by: producer, of: twin)
        }
        #expect(try fixture.contents(of: places[0]).records.values == ["before", "after"])
        #expect(try fixture.contents(of: places[1]).records.values == ["after"])
        #expect(try twin.committedOffset(at: input) == .offset(.zero))
    }
}

extension Deadline {
    /// As if all markers of the transaction before were written, or not.
    fileprivate static func end(_ recordsGoFirst: Bool) -> Deadline {
        Deadline(milliseconds: recordsGoFirst ? 0 : 60_000)
    }
}
