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

    /// The call, for example `commit transaction`.
    public let operation: String
    /// The log's own name for the cause, for example `_TIMED_OUT`.
    public let code: String
    /// Topic and partition, where known, and the log's text.
    public let detail: String
    public let consequence: Consequence

    public init(operation: String, code: String, detail: String, consequence: Consequence) {
        self.operation = operation
        self.code = code
        self.detail = detail
        self.consequence = consequence
    }

    public var description: String { "\(operation): \(code): \(detail)" }
}
