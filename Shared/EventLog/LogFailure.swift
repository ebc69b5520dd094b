// What went wrong with the log, and what it means for the worker. The worker acts on the
// consequence alone; the rest is for the log line that an operator reads.

/// An operational failure of the log.
public struct LogFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// What the worker has to do, mildest first.
    public enum Consequence: Sendable, Equatable {
        /// Nothing happened; the same call may be repeated after a pause.
        case retry
        /// The member's partitions are not its own any more.
        case dropPartitions
        /// The producer cannot be used again.
        case discardProducer
        /// No retry mends it: wrong address or credentials, missing topic, offsets out of range.
        case stop
    }

    /// What lies behind a failure, where a runbook has a page for it.
    public enum Cause: Sendable, Equatable {
        case other
        /// The log does not know the topic or the partition. It may be a broker that has just started.
        case topicMissing
        /// A position lies before the log's first record or behind its last.
        case outOfRange
        /// Topics that are read together have different partition counts.
        case partitionCount
        /// Credentials or rights are missing.
        case notAuthorised
        /// Another process has this member's name.
        case memberTaken
        /// A record is damaged; its place stands in the detail.
        case unreadableRecord
    }

    /// The call, for example `commit transaction`.
    public let operation: String
    /// The log's own name for the cause, for example `_TIMED_OUT`.
    public let code: String
    /// Topic and partition, where known, and the log's text.
    public let detail: String
    public let consequence: Consequence
    public let cause: Cause

    public init(
        operation: String, code: String, detail: String, consequence: Consequence, cause: Cause = .other
    ) {
        self.operation = operation
        self.code = code
        self.detail = detail
        self.consequence = consequence
        self.cause = cause
    }

    public var description: String { "\(operation): \(code): \(detail)" }
}
