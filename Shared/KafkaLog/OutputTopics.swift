// The topics a producer may write to, with their partition counts. Made when a producer starts: asking for
// all metadata then spares the first record a wait of a second, and writing to a partition that does not
// exist would free its headers twice in 2.0.2.

import CRDKafka
import EventLog
import Primitives

/// Handles and partition counts of those topics of the catalogue that exist. Does not change.
@safe final class OutputTopics {
    private let counts: [Int32]
    private let handles: TopicHandles
    private let catalog: TopicCatalog

    /// - Parameter needed: must be there, for an owner who keeps this for long.
    /// - Throws: `retry` also if one of those is not known: brokers that have just started may not know it yet.
    init(_ handle: ClientHandle, catalog: TopicCatalog, needed: [TopicID] = []) throws(LogFailure) {
        let known = unsafe try ClusterMetadata.query(handle.client)
        let missing = needed.map(catalog.name).filter { known[$0] == nil }
        guard missing.isEmpty else {
            throw LogFailure(
                operation: "learn topics", code: "_UNKNOWN_TOPIC", detail: missing.joined(separator: ", "),
                consequence: .retry, cause: .topicMissing)
        }
        counts = catalog.names.map { known[$0]?.partitions ?? 0 }
        handles = TopicHandles(catalog)
        for number in counts.indices where counts[number] > 0 {
            unsafe try handles.open(TopicID(number), in: handle.client)
        }
        self.catalog = catalog
    }

    /// Of the largest topic.
    var mostPartitions: Int { Int(counts.max() ?? 1) }

    func contains(_ place: TopicPartition) -> Bool {
        (0..<counts[place.topic.number]).contains(place.partition.number)
    }

    /// - Returns: nil if the topic did not exist when the producer started.
    func handle(of topic: TopicID) -> OpaquePointer? { unsafe handles[topic] }

    func unknown(_ place: TopicPartition) -> LogFailure {
        KafkaError(RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION).failure("produce", at: text(place))
    }

    func text(_ place: TopicPartition) -> String { "\(catalog.name(of: place.topic))[\(place.partition)]" }

    func close() { handles.close() }
}
