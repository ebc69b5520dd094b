// A list of partitions with offsets as librdkafka's calls take it. Destroyed with its owner.

import CRDKafka
import EventLog

@safe struct PartitionList: ~Copyable {
    let pointer: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

    init(capacity: Int) {
        unsafe pointer = rd_kafka_topic_partition_list_new(Int32(capacity))
    }

    deinit { unsafe rd_kafka_topic_partition_list_destroy(pointer) }

    /// An offset is a position, or one of librdkafka's negative logical offsets.
    func append(_ place: TopicPartition, offset: Int64? = nil, _ catalog: TopicCatalog) {
        let added = unsafe rd_kafka_topic_partition_list_add(
            pointer, catalog.name(of: place.topic), place.partition.number)
        if let offset { unsafe added?.pointee.offset = offset }
    }

    func append(topic: String) {
        unsafe _ = rd_kafka_topic_partition_list_add(pointer, topic, RD_KAFKA_PARTITION_UA)
    }

    /// Offset and error of the first partition, after a call that answers in place.
    var first: (offset: Int64, error: rd_kafka_resp_err_t) {
        unsafe precondition(pointer.pointee.cnt > 0, "the list has a partition")
        return unsafe (pointer.pointee.elems[0].offset, pointer.pointee.elems[0].err)
    }
}

extension FetchPosition {
    /// The offset in librdkafka's terms.
    var logicalOffset: Int64 {
        switch start {
        case .offset(let offset): offset.number
        case .beginning: Int64(RD_KAFKA_OFFSET_BEGINNING)
        case .end: Int64(RD_KAFKA_OFFSET_END)
        }
    }
}
