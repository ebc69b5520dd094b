// What tests and invariant checks read from the cluster. Nothing here changes it or counts as a call that
// faults strike.

import EventLog
import Primitives

/// The offsets that bound a partition.
public struct PartitionBounds: Sendable, Equatable {
    public let start: Offset
    /// The last stable offset.
    public let stableEnd: Offset
    /// The high watermark.
    public let end: Offset
}

public struct GroupAssignment: Sendable, Equatable {
    public let member: String
    public let partitions: [PartitionIndex]
}

extension SimulatedCluster {
    /// Records in the order of their offsets.
    ///
    /// - Parameter committedOnly: what a reader of committed records sees; else open and aborted ones too.
    public func records(
        topic: String, partition: PartitionIndex, committedOnly: Bool = true
    ) throws(LogFailure) -> [SimulatedRecord] {
        try locked { state throws(LogFailure) in
            let log = state[try state.slot(topic, partition)]
            return log.entries.compactMap { entry in
                guard case .record(let record) = entry.body else { return nil }
                let isVisible = entry.standing == .committed && entry.offset < log.stableEnd
                return isVisible || !committedOnly ? record : nil
            }
        }
    }

    public func bounds(topic: String, partition: PartitionIndex) throws(LogFailure) -> PartitionBounds {
        try locked { state throws(LogFailure) in
            let log = state[try state.slot(topic, partition)]
            return PartitionBounds(start: log.start, stableEnd: log.stableEnd, end: log.end)
        }
    }

    public func committedOffset(
        group: String, topic: String, partition: PartitionIndex
    ) throws(LogFailure) -> CommittedOffset {
        try locked { state throws(LogFailure) in
            state.groups[group]?.committedOffset(at: try state.slot(topic, partition)) ?? .none
        }
    }

    /// How many records of a partition wait for a group.
    public func lag(group: String, topic: String, partition: PartitionIndex) throws(LogFailure) -> Int {
        try locked { state throws(LogFailure) in
            let slot = try state.slot(topic, partition)
            let (log, next) = (state[slot], state.groups[group]?.committed[slot] ?? .zero)
            return log.entries[log.index(from: next)...].count { entry in
                if case .record = entry.body { entry.standing != .aborted } else { false }
            }
        }
    }

    /// The members of a group by name, with what the newest generation gave them.
    public func assignments(group: String) -> [GroupAssignment] {
        locked { state in
            (state.groups[group]?.members ?? []).map {
                GroupAssignment(member: $0.name, partitions: $0.partitions)
            }
        }
    }

    /// A hash of everything that happened, in order: equal for two runs of the same calls and the same seed.
    public var traceDigest: UInt64 { locked { $0.trace.digest } }

    /// The newest events, oldest first, for the report of a failed run.
    public var newestEvents: [String] { locked { $0.trace.newest } }
}
