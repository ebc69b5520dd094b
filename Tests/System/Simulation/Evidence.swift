// All that can be seen of a run from outside, for the checks: what went in, what lies on the topics, what the
// subscribers' servers received, and what the stores hold. Nothing of a service's memory.

import EventLog
import Messages
import Primitives
import SimulatedLog

/// A webhook as a subscriber's server saw it.
public struct WebhookAttempt: Sendable {
    public let time: Timestamp
    public let url: String
    public let headers: [(name: String, value: String)]
    public let body: [UInt8]
    /// The status that was answered; nil if no answer reached the sender.
    public let status: Int?

    public init(
        time: Timestamp, url: String, headers: [(name: String, value: String)], body: [UInt8], status: Int?
    ) {
        self.time = time
        self.url = url
        self.headers = headers
        self.body = body
        self.status = status
    }
}

/// One partition's store of one service: the rows of each table as text, sorted. Numbers are decimal, blobs
/// lower-case hex.
public struct StoreContents: Sendable {
    public let service: ServiceName
    public let partition: PartitionIndex
    public let tables: [String: [[String: String?]]]

    public init(service: ServiceName, partition: PartitionIndex, tables: [String: [[String: String?]]]) {
        self.service = service
        self.partition = partition
        self.tables = tables
    }
}

public struct Evidence: Sendable {
    public let partitions: PartitionCount
    /// In the order of submission.
    public let submitted: [Submitted]
    /// Committed records by topic and partition, in the order of their offsets.
    public let topics: [TopicID: [[SimulatedRecord]]]
    public let attempts: [WebhookAttempt]
    /// What HTTP clients sent and were told, in the order of sending.
    public var requests: [HTTPExchange]
    /// Empty while the run goes on.
    public let stores: [StoreContents]
    /// Whether all faults had ended and everything had settled: what is missing now is lost.
    public let isSettled: Bool
    /// The time when it was looked at, once everything had settled and all clocks were right for a while.
    public let endedAt: Timestamp?

    public init(
        partitions: PartitionCount, submitted: [Submitted], topics: [TopicID: [[SimulatedRecord]]],
        attempts: [WebhookAttempt], stores: [StoreContents], isSettled: Bool, endedAt: Timestamp? = nil,
        requests: [HTTPExchange] = []
    ) {
        self.partitions = partitions
        self.submitted = submitted
        self.topics = topics
        self.attempts = attempts
        self.stores = stores
        self.isSettled = isSettled
        self.endedAt = endedAt
        self.requests = requests
    }
}

/// A promise that a run broke.
public struct Violation: Sendable, Equatable, CustomStringConvertible {
    /// The invariant in a few words, stable over runs: failures are counted by it.
    public let invariant: String
    /// What was seen, and where.
    public let detail: String

    public init(_ invariant: String, _ detail: String) {
        self.invariant = invariant
        self.detail = detail
    }

    public var description: String { "\(invariant): \(detail)" }
}
