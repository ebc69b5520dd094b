// What the outside world does to the platform in a simulated run. Drawn by the workload, carried out by the
// run, and read again by the checks.

import EventLog
import Primitives

/// One act of an outside system or an operator.
public enum Submission: Sendable {
    /// A record on a topic that outside systems write: `ingress`, `wallet-commands`, `reward-requests`.
    case record(SubmittedRecord)
    /// A configuration document, as `pointstream apply` writes it; without a body it is removed.
    case document(kind: String, id: String, json: String?)
}

public struct SubmittedRecord: Sendable {
    public var topic: TopicID
    public var key: [UInt8]?
    public var headers: [(name: String, value: String)]
    public var value: [UInt8]?
    /// Nil: the partition of its key, or the first.
    public var partition: PartitionIndex?

    public init(
        topic: TopicID, key: [UInt8]?, headers: [(name: String, value: String)] = [], value: [UInt8]?,
        partition: PartitionIndex? = nil
    ) {
        self.topic = topic
        self.key = key
        self.headers = headers
        self.value = value
        self.partition = partition
    }
}

/// What was submitted, and when by the brokers' clock.
public struct Submitted: Sendable {
    public let submission: Submission
    public let time: Timestamp
    /// Where the record came to lie.
    public let offset: Offset

    public init(_ submission: Submission, at time: Timestamp, offset: Offset) {
        self.submission = submission
        self.time = time
        self.offset = offset
    }
}
