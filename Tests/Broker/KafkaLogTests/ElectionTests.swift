// Publishing while a partition's leader changes, against librdkafka's own mock of a broker, which refuses what it is
// told to refuse. Needs no Kafka.

import CRDKafka
import EventLog
import KafkaLog
import Primitives
import Testing

struct `Publishing while a leader is elected` {
    @Test func `a record that was refused is sent again, though the next one was written meanwhile`() throws {
        let cluster = try MockCluster(topic: "output")
        var settings = KafkaSettings(bootstrapServers: cluster.address, clientID: "test") { _ in }
        settings.producerProperties = ["batch.num.messages": "1"]
        let log = try KafkaLog(settings: settings, catalog: TopicCatalog(names: ["output"]))
        let publisher = try log.makePublisher()
        defer { publisher.close() }
        let count = UInt64(3)
        var offsets: Set<Offset> = []
        cluster.refuseProduceRequests(1)
        for token in 0..<count {
            try publisher.publish(
                topic: TopicID(0), partition: PartitionIndex(0), key: [], headers: [], value: [UInt8(token)],
                token: token)
        }
        let isDone = publisher.flush(milliseconds: 30_000) { _, result in
            do {
                offsets.insert(try result.get())
            } catch {
                Issue.record(error)
            }
        }
        #expect(isDone)
        #expect(offsets == Set((0..<Int64(count)).map { Offset($0) }), "each record has a place in the log")
    }
}

/// One broker with one topic of one partition. It answers slowly, so that requests wait behind each other.
@safe private final class MockCluster {
    private static let roundTripMilliseconds: Int32 = 200

    private let handle: OpaquePointer
    private let cluster: OpaquePointer

    init(topic: String) throws {
        guard let handle = unsafe rd_kafka_new(RD_KAFKA_PRODUCER, nil, nil, 0),
            let cluster = unsafe rd_kafka_mock_cluster_new(handle, 1)
        else { throw NoAnswer(question: "a mock of a broker") }
        unsafe self.handle = handle
        unsafe self.cluster = cluster
        unsafe #expect(rd_kafka_mock_topic_create(cluster, topic, 1, 1) == RD_KAFKA_RESP_ERR_NO_ERROR)
        unsafe #expect(
            rd_kafka_mock_broker_set_rtt(cluster, 1, Self.roundTripMilliseconds) == RD_KAFKA_RESP_ERR_NO_ERROR)
    }

    deinit {
        unsafe rd_kafka_mock_cluster_destroy(cluster)
        unsafe rd_kafka_destroy(handle)
    }

    var address: String { unsafe String(cString: rd_kafka_mock_cluster_bootstraps(cluster)) }

    /// As a leader that is not one yet does.
    func refuseProduceRequests(_ count: Int) {
        let errors = [rd_kafka_resp_err_t](repeating: RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, count: count)
        unsafe rd_kafka_mock_push_request_errors_array(cluster, 0, count, errors)
    }
}
