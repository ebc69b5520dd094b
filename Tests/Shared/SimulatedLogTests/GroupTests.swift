// How groups share partitions: range assignment, eager rebalances, static members that return, time out or
// are doubled.

import EventLog
import Primitives
import SimulatedLog
import Testing

@Suite struct `Groups` {
    @Test func `two members split the partitions, and one takes over when the other falls silent`() throws {
        let world = World(partitions: 5)
        let (one, two) = (try world.consumer("one"), try world.consumer("two"))
        #expect(try one.change() == assigned(0, 1, 2, 3, 4))
        #expect(try two.change() == nil)
        #expect(try one.change() == .revoked)
        #expect(try one.change() == assigned(0, 1, 2))
        #expect(try two.change() == assigned(3, 4))

        world.cluster.silence(member: "two", group: group)
        world.cluster.advance(milliseconds: 9_999)
        #expect(try one.change() == nil)
        world.cluster.advance(milliseconds: 1)
        #expect(try one.change() == .revoked)
        #expect(try one.change() == assigned(0, 1, 2, 3, 4))
        #expect(try two.change() == .lost)
        #expect(try two.change() == nil)
        #expect(try one.change() == .revoked)
        #expect(try one.change() == assigned(0, 1, 2))
        #expect(try two.change() == assigned(3, 4))
    }

    @Test func `a living member keeps its partitions however long it is not polled`() throws {
        let world = World()
        let consumer = try world.consumer()
        _ = try consumer.change()
        world.cluster.advance(milliseconds: 86_400_000)
        #expect(try consumer.change() == nil)
    }

    @Test func `a static member returns to its partitions without disturbing the others`() throws {
        let world = World(partitions: 2)
        let (one, two) = (try world.consumer("one"), try world.consumer("two"))
        _ = try one.change()
        _ = try two.change()
        _ = try one.change()
        _ = try one.change()
        #expect(try two.change() == assigned(1))
        two.close()
        world.cluster.advance(milliseconds: 9_000)
        let restarted = try world.consumer("two")
        #expect(try restarted.change() == assigned(1))
        world.cluster.advance(milliseconds: 9_000)
        #expect(try one.change() == nil)
        let assignments = world.cluster.assignments(group: group)
        #expect(assignments.map(\.member) == ["one", "two"])
        #expect(assignments.map(\.partitions) == [[PartitionIndex(0)], [PartitionIndex(1)]])
    }

    @Test func `a second consumer of the same member name fences the first for good`() throws {
        let world = World()
        let (first, producer) = (try world.consumer(), try world.producer())
        _ = try first.change()
        let second = try world.consumer()
        #expect(try second.change() == assigned(0))
        #expect(producer.commit("a", next: 1, of: first).failure?.code == "FENCED_INSTANCE_ID")
        let failure = #expect(throws: LogFailure.self) { try first.change() }
        #expect(failure?.code == "FENCED_INSTANCE_ID" && failure?.consequence == .stop)
        first.close()
        world.cluster.advance(milliseconds: 20_000)
        #expect(try second.change() == nil)
        #expect(producer.commit("b", next: 1, of: second).kind == "committed")
    }

    @Test func `a dropped consumer is one that crashed`() throws {
        let world = World(partitions: 2)
        do {
            let crashed = try world.consumer("one")
            _ = try crashed.change()
        }
        let two = try world.consumer("two")
        #expect(try two.change() == nil)
        world.cluster.advance(milliseconds: 10_000)
        #expect(try two.change() == assigned(0, 1))
    }

    @Test func `nothing is fetched between a change and the next fetch`() throws {
        let world = World()
        try world.append("a")
        let consumer = try world.consumer()
        _ = try consumer.change()
        #expect(try consumer.values() == [])
        try consumer.fetch(from: [FetchPosition(place(input), from: .beginning)])
        #expect(try consumer.values() == ["a"])
        world.cluster.rebalance(group: group)
        try world.append("b")
        #expect(try consumer.change() == .revoked)
        #expect(try consumer.change() == assigned(0))
        #expect(try consumer.values() == [])
    }

    @Test func `topics read together need equal partition counts`() throws {
        let world = World(partitions: 2)
        world.cluster.createTopic("single", partitions: 1)
        let log = SimulatedLog(catalog: TopicCatalog(names: ["input", "single"]), cluster: world.cluster)
        let consumer = try log.makeConsumer(group: group, member: "one", topics: [TopicID(0), TopicID(1)])
        let failure = #expect(throws: LogFailure.self) { try consumer.change() }
        #expect(failure?.consequence == .stop)
    }
}
