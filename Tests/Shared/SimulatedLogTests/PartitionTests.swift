// What readers of committed records see of a partition: markers, aborted and open transactions, compaction,
// retention.

import EventLog
import Primitives
import SimulatedLog
import Testing

@Suite struct `Partitions` {
    @Test func `an open transaction of somebody else holds back every later record until it ends`() throws {
        let world = World()
        let (consumer, producer) = (try world.consumer(), try world.producer())
        _ = try consumer.change()
        #expect(producer.commit("before", next: 1, of: consumer).kind == "committed")
        try world.hang("foreign")
        #expect(producer.commit("behind", next: 2, of: consumer).kind == "committed")

        #expect(try world.read(output).values == ["before"])
        #expect(try world.read(output).ends == [ReachedEnd(place(output), at: Offset(2))])
        #expect(try world.log.makeReader(.catchingUp).endOffset(of: place(output)) == Offset(5))
        world.cluster.endTransaction(transactionalID: "foreign", committed: true)
        #expect(try world.read(output).values == ["before", "foreign", "behind"])
    }

    @Test func `a hanging transaction is aborted in time and lets the readers go on`() throws {
        let world = World()
        try world.hang("foreign")
        try world.cluster.append(topic: "output", partition: partition, key: nil, value: Array("plain".utf8))
        world.cluster.advance(milliseconds: 9_999)
        #expect(try world.read(output).values == [])
        world.cluster.advance(milliseconds: 1)
        #expect(try world.read(output).values == ["plain"])
        let all = try world.cluster.records(topic: "output", partition: partition, committedOnly: false)
        #expect(all.map(\.valueText) == ["foreign", "plain"])
    }

    @Test func `the end that a reader reaches lies behind the marker and is reported once`() throws {
        let world = World()
        let (consumer, producer) = (try world.consumer(), try world.producer())
        _ = try consumer.change()
        _ = producer.commit("a", next: 1, of: consumer)
        let (reader, batch) = (try world.log.makeReader(.catchingUp), RecordBatch())
        try reader.read(from: [FetchPosition(place(output), from: .beginning)])
        let ends = try reader.poll(into: batch, limits: limits, waitMilliseconds: 0)
        #expect(batch.map(\.offset) == [Offset(0)])
        #expect(ends == [ReachedEnd(place(output), at: Offset(2))])
        #expect(try reader.poll(into: batch, limits: limits, waitMilliseconds: 0) == [])
        _ = producer.commit("b", next: 2, of: consumer)
        #expect(
            try reader.poll(into: batch, limits: limits, waitMilliseconds: 0)
                == [ReachedEnd(place(output), at: Offset(4))])
        #expect(batch.map(\.offset) == [Offset(0), Offset(2)])
    }

    @Test func `aborted records use offsets and are never shown, also between committed ones`() throws {
        let world = World()
        let (consumer, producer) = (try world.consumer(), try world.producer())
        _ = try consumer.change()
        _ = producer.commit("a", next: 1, of: consumer)
        world.cluster.inject(.abort, at: .commit)
        let outcome = producer.commit("b", next: 2, of: consumer)
        #expect(outcome.kind == "aborted" && outcome.failure?.consequence == .retry)
        #expect(try world.position() == .offset(Offset(1)))
        #expect(producer.commit("b again", next: 2, of: consumer).kind == "committed")
        #expect(try world.read(output).values == ["a", "b again"])
        #expect(try world.log.makeReader(.catchingUp).endOffset(of: place(output)) == Offset(6))
    }

    @Test func `compaction keeps the last of each key, and tombstones until they are old`() throws {
        let world = World()
        for (key, value) in [("a", "1"), ("b", "1"), ("a", "2"), ("b", nil)] {
            try world.cluster.append(
                topic: "changelog", partition: partition, key: Array(key.utf8),
                value: value.map { Array($0.utf8) })
        }
        world.cluster.advance(milliseconds: 999)
        world.cluster.compactAll(tombstonesOlderThan: 1_000)
        #expect(try world.read(changelog).values == ["2", "-"])
        world.cluster.advance(milliseconds: 1)
        world.cluster.compactAll(tombstonesOlderThan: 1_000)
        #expect(try world.read(changelog).values == ["2"])
        #expect(try world.read(changelog).ends == [ReachedEnd(place(changelog), at: Offset(4))])
        #expect(try world.read(changelog, from: .offset(Offset(1))).values == ["2"])
    }

    @Test func `compaction stops at an open transaction and ignores aborted records`() throws {
        let world = World()
        let key = Array("a".utf8)
        func write(_ value: String, open id: String? = nil) throws {
            let value = Array(value.utf8)
            if let id {
                try world.cluster.appendOpen(
                    transactionalID: id, topic: "changelog", partition: partition, key: key, value: value)
            } else {
                try world.cluster.append(topic: "changelog", partition: partition, key: key, value: value)
            }
        }
        try write("1")
        try write("2")
        try write("aborted", open: "x")
        world.cluster.endTransaction(transactionalID: "x", committed: false)
        try write("open", open: "y")
        try write("3")
        world.cluster.compactAll(tombstonesOlderThan: 1_000)
        #expect(try world.read(changelog).values == ["2"])
        world.cluster.endTransaction(transactionalID: "y", committed: true)
        #expect(try world.read(changelog).values == ["2", "open", "3"])
        world.cluster.compactAll(tombstonesOlderThan: 1_000)
        #expect(try world.read(changelog).values == ["3"])
    }

    @Test func `a position older than the log stops a consumer and a reader`() throws {
        let world = World()
        for value in ["a", "b", "c"] { try world.append(value) }
        try world.cluster.trim(topic: "input", partition: partition, before: Offset(2))
        let refusal = #expect(throws: LogFailure.self) { try world.read(input, from: .offset(.zero)) }
        #expect(refusal?.cause == .outOfRange)
        #expect(try world.read(input, from: .beginning).values == ["c"])
        let consumer = try world.consumer()
        _ = try consumer.change()
        try consumer.fetch(from: [FetchPosition(place(input), from: .offset(Offset(1)))])
        let failure = #expect(throws: LogFailure.self) { try consumer.values() }
        #expect(failure?.code == "OFFSET_OUT_OF_RANGE" && failure?.consequence == .stop)
    }

    @Test func `a batch ends at its limits and the next poll goes on behind it`() throws {
        let world = World(partitions: 2)
        for value in ["a", "b", "c"] { try world.append(value) }
        try world.append("other", to: PartitionIndex(1))
        let consumer = try world.consumer()
        _ = try consumer.change()
        try consumer.fetch(from: [
            FetchPosition(place(input, 0), from: .beginning),
            FetchPosition(place(input, 1), from: .beginning),
        ])
        let (batch, two) = (RecordBatch(), BatchLimits(records: 2, bytes: 1_000, lingerMilliseconds: 0))
        let one = BatchLimits(records: 9, bytes: 1, lingerMilliseconds: 0)
        #expect(try consumer.poll(into: batch, limits: two, waitMilliseconds: 0) == nil)
        #expect(batch.map(text) == ["a", "b"])
        #expect(try consumer.poll(into: batch, limits: one, waitMilliseconds: 0) == nil)
        #expect(batch.map(text) == ["a", "b", "other"])
        #expect(try consumer.poll(into: batch, limits: limits, waitMilliseconds: 0) == nil)
        #expect(batch.map(text) == ["a", "b", "other", "c"])
    }
}
