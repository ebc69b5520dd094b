// What an operator can do to topics and groups behind the services' backs, over librdkafka's admin requests, so
// that tests need no tool of Kafka's. Each call waits until the broker has done it.

import CRDKafka
import EventLog
import KafkaLog
import TestBroker

/// Belongs to one test.
@safe final class Sabotage {
    private static let limitMilliseconds: Int32 = 20_000

    private let client: OpaquePointer
    private let administrator: KafkaAdministrator

    init(_ platform: Platform) throws {
        guard let configuration = unsafe rd_kafka_conf_new() else { throw PlatformFailure("no configuration") }
        var text = [CChar](repeating: 0, count: 256)
        unsafe _ = rd_kafka_conf_set(
            configuration, "bootstrap.servers", platform.brokers, &text, text.count)
        guard let made = unsafe rd_kafka_new(RD_KAFKA_PRODUCER, configuration, &text, text.count) else {
            throw PlatformFailure("no client: \(text)")
        }
        unsafe client = made
        administrator = platform.log.makeAdministrator()
    }

    deinit { unsafe rd_kafka_destroy(client) }

    func delete(topic: String) throws {
        var topics: [OpaquePointer?] = unsafe [rd_kafka_DeleteTopic_new(topic)]
        defer { unsafe rd_kafka_DeleteTopic_destroy(topics[0]) }
        unsafe try perform("delete \(topic)") { queue in
            unsafe rd_kafka_DeleteTopics(client, &topics, 1, nil, queue)
        } result: { event in
            var count = 0
            let results = unsafe rd_kafka_DeleteTopics_result_topics(
                rd_kafka_event_DeleteTopics_result(event), &count)
            return unsafe rd_kafka_topic_result_error(results?[0])
        }
    }

    /// Deletes the topic and creates it again, empty.
    func recreate(topic: String, partitions: Int32) throws {
        try delete(topic: topic)
        let plan = TopicPlan(name: topic, partitions: partitions, replication: 1)
        try eventually("\(topic) is created anew") { try administrator.create([plan])[topic] == .created }
        try administrator.waitForTopics(named: [topic], limitMilliseconds: 20_000)
    }

    func extend(topic: String, to partitions: Int) throws {
        var text = [CChar](repeating: 0, count: 256)
        var plans: [OpaquePointer?] = unsafe [
            rd_kafka_NewPartitions_new(topic, partitions, &text, text.count)
        ]
        defer { unsafe rd_kafka_NewPartitions_destroy(plans[0]) }
        unsafe try perform("extend \(topic)") { queue in
            unsafe rd_kafka_CreatePartitions(client, &plans, 1, nil, queue)
        } result: { event in
            var count = 0
            let results = unsafe rd_kafka_CreatePartitions_result_topics(
                rd_kafka_event_CreatePartitions_result(event), &count)
            return unsafe rd_kafka_topic_result_error(results?[0])
        }
    }

    /// Deletes all records, as retention would.
    func empty(topic: String, partitions: Int32) throws {
        let list = unsafe rd_kafka_topic_partition_list_new(partitions)
        defer { unsafe rd_kafka_topic_partition_list_destroy(list) }
        for partition in 0..<partitions {
            let place = unsafe rd_kafka_topic_partition_list_add(list, topic, partition)
            unsafe place?.pointee.offset = Int64(RD_KAFKA_OFFSET_END)
        }
        var requests: [OpaquePointer?] = unsafe [rd_kafka_DeleteRecords_new(list)]
        defer { unsafe rd_kafka_DeleteRecords_destroy(requests[0]) }
        unsafe try perform("empty \(topic)") { queue in
            unsafe rd_kafka_DeleteRecords(client, &requests, 1, nil, queue)
        } result: { event in
            let offsets = unsafe rd_kafka_DeleteRecords_result_offsets(
                rd_kafka_event_DeleteRecords_result(event))
            return unsafe offsets?.pointee.elems[0].err ?? RD_KAFKA_RESP_ERR__FAIL
        }
    }

    /// Deletes a group with its offsets, once its last member is gone.
    func delete(group: String) throws {
        try eventually("group \(group) is empty and deleted") {
            var groups: [OpaquePointer?] = unsafe [rd_kafka_DeleteGroup_new(group)]
            defer { unsafe rd_kafka_DeleteGroup_destroy(groups[0]) }
            let code = unsafe try answer("delete group \(group)") { queue in
                unsafe rd_kafka_DeleteGroups(client, &groups, 1, nil, queue)
            } result: { event in
                var count = 0
                let results = unsafe rd_kafka_DeleteGroups_result_groups(
                    rd_kafka_event_DeleteGroups_result(event), &count)
                let error = unsafe rd_kafka_group_result_error(results?[0])
                return unsafe error == nil ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(error)
            }
            return code == RD_KAFKA_RESP_ERR_NO_ERROR
        }
    }

    /// Takes the right to read a topic from everybody.
    func forbidReading(topic: String) throws {
        try forbidReading(RD_KAFKA_RESOURCE_TOPIC, topic)
    }

    /// Takes the right to be a member of a group from everybody.
    func forbidReading(group: String) throws {
        try forbidReading(RD_KAFKA_RESOURCE_GROUP, group)
    }

    private func forbidReading(_ kind: rd_kafka_ResourceType_t, _ name: String) throws {
        var text = [CChar](repeating: 0, count: 256)
        var rules: [OpaquePointer?] = unsafe [
            rd_kafka_AclBinding_new(
                kind, name, RD_KAFKA_RESOURCE_PATTERN_LITERAL, "User:*", "*", RD_KAFKA_ACL_OPERATION_READ,
                RD_KAFKA_ACL_PERMISSION_TYPE_DENY, &text, text.count)
        ]
        defer { unsafe rd_kafka_AclBinding_destroy(rules[0]) }
        unsafe try perform("forbid reading \(name)") { queue in
            unsafe rd_kafka_CreateAcls(client, &rules, 1, nil, queue)
        } result: { event in
            var count = 0
            let results = unsafe rd_kafka_CreateAcls_result_acls(
                rd_kafka_event_CreateAcls_result(event), &count)
            let error = unsafe rd_kafka_acl_result_error(results?[0])
            return unsafe error == nil ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(error)
        }
    }

    // MARK: Requests

    private func perform(
        _ what: String, _ request: (OpaquePointer) -> Void, result: (OpaquePointer) -> rd_kafka_resp_err_t
    ) throws {
        let code = unsafe try answer(what, request, result: result)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw PlatformFailure("\(what): \(unsafe String(cString: rd_kafka_err2str(code)))")
        }
    }

    private func answer(
        _ what: String, _ request: (OpaquePointer) -> Void, result: (OpaquePointer) -> rd_kafka_resp_err_t
    ) throws -> rd_kafka_resp_err_t {
        guard let queue = unsafe rd_kafka_queue_new(client) else { throw PlatformFailure("no queue") }
        defer { unsafe rd_kafka_queue_destroy(queue) }
        unsafe request(queue)
        guard let event = unsafe rd_kafka_queue_poll(queue, Self.limitMilliseconds) else {
            throw PlatformFailure("\(what): no answer")
        }
        defer { unsafe rd_kafka_event_destroy(event) }
        let code = unsafe rd_kafka_event_error(event)
        return unsafe code == RD_KAFKA_RESP_ERR_NO_ERROR ? result(event) : code
    }
}
