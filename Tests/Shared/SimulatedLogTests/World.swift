// A small cluster and the few steps that all tests of the simulated log take: join, poll, commit, read. One
// topic is read by the group, one is written, one is compacted; all have the same partitions.

import EventLog
import Primitives
import SimulatedLog

let input = TopicID(0)
let output = TopicID(1)
let changelog = TopicID(2)
let group = "wallets"
let partition = PartitionIndex(0)
let limits = BatchLimits(records: 100, bytes: 100_000, lingerMilliseconds: 0)

struct World {
    let cluster: SimulatedCluster
    let log: SimulatedLog

    init(partitions: Int32 = 1) {
        cluster = SimulatedCluster(clock: SimulatedClock(at: Timestamp(milliseconds: 1_000_000)))
        cluster.createTopic("input", partitions: partitions)
        cluster.createTopic("output", partitions: partitions)
        cluster.createTopic("changelog", partitions: partitions, isCompacted: true)
        log = SimulatedLog(catalog: TopicCatalog(names: ["input", "output", "changelog"]), cluster: cluster)
    }

    func consumer(_ member: String = "one") throws -> SimulatedConsumer {
        try log.makeConsumer(group: group, member: member, topics: [input])
    }

    func producer(_ id: String = "worker") throws -> SimulatedProducer {
        let producer = try log.makeProducer(transactionalID: id, tracked: [changelog])
        try producer.initialize()
        return producer
    }

    /// What a reader of committed records finds in a partition, and the end it reports.
    func read(_ topic: TopicID, from start: FetchPosition.Start = .beginning) throws -> (
        values: [String], ends: [ReachedEnd]
    ) {
        let (reader, batch) = (try log.makeReader(.catchingUp), RecordBatch())
        try reader.read(from: [FetchPosition(place(topic), from: start)])
        let ends = try reader.poll(into: batch, limits: limits, waitMilliseconds: 0)
        return (batch.map(text), ends)
    }

    func position() throws -> CommittedOffset {
        try cluster.committedOffset(group: group, topic: "input", partition: partition)
    }

    func append(_ value: String, to partition: PartitionIndex = partition) throws {
        try cluster.append(topic: "input", partition: partition, key: nil, value: Array(value.utf8))
    }

    /// Writes `value` to output in a transaction of somebody else, and leaves it open.
    func hang(_ value: String) throws {
        try cluster.appendOpen(
            transactionalID: "foreign", topic: "output", partition: partition, key: nil,
            value: Array(value.utf8))
    }
}

func place(_ topic: TopicID, _ number: Int32 = 0) -> TopicPartition {
    TopicPartition(topic, PartitionIndex(number))
}

func text(_ record: Record) -> String { record.value.map { String(decoding: $0, as: UTF8.self) } ?? "-" }

func batch(_ records: (topic: TopicID, key: String, value: String?)...) -> RecordBatch {
    let batch = RecordBatch()
    for record in records {
        batch.append(to: place(record.topic), key: record.key.utf8)
        if let value = record.value { batch.setValue(value.utf8) }
    }
    return batch
}

extension SimulatedConsumer {
    func change() throws -> GroupChange? {
        try poll(into: RecordBatch(), limits: limits, waitMilliseconds: 0)
    }

    func values() throws -> [String] {
        let batch = RecordBatch()
        guard try poll(into: batch, limits: limits, waitMilliseconds: 0) == nil else { return ["(change)"] }
        return batch.map(text)
    }
}

extension SimulatedProducer {
    /// One record to output, with the input's next offset.
    func commit(_ value: String, next: Int64, of consumer: SimulatedConsumer) -> TransactionOutcome {
        commit(
            batch((output, "k", value)), offsets: [InputPosition(place(input), next: Offset(next))],
            of: consumer)
    }
}

extension TransactionOutcome {
    var kind: String {
        switch self {
        case .committed: "committed"
        case .aborted: "aborted"
        case .fenced: "fenced"
        case .unknown: "unknown"
        }
    }

    var failure: LogFailure? {
        switch self {
        case .committed: nil
        case .aborted(let failure), .fenced(let failure), .unknown(let failure): failure
        }
    }

    var positions: [InputPosition]? {
        if case .committed(let positions) = self { positions } else { nil }
    }
}

func assigned(_ numbers: Int32...) -> GroupChange { .assigned(numbers.map(PartitionIndex.init)) }
