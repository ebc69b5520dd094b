// librdkafka's own mock of a broker: for what a client does when the broker answers so, without a Kafka.

import CRDKafka
import TestBroker
import Testing

/// One broker with topics of one partition.
@safe final class MockCluster {
    private let handle: OpaquePointer
    private let cluster: OpaquePointer

    init(topic: String, roundTripMilliseconds: Int32 = 0) throws {
        guard let handle = unsafe rd_kafka_new(RD_KAFKA_PRODUCER, nil, nil, 0),
            let cluster = unsafe rd_kafka_mock_cluster_new(handle, 1)
        else { throw NoAnswer(question: "a mock of a broker") }
        unsafe self.handle = handle
        unsafe self.cluster = cluster
        create(topic)
        unsafe #expect(
            rd_kafka_mock_broker_set_rtt(cluster, 1, roundTripMilliseconds) == RD_KAFKA_RESP_ERR_NO_ERROR)
    }

    deinit {
        unsafe rd_kafka_mock_cluster_destroy(cluster)
        unsafe rd_kafka_destroy(handle)
    }

    var address: String { unsafe String(cString: rd_kafka_mock_cluster_bootstraps(cluster)) }

    func create(_ topic: String) {
        unsafe #expect(rd_kafka_mock_topic_create(cluster, topic, 1, 1) == RD_KAFKA_RESP_ERR_NO_ERROR)
    }

    /// As a leader that is not one yet does.
    func refuseProduceRequests(_ count: Int) {
        let errors = [rd_kafka_resp_err_t](repeating: RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, count: count)
        unsafe rd_kafka_mock_push_request_errors_array(cluster, 0, count, errors)
    }
}
