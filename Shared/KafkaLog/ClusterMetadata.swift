// The cluster's topics and partition counts. Always asks for all topics: naming one makes librdkafka watch
// it, and may make the broker create it.

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
}
