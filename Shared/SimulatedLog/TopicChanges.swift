// What an operator can do to a topic behind the services' backs: delete it, and create one of the same name.
// As in Kafka, the groups' offsets of a deleted topic go with it, and what a producer has open there is
// forgotten. Called by tests only.

import EventLog
import Primitives

extension SimulatedCluster {
    /// Deletes a topic with its records and its offsets in all groups.
    public func deleteTopic(_ name: String) {
        locked { state in state.empty(name, partitions: 0) }
    }

    /// Deletes a topic and creates it anew, empty.
    public func recreate(topic name: String, partitions: Int32) {
        locked { state in state.empty(name, partitions: Int(partitions)) }
    }

    /// Adds empty partitions, as `kafka-topics --alter` does.
    public func extend(topic name: String, to partitions: Int32) {
        locked { state in
            guard let number = state.topicNumbers[name] else { return }
            while state.topics[number].partitions.count < Int(partitions) {
                state.topics[number].partitions.append(PartitionLog())
            }
            state.trace.note("extend \(name) to \(partitions)")
        }
    }

    /// Deletes what a group has committed, as `kafka-consumer-groups --delete` and long absence do.
    public func forgetOffsets(group: String) {
        locked { state in
            state.groups[group]?.committed.removeAll()
            state.trace.note("forget the offsets of \(group)")
        }
    }
}

extension ClusterState {
    /// Nil if the topic does not exist, or no more.
    func partitionCount(of topic: String) -> Int32? {
        topicNumbers[topic].map { Int32(topics[$0].partitions.count) }.flatMap { $0 > 0 ? $0 : nil }
    }

    func checkExists(_ slot: Slot) throws(LogFailure) {
        _ = try self.slot(topics[slot.topic].name, PartitionIndex(Int32(slot.partition)))
    }

    /// - Parameter partitions: 0 for a topic that is gone.
    fileprivate mutating func empty(_ name: String, partitions: Int) {
        guard let number = topicNumbers[name] else { return }
        topics[number].partitions = [PartitionLog](repeating: PartitionLog(), count: partitions)
        for group in groups.keys.sorted() {
            for slot in groups[group]?.committed.keys.filter({ $0.topic == number }).sorted() ?? [] {
                groups[group]?.committed[slot] = nil
            }
            groups[group]?.pending.removeAll { $0.slot.topic == number }
        }
        for id in transactionalIDs.keys.sorted() {
            switch transactionalIDs[id]?.phase {
            case .open(var transaction):
                transaction.slots.removeAll { $0.topic == number }
                transactionalIDs[id]?.phase = .open(transaction)
            case .completing(var transaction):
                transaction.slots.removeAll { $0.topic == number }
                transactionalIDs[id]?.phase = .completing(transaction)
            case .idle, nil: break
            }
        }
        trace.note("empty \(name), \(partitions) partitions")
    }
}
