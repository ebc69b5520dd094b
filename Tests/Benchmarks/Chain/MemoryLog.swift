// A log in memory that does nothing but hold records, so that what a service itself costs can be counted without
// Kafka and without a simulated one. One process, one thread, one member of each group; nothing fails.

import EventLog
import Messages
import Primitives

/// Partitions by topic. Shared by everything in the one thread.
final class MemoryLog: EventLog, @unchecked Sendable {
    /// What nobody reads here is counted and not kept: to keep it would cost as much as to make it.
    private static let kept: Set<TopicID> = [.config, .ingress, .customerEvents, .walletCommands]

    /// One partition. Offsets are counted in it.
    final class Partition {
        let records = RecordBatch()
        fileprivate(set) var count = 0
        fileprivate(set) var byteCount = 0

        fileprivate func take(_ record: Record, isKept: Bool) {
            count += 1
            byteCount += record.byteCount
            if isKept { records.append(copyOf: record, to: record.place) }
        }
    }

    let catalog = TopicCatalog.pointstream()
    let partitions: Int32
    private var logs: [[Partition]]

    init(partitions: Int32) {
        self.partitions = partitions
        logs = TopicDefinition.all.map { _ in (0..<partitions).map { _ in Partition() } }
    }

    subscript(place: TopicPartition) -> Partition { logs[place.topic.number][Int(place.partition.number)] }

    func append(_ record: Record) { self[record.place].take(record, isKept: Self.kept.contains(record.topic)) }

    func count(of topic: TopicID) -> Int { logs[topic.number].reduce(0) { $0 + $1.count } }
    /// Of keys, values and headers.
    func byteCount(of topic: TopicID) -> Int { logs[topic.number].reduce(0) { $0 + $1.byteCount } }

    func makeConsumer(group: String, member: String, topics: [TopicID]) throws(LogFailure) -> MemoryConsumer {
        MemoryConsumer(self)
    }

    func makeProducer(transactionalID: String, tracked: [TopicID]) throws(LogFailure) -> MemoryProducer {
        MemoryProducer(self, tracked)
    }

    func makeReader(_ use: ReaderUse) throws(LogFailure) -> MemoryReader { MemoryReader(self) }

    func partitionCounts(of topics: [TopicID]) throws(LogFailure) -> [TopicID: Int32] {
        Dictionary(uniqueKeysWithValues: topics.map { ($0, partitions) })
    }

    func clusterID() throws(LogFailure) -> String { "memory" }
}

/// Where somebody reads, and how far they are.
private struct Cursor {
    let place: TopicPartition
    var next: Int

    init(_ position: FetchPosition) {
        place = position.place
        if case .offset(let offset) = position.start { next = Int(offset.number) } else { next = 0 }
    }

    /// Copies what fits, as a client copies what it has fetched.
    mutating func copy(from log: MemoryLog, into batch: RecordBatch, _ limits: BatchLimits) {
        let source = log[place].records
        while next < source.count, batch.count < limits.records, batch.byteCount < limits.bytes {
            batch.append(copyOf: source[next], to: place, offset: Offset(Int64(next)))
            next += 1
        }
    }
}

/// Has all partitions from its first poll on.
final class MemoryConsumer: GroupConsumer {
    private let log: MemoryLog
    private var cursors: [Cursor] = []
    private var isMember = false

    init(_ log: MemoryLog) { self.log = log }

    func poll(into batch: RecordBatch, limits: BatchLimits, waitMilliseconds: Int) throws(LogFailure) -> GroupChange? {
        guard isMember else {
            isMember = true
            return .assigned((0..<log.partitions).map(PartitionIndex.init))
        }
        for index in cursors.indices { cursors[index].copy(from: log, into: batch, limits) }
        return nil
    }

    func committedOffset(at place: TopicPartition) throws(LogFailure) -> CommittedOffset { .none }
    func fetch(from positions: [FetchPosition]) throws(LogFailure) { cursors = positions.map(Cursor.init) }
    func close() {}
}

final class MemoryProducer: TransactionalProducer {
    private let log: MemoryLog
    private let tracked: Set<TopicID>

    init(_ log: MemoryLog, _ tracked: [TopicID]) {
        self.log = log
        self.tracked = Set(tracked)
    }

    func initialize() throws(LogFailure) {}

    func commit(_ records: RecordBatch, offsets: [InputPosition], of consumer: MemoryConsumer) -> TransactionOutcome {
        var positions: [TopicPartition: Int64] = [:]
        for record in records {
            log.append(record)
            if tracked.contains(record.topic) { positions[record.place] = Int64(log[record.place].count) }
        }
        return .committed(positions.map { InputPosition($0, next: Offset($1)) })
    }

    /// Nothing strays here.
    func clearOffsets(at place: TopicPartition, of consumer: MemoryConsumer) -> TransactionOutcome? { nil }
    func close() {}
}

final class MemoryReader: PartitionReader {
    private let log: MemoryLog
    private var cursors: [Cursor] = []

    init(_ log: MemoryLog) { self.log = log }

    func bounds(of place: TopicPartition) throws(LogFailure) -> LogBounds {
        LogBounds(start: .zero, end: Offset(Int64(log[place].count)))
    }

    func read(from positions: [FetchPosition]) throws(LogFailure) { cursors = positions.map(Cursor.init) }

    func poll(into batch: RecordBatch, limits: BatchLimits, waitMilliseconds: Int) throws(LogFailure) -> [ReachedEnd] {
        for index in cursors.indices { cursors[index].copy(from: log, into: batch, limits) }
        return cursors.filter { $0.next == log[$0.place].count }.map {
            ReachedEnd($0.place, at: Offset(Int64($0.next)))
        }
    }

    func close() {}
}

extension RecordBatch {
    fileprivate func append(copyOf record: Record, to place: TopicPartition, offset: Offset = .zero) {
        append(to: place, key: record.key, offset: offset)
        for number in 0..<record.headerCount {
            let header = record.header(at: number)
            addHeader(header.name, header.value)
        }
        if let value = record.value { setValue(value) }
    }
}
