// The cluster's topics and partition counts. Asks for all topics: naming one makes librdkafka watch it for a
// while, so that is done only for one that seems to be missing. Clients never ask for a topic to be created.

import CRDKafka
import EventLog

struct TopicShape: Equatable {
    let partitions: Int32
    /// Every partition can be written to.
    let hasLeaders: Bool
}

enum ClusterMetadata {
    static let limitMilliseconds: Int32 = 10_000

    /// The topics that exist, by name.
    static func query(_ client: OpaquePointer) throws(LogFailure) -> [String: TopicShape] {
        var answer: UnsafePointer<rd_kafka_metadata>?
        let code = unsafe rd_kafka_metadata(client, 1, nil, &answer, limitMilliseconds)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let metadata = unsafe answer else {
            throw KafkaError(code).failure("read metadata")
        }
        defer { unsafe rd_kafka_metadata_destroy(metadata) }
        let topics = unsafe UnsafeBufferPointer(
            start: metadata.pointee.topics, count: Int(metadata.pointee.topic_cnt))
        var shapes: [String: TopicShape] = [:]
        for index in topics.indices {
            let topic = unsafe topics[index]
            guard unsafe topic.err == RD_KAFKA_RESP_ERR_NO_ERROR, unsafe topic.partition_cnt > 0 else {
                continue
            }
            let partitions = unsafe UnsafeBufferPointer(
                start: topic.partitions, count: Int(topic.partition_cnt))
            unsafe shapes[String(cString: topic.topic)] = TopicShape(
                partitions: topic.partition_cnt, hasLeaders: partitions.allSatisfy { unsafe $0.leader >= 0 })
        }
        return shapes
    }

    /// A topic that may not be seen is left out of the answer above, as if it did not exist; asked for by name, the
    /// brokers say so.
    static func requireVisible(_ name: String, _ client: OpaquePointer) throws(LogFailure) {
        guard let topic = unsafe rd_kafka_topic_new(client, name, nil) else { return }
        defer { unsafe rd_kafka_topic_destroy(topic) }
        var answer: UnsafePointer<rd_kafka_metadata>?
        let code = unsafe rd_kafka_metadata(client, 0, topic, &answer, limitMilliseconds)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let metadata = unsafe answer else {
            throw KafkaError(code).failure("read metadata", at: name)
        }
        defer { unsafe rd_kafka_metadata_destroy(metadata) }
        guard unsafe metadata.pointee.topic_cnt > 0 else { return }
        let found = unsafe metadata.pointee.topics[0].err
        if found.cause == .notAuthorised { throw KafkaError(found).failure("read metadata", at: name) }
    }
}
