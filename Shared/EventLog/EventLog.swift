// What the runtime needs of a log: a consumer in a group, a transactional producer, and a reader
// for single partitions. KafkaLog is the real one, SimulatedLog the one for tests. The semantics
// are Kafka's; where a call may end without a known outcome, the outcome says so and the caller
// recovers, it never guesses.

import Primitives

/// A log that many workers of many processes share. One value may serve several threads; what it makes may not.
public protocol EventLog: Sendable {
    associatedtype Consumer: GroupConsumer
    associatedtype Producer: TransactionalProducer where Producer.Consumer == Consumer
    associatedtype Reader: PartitionReader

    var catalog: TopicCatalog { get }

    /// Joins a group when first polled. `member` is stable over restarts and unique in the group
    /// (static membership).
    func makeConsumer(group: String, member: String, topics: [TopicID]) throws(LogFailure) -> Consumer
    /// A producer that reports where records of the `tracked` topics came to lie. Not initialised yet.
    func makeProducer(transactionalID: String, tracked: [TopicID]) throws(LogFailure) -> Producer
    func makeReader(_ use: ReaderUse) throws(LogFailure) -> Reader
    /// The number of partitions of each topic that exists, from one look at the log.
    func partitionCounts(of topics: [TopicID]) throws(LogFailure) -> [TopicID: Int32]
    /// Identifies the cluster, so that a store of another one is not taken for its own.
    func clusterID() throws(LogFailure) -> String
}

extension EventLog {
    /// The number of partitions, or nil if the topic does not exist.
    public func partitionCount(of topic: TopicID) throws(LogFailure) -> Int32? {
        try partitionCounts(of: [topic])[topic]
    }
}

/// What a reader is for: how long the log may wait before it says that there is nothing new.
public enum ReaderUse: Sendable {
    /// To read up to an end, and be told at once that it is one.
    case catchingUp
    /// To have what is written from now on. Waits are long, so that a quiet topic costs nearly nothing.
    case following
}

/// When a poll returns: at the first of these that is reached.
public struct BatchLimits: Sendable {
    public var records: Int
    /// Bytes of keys, values and headers; one record may exceed it.
    public var bytes: Int
    /// After the first record, in milliseconds.
    public var lingerMilliseconds: Int
    /// After the poll's start, in milliseconds: a batch that has room takes what comes until then.
    public var earliestEndMilliseconds = 0

    public init(records: Int, bytes: Int, lingerMilliseconds: Int) {
        self.records = records
        self.bytes = bytes
        self.lingerMilliseconds = lingerMilliseconds
    }
}

/// What happened to a consumer's partitions. Topics read together have equal partition counts and
/// are assigned alike, so that a number stands for that partition of each of them.
public enum GroupChange: Sendable, Equatable {
    /// The partitions that are this member's from now on, all of them. Nothing is fetched until
    /// ``GroupConsumer/fetch(from:)``.
    case assigned([PartitionIndex])
    /// All partitions are to be given up; what is not committed must not be any more.
    case revoked
    /// As revoked, but others may own them already.
    case lost
}

/// The group's position in a partition.
public enum CommittedOffset: Sendable, Equatable {
    /// The next record to read.
    case offset(Offset)
    /// The group never committed here.
    case none
    /// A former owner's transaction is still open; ask again.
    case unstable
}

/// A member of a consumer group. Reads committed records only. Belongs to one thread.
public protocol GroupConsumer: AnyObject {
    /// Appends records to `batch` until a limit is reached, waiting at most `waitMilliseconds` for
    /// the first.
    ///
    /// A change of the group ends the poll at once; records polled before it stay in the batch and
    /// are the caller's to drop. Partitions that were taken back go to nobody else before the next poll: until then
    /// the caller closes what belongs to them.
    func poll(into batch: RecordBatch, limits: BatchLimits, waitMilliseconds: Int) throws(LogFailure)
        -> GroupChange?
    /// The group's stable position, after at most a few seconds.
    func committedOffset(at place: TopicPartition) throws(LogFailure) -> CommittedOffset
    /// Replaces what is fetched: from these positions, and nothing else. Records fetched before are dropped.
    func fetch(from positions: [FetchPosition]) throws(LogFailure)
    /// Leaves within a bounded time; the member's partitions wait for its return until the session times out.
    func close()
}

/// An input's next offset, committed with the transaction that holds what it led to.
public struct InputPosition: Sendable, Hashable {
    public let place: TopicPartition
    public let next: Offset

    public init(_ place: TopicPartition, next: Offset) {
        self.place = place
        self.next = next
    }
}

/// How a transaction ended.
public enum TransactionOutcome: Sendable {
    /// All is visible; the offset behind the last record in each partition of a tracked topic.
    case committed([InputPosition])
    /// Nothing is visible; the same producer may try the batch again.
    case aborted(LogFailure)
    /// Another owns the partitions or the transactional id; nothing is visible. Drop the partitions.
    case fenced(LogFailure)
    /// Committed or not: unknown. Discard the producer, recover from the log.
    case unknown(LogFailure)
}

/// Writes batches, each as one transaction with the input offsets it consumed. Belongs to one thread.
public protocol TransactionalProducer: AnyObject {
    associatedtype Consumer: GroupConsumer

    /// Fences older producers of the same transactional id and ends their transactions.
    func initialize() throws(LogFailure)
    /// Writes all records to their explicit partitions and the offsets with the group's current metadata.
    ///
    /// - Precondition: `offsets` is not empty, or the group could not fence the transaction.
    func commit(_ records: RecordBatch, offsets: [InputPosition], of consumer: Consumer) -> TransactionOutcome
    /// Takes from the group what it holds of this transactional id without a decision. A request of an older producer
    /// may arrive behind the end of its transaction; its offsets would keep their partitions `unstable` for ever, or
    /// be committed by the next transaction, though nothing was written for them. An aborted one takes them away, and
    /// fences what is still on its way.
    ///
    /// - Parameter place: any partition of an input; nothing is committed for it.
    /// - Returns: nil when that is done, or why not.
    func clearOffsets(at place: TopicPartition, of consumer: Consumer) -> TransactionOutcome?
    func close()
}

/// The end of what can be read in a partition now.
public struct ReachedEnd: Sendable, Hashable {
    public let place: TopicPartition
    /// Nothing committed lies before this offset that was not returned.
    public let offset: Offset

    public init(_ place: TopicPartition, at offset: Offset) {
        self.place = place
        self.offset = offset
    }
}

/// What a partition holds: `start` is the first offset that can be read, `end` the one behind the newest
/// record, open transactions included (high watermark, read uncommitted).
public struct LogBounds: Sendable, Equatable {
    public let start: Offset
    public let end: Offset

    public init(start: Offset, end: Offset) {
        self.start = start
        self.end = end
    }
}

/// Reads committed records of chosen partitions, outside any group. Belongs to one thread.
public protocol PartitionReader: AnyObject {
    func bounds(of place: TopicPartition) throws(LogFailure) -> LogBounds
    /// Replaces what is read. A position outside the partition's bounds fails a later poll, as `outOfRange`:
    /// nothing is jumped over without a word.
    func read(from positions: [FetchPosition]) throws(LogFailure)
    /// Appends records; returns the partitions whose end was reached.
    func poll(into batch: RecordBatch, limits: BatchLimits, waitMilliseconds: Int) throws(LogFailure)
        -> [ReachedEnd]
    func close()
}

extension PartitionReader {
    public func endOffset(of place: TopicPartition) throws(LogFailure) -> Offset { try bounds(of: place).end }
}
