// When rows that nothing asks for any more are deleted, and which those are. Held by the processor. If the
// batch that did the work is undone the schedule stays as it is: what was not deleted is deleted the next
// time.

import Configuration
import Primitives

/// When pruning is due; nil until the partition has seen a record.
struct PruningSchedule {
    /// A punctuation deletes at most so many rows, each a tombstone on the changelog: a few milliseconds of a
    /// batch.
    static let maximumRows = 1_000
    /// Counters end at midnight at the earliest, so an hour is soon enough.
    static let intervalMilliseconds: Int64 = 3_600_000
    /// While there is more to delete: often enough to catch up, with room for records in between.
    static let catchUpMilliseconds: Int64 = 1_000
    /// A period is long past when events of its time are refused everywhere, and this long more: for what is
    /// still on its way, and for a source whose window was longer before.
    static let counterMarginDays: Int64 = 30
    /// Longer than `customer-events` keeps a command that somebody could replay.
    static let changeDays: Int64 = 90

    private(set) var next: Timestamp?

    /// Nothing is due for a partition without records: the worker would wake up for it in vain.
    mutating func startIfNeeded(_ now: Timestamp) {
        if next == nil { next = now }
    }

    mutating func done(at now: Timestamp, isComplete: Bool) {
        next = now.adding(milliseconds: isComplete ? Self.intervalMilliseconds : Self.catchUpMilliseconds)
    }

    /// Counters of periods that ended before this are of no use.
    static func counterHorizon(_ configuration: Configuration, _ now: Timestamp) -> Timestamp {
        let window = configuration.sources.values.map(\.repeatWindowMilliseconds).max() ?? 0
        return now.adding(milliseconds: -window - counterMarginDays * Timestamp.millisecondsPerDay)
    }

    static func changeHorizon(_ now: Timestamp) -> Timestamp {
        now.adding(milliseconds: -changeDays * Timestamp.millisecondsPerDay)
    }
}
