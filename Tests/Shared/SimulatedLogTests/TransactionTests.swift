// How commits end: whole or not at all, refused to old producers and stale members, and with outcomes that
// nobody knows.

import EventLog
import Primitives
import SimulatedLog
import Testing

@Suite struct `Transactions` {
    @Test func `a commit shows records, offsets and tracked positions together`() throws {
        let world = World()
        let (consumer, producer) = (try world.consumer(), try world.producer())
        _ = try consumer.change()
        #expect(try world.position() == .none)
        let records = batch((output, "k", "out"), (changelog, "row", "1"), (changelog, "row", "2"))
        records.addHeader("step", "last")
        let outcome = producer.commit(
            records, offsets: [InputPosition(place(input), next: Offset(7))], of: consumer)
        #expect(outcome.positions == [InputPosition(place(changelog), next: Offset(2))])
        #expect(try world.position() == .offset(Offset(7)))
        #expect(try world.read(output).values == ["out"])
        let rows = try world.cluster.records(topic: "changelog", partition: partition)
        #expect(rows.map(\.headers) == [[], [SimulatedRecord.Header("step", "last")]])
        #expect(rows.map(\.keyText) == ["row", "row"])
    }

    @Test func `a newer producer fences the older one, whose records are never seen`() throws {
        let world = World()
        let (consumer, old) = (try world.consumer(), try world.producer())
        _ = try consumer.change()
        let new = try world.producer()
        let outcome = old.commit("old", next: 1, of: consumer)
        #expect(outcome.kind == "fenced" && outcome.failure?.consequence == .discardProducer)
        #expect(new.commit("new", next: 1, of: consumer).kind == "committed")
        #expect(try world.read(output).values == ["new"])
    }

    @Test func `a stale generation is refused, nothing is visible, and the producer stays usable`() throws {
        let world = World(partitions: 2)
        let (zombie, producer) = (try world.consumer("one"), try world.producer())
        _ = try zombie.change()
        world.cluster.remove(member: "one", group: group)
        let successor = try world.consumer("two")
        #expect(try successor.change() == assigned(0, 1))
        let outcome = producer.commit("zombie", next: 1, of: zombie)
        #expect(outcome.kind == "fenced" && outcome.failure?.consequence == .dropPartitions)
        #expect(try zombie.change() == .lost)
        #expect(try world.position() == .none)
        #expect(producer.commit("rightful", next: 1, of: successor).kind == "committed")
        #expect(try world.read(output).values == ["rightful"])
    }

    @Test func `a member may commit until it rejoins, and not with the old generation afterwards`() throws {
        let world = World(partitions: 2)
        let (one, two, producer) = (
            try world.consumer("one"), try world.consumer("two"), try world.producer()
        )
        _ = try one.change()
        _ = try two.change()
        #expect(try one.change() == .revoked)
        #expect(producer.commit("last", next: 1, of: one).kind == "committed")
        #expect(try one.change() == assigned(0))
        let waiting = try world.consumer("three")
        _ = try waiting.change()
        _ = try one.change()
        _ = try one.change()
        #expect(producer.commit("too late", next: 2, of: one).failure?.code == "ILLEGAL_GENERATION")
        #expect(try world.position() == .offset(Offset(1)))
        #expect(try world.read(output).values == ["last"])
    }

    @Test(arguments: [(Fault.answerLost, true), (Fault.requestLost, false)])
    func `an unknown outcome may have been applied or not, and the next producer settles it`(
        fault: Fault, applied: Bool
    ) throws {
        let world = World()
        let (consumer, producer) = (try world.consumer(), try world.producer())
        _ = try consumer.change()
        world.cluster.inject(fault, at: .commit)
        #expect(producer.commit("a", next: 1, of: consumer).kind == "unknown")
        #expect(try consumer.committedOffset(at: place(input)) == (applied ? .offset(Offset(1)) : .unstable))
        #expect(try world.read(output).values == (applied ? ["a"] : []))
        #expect(producer.commit("b", next: 1, of: consumer).kind == "fenced")
        #expect(throws: LogFailure.self) { try producer.initialize() }
        let next = try world.producer()
        #expect(try consumer.committedOffset(at: place(input)) == (applied ? .offset(Offset(1)) : .none))
        #expect(try world.read(output).ends == [ReachedEnd(place(output), at: Offset(2))])
        #expect(next.commit("b", next: 2, of: consumer).kind == "committed")
    }

