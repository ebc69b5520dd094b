// What the tests of the log have in common: topics of their own, members that have joined, and reading to the
// end. Everything but the making of topics is written against EventLog, so that another log can run the same
// steps.

import EventLog
import KafkaLog
import Primitives
import TestBroker
import Testing

/// An input and an output topic with two partitions each, a group, and names that nobody else uses.
struct LogFixture<Log: EventLog> {
    static var input: TopicID { TopicID(0) }
    static var output: TopicID { TopicID(1) }
    static var missing: TopicID { TopicID(2) }

    let log: Log
    let group: String

    func place(_ topic: TopicID, _ partition: Int32) -> TopicPartition {
        TopicPartition(topic, PartitionIndex(partition))
    }

    func makeConsumer(_ member: String = "one") throws -> Log.Consumer {
        try log.makeConsumer(group: group, member: member, topics: [Self.input])
    }

    /// A consumer that holds all partitions.
    func joinedConsumer() throws -> Log.Consumer {
        let consumer = try makeConsumer()
        let change = try #require(try consumer.nextChange())
        #expect(change == .assigned([PartitionIndex(0), PartitionIndex(1)]))
        return consumer
    }

    func initializedProducer(_ name: String = "producer", tracked: [TopicID] = []) throws -> Log.Producer {
        let producer = try log.makeProducer(transactionalID: "\(group)-\(name)", tracked: tracked)
        try producer.initialize()
        return producer
    }

    /// Writes values to a partition in one transaction, with an input offset of no importance.
    func write(
        _ values: [String], to place: TopicPartition, by producer: Log.Producer, of consumer: Log.Consumer
    ) throws {
        let outcome = producer.commit(
            batch(values, to: place), offsets: [InputPosition(self.place(Self.input, 0), next: .zero)],
            of: consumer)
        guard case .committed = outcome else {
            Issue.record("not committed: \(outcome)")
            return
        }
    }

    func batch(_ values: [String], to place: TopicPartition) -> RecordBatch {
        let batch = RecordBatch()
        for value in values {
            batch.append(to: place, key: value.utf8)
            batch.setValue(value.utf8)
        }
        return batch
    }

    /// Everything committed in a partition, and the end that was reported behind it.
    func contents(of place: TopicPartition) throws -> (records: RecordBatch, end: Offset) {
        let reader = try log.makeReader(.catchingUp)
        defer { reader.close() }
        try reader.read(from: [FetchPosition(place, from: .beginning)])
        let batch = RecordBatch()
        for _ in 0..<patience {
            let ends = try reader.poll(into: batch, limits: .test, waitMilliseconds: stepMilliseconds)
            if let end = ends.first { return (batch, end.offset) }
        }
        throw NoAnswer(question: "the end of partition \(place.partition)")
    }
}

/// Polls before a test gives up; each waits up to `stepMilliseconds`.
let patience = 300
let stepMilliseconds = 100

struct NoAnswer: Error { let question: String }

extension BatchLimits {
    static let test = BatchLimits(records: 1_000, bytes: 1 << 20, lingerMilliseconds: 5)
}

extension GroupConsumer {
    /// Polls until the group says something; nil if it never does.
    func nextChange() throws -> GroupChange? {
        for _ in 0..<patience {
            if let change = try poll(into: RecordBatch(), limits: .test, waitMilliseconds: stepMilliseconds) {
                return change
            }
        }
        return nil
    }

    /// Polls until that many records came.
    func records(_ count: Int) throws -> RecordBatch {
        let batch = RecordBatch()
        for _ in 0..<patience where batch.count < count {
            let change = try poll(into: batch, limits: .test, waitMilliseconds: stepMilliseconds)
            #expect(change == nil)
        }
        return batch
    }
}

extension RecordBatch {
    var values: [String] { map { $0.value.map { String(decoding: $0, as: UTF8.self) } ?? "null" } }
    var offsets: [Int64] { map(\.offset.number) }
}

extension TransactionOutcome {
    var abortCode: String? { if case .aborted(let failure) = self { failure.code } else { nil } }
    var fencedCode: String? { if case .fenced(let failure) = self { failure.code } else { nil } }
    var committed: [InputPosition]? { if case .committed(let positions) = self { positions } else { nil } }
}

extension LogFixture<KafkaLog> {
    /// Topics on the test broker; the third name of the catalogue does not exist.
    init(
        configuration: [String: String] = [:], adjust: (inout KafkaSettings) -> Void = { _ in }
    ) throws {
        let group = TestBroker.uniqueName("log")
        let catalog = TopicCatalog(names: ["\(group).input", "\(group).output", "\(group).missing"])
        let address = try TestBroker.bootstrapServers()
        var settings = KafkaSettings(bootstrapServers: address, clientID: "test") { _ in }
        adjust(&settings)
        let log = try KafkaLog(settings: settings, catalog: catalog)
        let administrator = log.makeAdministrator()
        let names = Array(catalog.names.prefix(2))
        let created = try administrator.create(
            names.map { TopicPlan(name: $0, partitions: 2, configuration: configuration) })
        try #require(created == [names[0]: .created, names[1]: .created])
        try administrator.waitForTopics(named: names, limitMilliseconds: 30_000)
        self.init(log: log, group: group)
    }
}
