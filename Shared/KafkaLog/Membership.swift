// What the group did to a consumer, noted by librdkafka's rebalance callback and fetched by the next poll.
// The callback answers the group and does nothing else: where to read from is only known after the stores are
// restored, so it assigns nothing, and KafkaGroupConsumer assigns later.

import CRDKafka
import EventLog
import Primitives

/// Changes of the group in their order. Belongs to the thread that polls.
final class Membership {
    enum Change {
        case assigned([(topic: String, partition: Int32)])
        case revoked
        case lost
    }

    private var changes: [Change] = []
    private(set) var refusal: KafkaError?

    var hasChange: Bool { !changes.isEmpty }

    func takeChange() -> Change? { changes.isEmpty ? nil : changes.removeFirst() }

    fileprivate func note(_ change: Change, answer: rd_kafka_resp_err_t) {
        changes.append(change)
        if answer != RD_KAFKA_RESP_ERR_NO_ERROR { refusal = KafkaError(answer) }
    }
}

/// Runs inside a poll, on its thread. Ends that poll (`rd_kafka_yield`), so that the change is seen at once.
func noteRebalance(
    _ client: OpaquePointer?, _ code: rd_kafka_resp_err_t,
    _ partitions: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?, _ opaque: UnsafeMutableRawPointer?
) {
    guard let client = unsafe client, let membership = unsafe ClientCallbacks.of(opaque)?.membership
    else { return }
    if code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
        let nothing = PartitionList(capacity: 1)
        let answer = unsafe rd_kafka_assign(client, nothing.pointer)
        membership.note(.assigned(unsafe places(in: partitions)), answer: answer)
    } else {
        // Asked first: giving up the assignment clears the mark.
        let isLost = unsafe rd_kafka_assignment_lost(client) != 0
        let answer = unsafe rd_kafka_assign(client, nil)
        membership.note(isLost ? .lost : .revoked, answer: answer)
    }
    unsafe rd_kafka_yield(client)
}

private func places(
    in list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?
) -> [(topic: String, partition: Int32)] {
    guard let list = unsafe list?.pointee else { return [] }
    return unsafe (0..<Int(list.cnt)).map { index in
        unsafe (String(cString: list.elems[index].topic), list.elems[index].partition)
    }
}

/// Group, generation and member as librdkafka would send them with a transaction. Two are equal if nothing
/// happened to the membership in between.
@safe struct GroupIdentity: ~Copyable {
    let pointer: OpaquePointer

    /// As it is now; nil if the consumer has no group.
    init?(of client: OpaquePointer) {
        guard let metadata = unsafe rd_kafka_consumer_group_metadata(client) else { return nil }
        unsafe pointer = metadata
    }

    init(taking metadata: OpaquePointer) {
        unsafe pointer = metadata
    }

    deinit { unsafe rd_kafka_consumer_group_metadata_destroy(pointer) }

    /// The serialised form; nil if librdkafka cannot make it.
    var bytes: [UInt8]? {
        var (buffer, size) = unsafe (UnsafeMutableRawPointer?.none, 0)
        guard
            unsafe KafkaError(taking: rd_kafka_consumer_group_metadata_write(pointer, &buffer, &size)) == nil,
            let start = unsafe buffer
        else { return nil }
        defer { unsafe rd_kafka_mem_free(nil, start) }
        return unsafe Array(UnsafeRawBufferPointer(start: start, count: size))
    }
}
