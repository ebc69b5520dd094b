// Questions about the cluster: topics, ends of partitions, its identity. One client for the whole process,
// shared by every thread; it has no callbacks besides the log, so nothing has to poll it.

import CRDKafka
import EventLog
import Primitives

/// librdkafka's calls used here may come from several threads at once; the client itself does not change.
final class ControlClient: @unchecked Sendable {
    /// A question to one broker; asked again a few times, since 2.0.2 sticks to an old leader for a while.
    static let endAttempts = 5
    static let endLimitMilliseconds: Int32 = 2_000
    static let clusterLimitMilliseconds: Int32 = 10_000

    let handle: ClientHandle
    let catalog: TopicCatalog

    init(_ settings: KafkaSettings, catalog: TopicCatalog) throws(LogFailure) {
        handle = try ClientHandle(.consumer, .control(settings), ClientCallbacks(log: settings.log))
        self.catalog = catalog
    }

    func topics() throws(LogFailure) -> [String: TopicShape] {
        unsafe try ClusterMetadata.query(handle.client)
    }

    func clusterID() throws(LogFailure) -> String {
        guard let text = unsafe rd_kafka_clusterid(handle.client, Self.clusterLimitMilliseconds) else {
            throw KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT).failure("read cluster id")
        }
        defer { unsafe rd_kafka_mem_free(handle.client, text) }
        return unsafe String(cString: text)
    }

    /// The high watermark, open transactions included.
    func endOffset(of place: TopicPartition) throws(LogFailure) -> Offset {
        let name = catalog.name(of: place.topic)
        var last = RD_KAFKA_RESP_ERR__TIMED_OUT
        for _ in 0..<Self.endAttempts {
            var (low, high) = (Int64(0), Int64(0))
            last = unsafe rd_kafka_query_watermark_offsets(
                handle.client, name, place.partition.number, &low, &high, Self.endLimitMilliseconds)
            if last == RD_KAFKA_RESP_ERR_NO_ERROR { return Offset(high) }
            if last.consequence == .stop { break }
        }
        throw KafkaError(last).failure("read end offset", at: "\(name)[\(place.partition)]")
    }
}
