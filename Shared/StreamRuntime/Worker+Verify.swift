// What is compared before a partition is read on: the group's positions and the store's against what the log
// still holds. Where they do not fit, the log was cut or is another one, and whatever is done by itself would lose
// or double something: the worker stops, says what is gone, and leaves the store as it is, because it may be the
// last whole copy.

import EventLog
import Primitives
import StateStore

extension Worker {
    /// The group's position in each input must lie in the log; where it is gone, the store must have seen nothing.
    ///
    /// - Returns: the inputs that do not, and go on where the settings say.
    func verifyInputs(
        of task: PartitionTask, _ committed: [TopicID: Offset]
    ) throws(WorkerFailure) -> [TopicID: Offset] {
        var resumed: [TopicID: Offset] = [:]
        for topic in topology.inputs {
            let place = task.place(topic)
            let bounds = try bounds(of: place)
            guard let stop = try mismatch(task, topic, committed[topic], bounds) else { continue }
            guard let offset = resumption(at: place, bounds) else { throw .stop(stop) }
            logger.warning(
                "input.resumed", .string("topic", name(topic)), .number("partition", Int64(task.partition.number)),
                .number("offset", offset.number), .string("instead_of", stop.description))
            resumed[topic] = offset
        }
        return resumed
    }

    private func mismatch(
        _ task: PartitionTask, _ topic: TopicID, _ committed: Offset?, _ bounds: LogBounds
    ) throws(WorkerFailure) -> WorkerStop? {
        if let committed {
            return mismatch(task.place(topic), committed, bounds)
        }
        let stored = try storing(task) { () throws(StoreFailure) in
            try task.store?.inputPosition(of: name(topic))
        }
        if let stored { return positionMissing(task, topic, stored, bounds) }
        if bounds.start > .zero {
            logger.warning(
                "input.begins-late", .string("topic", name(topic)),
                .number("partition", Int64(task.partition.number)), .number("offset", bounds.start.number))
        }
        return nil
    }

    private func mismatch(_ place: TopicPartition, _ committed: Offset, _ bounds: LogBounds) -> WorkerStop? {
        if committed < bounds.start { return gone(place, committed, bounds) }
        return committed > bounds.end ? recreated(place, known: committed, end: bounds.end) : nil
    }

    /// Where the settings say to go on, if that is in the log.
    private func resumption(at place: TopicPartition, _ bounds: LogBounds) -> Offset? {
        settings.resumeAt[place].flatMap { bounds.start <= $0 && $0 <= bounds.end ? $0 : nil }
    }

    /// What would stop the owners of the other partitions, as far as the log alone tells: as a rule all partitions
    /// of a topic were cut together, and each owner, such as another worker of this process, would only find out in
    /// a start of its own.
    func mismatchesElsewhere() throws(WorkerFailure) -> [WorkerStop] {
        guard let consumer else { return [] }
        var stops: [WorkerStop] = []
        let own = Set(tasks.map(\.partition))
        for partition in (0..<settings.partitions.number).map(PartitionIndex.init) where !own.contains(partition) {
            for place in topology.inputs.map({ TopicPartition($0, partition) }) {
                let answer = try logging { () throws(LogFailure) in try consumer.committedOffset(at: place) }
                // Each of these may take as long as the question may: what is known by now is enough to be told.
                if case .unstable = answer { return stops }
                guard case .offset(let committed) = answer else { continue }
                let bounds = try bounds(of: place)
                guard let stop = mismatch(place, committed, bounds), resumption(at: place, bounds) == nil
                else { continue }
                stops.append(stop)
            }
        }
        return stops
    }

    /// The bounds of the restore sources: what the store has read of each must not lie behind its end, and nothing
    /// of the changelog may be gone that it has not read. Histories may be shortened, people only lose old lines.
    func verifiedSources(of task: PartitionTask) throws(WorkerFailure) -> [TopicID: LogBounds] {
        var sources: [TopicID: LogBounds] = [:]
        for topic in topology.restoreSources {
            let place = task.place(topic)
            let bounds = try bounds(of: place)
            let position = try storing(task) { () throws(StoreFailure) in try task.restorePosition(of: topic) }
            if position > bounds.end { throw .stop(recreated(place, known: position, end: bounds.end)) }
            if topic == topology.changelog, position < bounds.start {
                throw .stop(
                    WorkerStop(
                        .changelogTrimmed,
                        "\(text(place)): it begins at \(bounds.start), the store has rows up to \(position)"))
            }
            sources[topic] = bounds
        }
        return sources
    }

    private func bounds(of place: TopicPartition) throws(WorkerFailure) -> LogBounds {
        let reader = try currentReader()
        return try logging { () throws(LogFailure) in try reader.bounds(of: place) }
    }

    // MARK: What to say

    func recreated(_ place: TopicPartition, known: Offset, end: Offset) -> WorkerStop {
        WorkerStop(
            .topicRecreated,
            "\(text(place)): offset \(known) was reached before, and now it ends at \(end)")
    }

    /// The group's position is gone; the log's end tells whether its topic went too.
    private func positionMissing(
        _ task: PartitionTask, _ topic: TopicID, _ stored: Offset, _ bounds: LogBounds
    ) -> WorkerStop {
        let place = task.place(topic)
        if stored > bounds.end { return recreated(place, known: stored, end: bounds.end) }
        return WorkerStop(
            .positionMissing,
            "\(text(place)): group \(groupName) has no position, the store has seen all before \(stored)")
    }

    /// As it shows when a store was restored that was not there before.
    func positionMissing(
        _ task: PartitionTask, _ topic: TopicID, _ stored: Offset
    ) throws(WorkerFailure) -> WorkerStop {
        positionMissing(task, topic, stored, try bounds(of: task.place(topic)))
    }

    private func gone(_ place: TopicPartition, _ position: Offset, _ bounds: LogBounds) -> WorkerStop {
        let count = bounds.start.number - position.number
        return WorkerStop(
            .offsetOutOfRange,
            "\(text(place)): the group has read to \(position), the topic begins at \(bounds.start): "
                + "\(count) offsets are gone unread (records and transactions' markers)")
    }

    private func text(_ place: TopicPartition) -> String { "\(name(place.topic))[\(place.partition)]" }
}
