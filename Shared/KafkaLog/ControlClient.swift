// Questions about the cluster: topics, ends of partitions, its identity. One client for the whole process,
// shared by every thread. Nothing has to poll it: what it reports is only asked for when a question failed.

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
        do throws(LogFailure) {
            return unsafe try ClusterMetadata.query(handle.client)
        } catch {
            throw refusal() ?? error
        }
    }

    /// - Throws: if the topic may not be seen. One that does not exist is no failure here.
    func requireVisible(_ name: String) throws(LogFailure) {
        unsafe try ClusterMetadata.requireVisible(name, handle.client)
    }

    /// A broker that refuses the credentials looks like one that does not answer, but for a report.
    private func refusal() -> LogFailure? {
        unsafe _ = rd_kafka_poll(handle.client, 0)
        return handle.reports.take().flatMap { $0.cause == .notAuthorised ? $0 : nil }
    }

    func clusterID() throws(LogFailure) -> String {
        guard let text = unsafe rd_kafka_clusterid(handle.client, Self.clusterLimitMilliseconds) else {
            throw KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT).failure("read cluster id")
        }
        defer { unsafe rd_kafka_mem_free(handle.client, text) }
        return unsafe String(cString: text)
    }

    /// The first offset, and the high watermark, open transactions included.
    func bounds(of place: TopicPartition) throws(LogFailure) -> LogBounds {
        let name = catalog.name(of: place.topic)
        var last = RD_KAFKA_RESP_ERR__TIMED_OUT
        for _ in 0..<Self.endAttempts {
            var (low, high) = (Int64(0), Int64(0))
            last = unsafe rd_kafka_query_watermark_offsets(
                handle.client, name, place.partition.number, &low, &high, Self.endLimitMilliseconds)
            if last == RD_KAFKA_RESP_ERR_NO_ERROR { return LogBounds(start: Offset(low), end: Offset(high)) }
            if last.consequence == .stop { break }
        }
        throw KafkaError(last).failure("read the bounds", at: "\(name)[\(place.partition)]")
    }
}
