// Hands one record to a producer's queue. Key, value and headers are copied before the call returns. Used by
// the transactional producer and by the gateway's publisher.

import CRDKafka
import EventLog
import Primitives

/// One record's parts as they lie in memory. Valid during one call.
@unsafe struct OutgoingRecord {
    let topic: OpaquePointer
    let partition: PartitionIndex
    var key: UnsafeRawBufferPointer?
    var value: UnsafeRawBufferPointer?
    /// librdkafka takes them over if the record is accepted, and only then.
    var headers: OpaquePointer?
    /// Comes back with the delivery report; never followed.
    var mark: UnsafeMutableRawPointer?
}

/// - Returns: why the record was not queued, or nil.
func enqueue(_ record: OutgoingRecord, in client: OpaquePointer) -> KafkaError? {
    unsafe withUnsafeTemporaryAllocation(of: rd_kafka_vu_t.self, capacity: 7) { parts in
        var count = 0
        func add(_ type: rd_kafka_vtype_t, _ value: rd_kafka_vu_t.__Unnamed_union_u) {
            unsafe parts.initializeElement(at: count, to: rd_kafka_vu_t(vtype: type, u: value))
            count += 1
        }
        unsafe add(RD_KAFKA_VTYPE_RKT, .init(rkt: record.topic))
        unsafe add(RD_KAFKA_VTYPE_PARTITION, .init(i32: record.partition.number))
        unsafe add(RD_KAFKA_VTYPE_MSGFLAGS, .init(i: RD_KAFKA_MSG_F_COPY))
        unsafe add(RD_KAFKA_VTYPE_OPAQUE, .init(ptr: record.mark))
        if let key = unsafe record.key { unsafe add(RD_KAFKA_VTYPE_KEY, .init(mem: memory(key))) }
        if let value = unsafe record.value { unsafe add(RD_KAFKA_VTYPE_VALUE, .init(mem: memory(value))) }
        if let headers = unsafe record.headers { unsafe add(RD_KAFKA_VTYPE_HEADERS, .init(headers: headers)) }
        let error = unsafe KafkaError(taking: rd_kafka_produceva(client, parts.baseAddress, count))
        if error != nil, let headers = unsafe record.headers { unsafe rd_kafka_headers_destroy(headers) }
        return error
    }
}

/// Appends to a list of headers; both parts are copied.
func addHeader(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, to headers: OpaquePointer) {
    unsafe _ = rd_kafka_header_add(
        headers, name.baseAddress?.assumingMemoryBound(to: CChar.self), name.count, value.baseAddress,
        value.count)
}

private func memory(_ bytes: UnsafeRawBufferPointer) -> rd_kafka_vu_t.__Unnamed_union_u.__Unnamed_struct_mem {
    // A part that is present but empty must not look like an absent one: librdkafka tells them apart by the
    // address.
    let start = unsafe bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1)
    return unsafe .init(ptr: UnsafeMutableRawPointer(mutating: start), size: bytes.count)
}