    @Test(arguments: [true, false])
    func `a request that arrives late decides its own transaction or nothing`(isFencedFirst: Bool) throws {
        let world = World()
        let (consumer, producer) = (try world.consumer(), try world.producer())
        _ = try consumer.change()
        world.cluster.inject(.requestLate(milliseconds: 500), at: .commit)
        #expect(producer.commit("late", next: 1, of: consumer).kind == "unknown")
        if isFencedFirst { _ = try world.producer() }
        world.cluster.advance(milliseconds: 500)
        #expect(try world.read(output).values == (isFencedFirst ? [] : ["late"]))
        #expect(try world.position() == (isFencedFirst ? .none : .offset(Offset(1))))
    }

    @Test func `markers that come late keep a committed transaction and its offsets from readers`() throws {
        let world = World()
        let (consumer, producer) = (try world.consumer(), try world.producer())
        _ = try consumer.change()
        world.cluster.inject(.markersLate(milliseconds: 500), at: .commit)
        #expect(producer.commit("a", next: 1, of: consumer).kind == "committed")
        #expect(try world.position() == .unstable)
        #expect(try world.read(output).values == [])
        #expect(try world.log.makeReader(.catchingUp).endOffset(of: place(output)) == Offset(1))
        world.cluster.advance(milliseconds: 500)
        #expect(try world.position() == .offset(Offset(1)))
        #expect(try world.read(output).values == ["a"])
    }

    @Test func `late markers are written before the producer's next transaction`() throws {
        let world = World()
        let (consumer, producer) = (try world.consumer(), try world.producer())
        _ = try consumer.change()
        world.cluster.inject(.markersLate(milliseconds: 500), at: .commit)
        _ = producer.commit("a", next: 1, of: consumer)
        #expect(producer.commit("b", next: 2, of: consumer).kind == "committed")
        #expect(try world.position() == .offset(Offset(2)))
        #expect(try world.read(output).values == ["a", "b"])
    }

    @Test func `a transaction that times out is aborted and its commit is refused`() throws {
        let world = World()
        let (consumer, producer) = (try world.consumer(), try world.producer())
        _ = try consumer.change()
        world.cluster.inject(.pause(milliseconds: 10_000), at: .commit)
        let outcome = producer.commit("slow", next: 1, of: consumer)
        #expect(outcome.kind == "fenced" && outcome.failure?.consequence == .discardProducer)
        #expect(try world.read(output).values == [])
        #expect(try world.position() == .none)
        #expect(try consumer.change() == .lost)
    }

    @Test func `a twin that initialises in the middle fences the commit`() throws {
        let world = World()
        let (consumer, producer) = (try world.consumer(), try world.producer())
        _ = try consumer.change()
        world.cluster.inject(.fence, at: .commit, of: "worker", after: 1)
        #expect(producer.commit("a", next: 1, of: consumer).kind == "committed")
        #expect(producer.commit("b", next: 2, of: consumer).kind == "fenced")
        #expect(try world.read(output).values == ["a"])
        #expect(try world.position() == .offset(Offset(1)))
    }

    @Test func `a record that the broker refuses takes the whole batch with it`() throws {
        let world = World()
        let (consumer, producer) = (try world.consumer(), try world.producer())
        _ = try consumer.change()
        let records = batch((output, "k", "out"))
        records.append(to: place(changelog), key: [UInt8]?.none)
        let offsets = [InputPosition(place(input), next: Offset(1))]
        let outcome = producer.commit(records, offsets: offsets, of: consumer)
        #expect(outcome.kind == "aborted" && outcome.failure?.consequence == .stop)
        let missing = batch()
        missing.append(to: place(output, 5), key: [UInt8]?.none)
        #expect(
            producer.commit(missing, offsets: offsets, of: consumer).failure?.code == "UNKNOWN_TOPIC_OR_PART")
        #expect(try world.read(output).values == [])
        #expect(try world.position() == .none)
    }
}
