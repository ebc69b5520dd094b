// Creates topics and waits until they can be used: for the operator's command, quickstarts and tests.
// Services have no right to it at run time.

import CRDKafka
import EventLog
import Foundation

/// A topic to be created.
public struct TopicPlan: Sendable {
    public let name: String
    public let partitions: Int32
    /// -1 leaves it to the broker.
    public let replication: Int32
    public let configuration: [String: String]

    public init(
        name: String, partitions: Int32, replication: Int32 = -1, configuration: [String: String] = [:]
    ) {
        self.name = name
        self.partitions = partitions
        self.replication = replication
        self.configuration = configuration
    }
}

/// May be shared by threads.
public struct KafkaAdministrator: Sendable {
    public enum Creation: Sendable { case created, existed }

    public static let createLimitMilliseconds: Int32 = 30_000
    private static let pauseMilliseconds = 50

    private let control: ControlClient

    init(_ control: ControlClient) { self.control = control }

    /// Partition counts of all topics, by name.
    public func partitionCounts() throws(LogFailure) -> [String: Int32] {
        try control.topics().mapValues(\.partitions)
    }

    /// Creates what does not exist. A topic that exists is left as it is, also with other partitions or
    /// settings.
    ///
    /// - Throws: at the first topic that could not be created; others may have been.
    public func create(_ plans: [TopicPlan]) throws(LogFailure) -> [String: Creation] {
        guard !plans.isEmpty else { return [:] }
        var topics: [OpaquePointer?] = unsafe []
        defer { unsafe topics.forEach { unsafe rd_kafka_NewTopic_destroy($0) } }
        for plan in plans { unsafe topics.append(try make(plan)) }
        let client = unsafe control.handle.client
        guard let queue = unsafe rd_kafka_queue_new(client) else {
            throw KafkaError(RD_KAFKA_RESP_ERR__FAIL).failure("create topics")
        }
        defer { unsafe rd_kafka_queue_destroy(queue) }
        unsafe rd_kafka_CreateTopics(client, &topics, topics.count, nil, queue)
        guard let event = unsafe rd_kafka_queue_poll(queue, Self.createLimitMilliseconds) else {
            throw KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT).failure("create topics")
        }
        defer { unsafe rd_kafka_event_destroy(event) }
        return unsafe try outcome(of: event)
    }

    /// Waits until all of these exist with a leader for every partition.
    public func waitForTopics(named names: [String], limitMilliseconds: Int) throws(LogFailure) {
        let deadline = Deadline(milliseconds: limitMilliseconds)
        var missing = names
        repeat {
            let known = try control.topics()
            missing = names.filter { known[$0]?.hasLeaders != true }
            if missing.isEmpty { return }
            Thread.sleep(forTimeInterval: .init(Self.pauseMilliseconds) / 1_000)
        } while !deadline.isPast
        throw KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT).failure(
            "wait for topics", at: missing.joined(separator: ", "))
    }

    private func make(_ plan: TopicPlan) throws(LogFailure) -> OpaquePointer {
        var text = [CChar](repeating: 0, count: 512)
        guard
            let topic = unsafe rd_kafka_NewTopic_new(
                plan.name, plan.partitions, plan.replication, &text, text.count)
        else { throw KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG).failure("create topics", at: plan.name) }
        for (name, value) in plan.configuration.sorted(by: { $0.key < $1.key }) {
            unsafe _ = rd_kafka_NewTopic_set_config(topic, name, value)
        }
        return unsafe topic
    }

    private func outcome(of event: OpaquePointer) throws(LogFailure) -> [String: Creation] {
        let code = unsafe rd_kafka_event_error(event)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR,
            let result = unsafe rd_kafka_event_CreateTopics_result(event)
        else { throw KafkaError(code).failure("create topics") }
        var count = 0
        let results = unsafe rd_kafka_CreateTopics_result_topics(result, &count)
        var creations: [String: Creation] = [:]
        for index in 0..<count {
            guard let topic = unsafe results?[index], let name = unsafe rd_kafka_topic_result_name(topic)
            else { continue }
            let error = unsafe rd_kafka_topic_result_error(topic)
            switch error {
            case RD_KAFKA_RESP_ERR_NO_ERROR: creations[unsafe String(cString: name)] = .created
            case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS: creations[unsafe String(cString: name)] = .existed
            default: throw KafkaError(error).failure("create topics", at: unsafe String(cString: name))
            }
        }
        return creations
    }
}
