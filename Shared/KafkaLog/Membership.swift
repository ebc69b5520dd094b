// What the group did to a consumer, noted by librdkafka's rebalance callback and fetched by the next poll.
// Where to read from is only known after the stores are restored, so the callback takes partitions by assigning
// nothing, and KafkaGroupConsumer assigns later. It does not give any up: as soon as it did, another worker, perhaps of
// the same process, would open stores that this one still has to close.

import CRDKafka
import EventLog
import Primitives

/// Changes of the group in their order. Belongs to the thread that polls; while the client closes, to the one that
/// closes it.
@safe final class Membership {
    enum Change {
        case assigned([(topic: String, partition: Int32)])
        case revoked
        case lost
    }

    private var changes: [Change] = []
    private(set) var refusal: KafkaError?
    /// The client whose partitions were taken back, while the group waits to be told that they are free.
    private var unreleased: OpaquePointer?
    /// Nobody polls any more, and whoever had the partitions has let go of them.
    private var isClosing = false

    var hasChange: Bool { !changes.isEmpty }

    func takeChange() -> Change? { changes.isEmpty ? nil : changes.removeFirst() }

    fileprivate func noteAssigned(_ places: [(topic: String, partition: Int32)], _ client: OpaquePointer) {
        changes.append(.assigned(places))
        let nothing = PartitionList(capacity: 1)
        unsafe answer(rd_kafka_assign(client, nothing.pointer))
    }

    fileprivate func noteRevoked(_ client: OpaquePointer) {
        // Asked first: giving up the assignment clears the mark.
        changes.append(unsafe rd_kafka_assignment_lost(client) != 0 ? .lost : .revoked)
        unsafe unreleased = client
        if isClosing { release() }
    }

    /// Tells the group that what it took back is free, if it waits for that.
    func release() {
        guard let client = unsafe unreleased else { return }
        unsafe unreleased = nil
        unsafe answer(rd_kafka_assign(client, nil))
    }

    /// From now on partitions are given up as they are taken back, and those that were before.
    func close() {
        isClosing = true
        release()
    }

    private func answer(_ code: rd_kafka_resp_err_t) {
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { refusal = KafkaError(code) }
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
        unsafe membership.noteAssigned(places(in: partitions), client)
    } else {
        unsafe membership.noteRevoked(client)
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
