// A polled message. One message keeps its whole fetch buffer alive, so it is copied into the batch and
// destroyed at once: the deinitialiser does that. Used by FetchLoop only.

import CRDKafka
import EventLog
import Foundation
import Primitives

@safe struct Message: ~Copyable {
    private let pointer: UnsafeMutablePointer<rd_kafka_message_t>

    /// Waits for a message or an event; nil when time is up or a callback ended the wait.
    static func poll(_ client: OpaquePointer, milliseconds: Int32) -> Message? {
        guard let pointer = unsafe rd_kafka_consumer_poll(client, milliseconds) else { return nil }
        return unsafe Message(pointer: pointer)
    }

    deinit { unsafe rd_kafka_message_destroy(pointer) }

    var error: rd_kafka_resp_err_t { unsafe pointer.pointee.err }
    var topicAddress: OpaquePointer? { unsafe pointer.pointee.rkt }
    var partition: PartitionIndex { unsafe PartitionIndex(pointer.pointee.partition) }
    var offset: Int64 { unsafe pointer.pointee.offset }
    var byteCount: Int { unsafe pointer.pointee.len + pointer.pointee.key_len }

    var errorText: String {
        guard let text = unsafe rd_kafka_message_errstr(pointer) else { return "" }
        return unsafe String(cString: text)
    }

    /// `topic[partition]@offset` as far as an error event names them.
    var placeText: String? {
        guard let topic = unsafe pointer.pointee.rkt, let name = unsafe rd_kafka_topic_name(topic) else {
            return nil
        }
        return unsafe "\(String(cString: name))[\(partition)]" + (offset >= 0 ? "@\(offset)" : "")
    }

    /// Copies key, value and headers to the end of the batch.
    func append(to batch: RecordBatch, as place: TopicPartition) {
        var kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        let time = unsafe rd_kafka_message_timestamp(pointer, &kind)
        let message = unsafe pointer.pointee
        let key = unsafe message.key.map { unsafe UnsafeRawBufferPointer(start: $0, count: message.key_len) }
        unsafe batch.append(
            to: place, key: key, offset: Offset(offset),
            timestamp: time < 0 ? .zero : Timestamp(milliseconds: time))
        if let value = unsafe message.payload {
            unsafe batch.setValue(UnsafeRawBufferPointer(start: value, count: message.len))
        }
        appendHeaders(to: batch)
    }

    private func appendHeaders(to batch: RecordBatch) {
        var list: OpaquePointer?
        guard unsafe rd_kafka_message_headers(pointer, &list) == RD_KAFKA_RESP_ERR_NO_ERROR,
            let headers = unsafe list
        else { return }
        var (index, name, value, size) = unsafe (0, UnsafePointer<CChar>?.none, UnsafeRawPointer?.none, 0)
        while unsafe rd_kafka_header_get_all(headers, index, &name, &value, &size)
            == RD_KAFKA_RESP_ERR_NO_ERROR,
            let text = unsafe name
        {
            let bytes = unsafe UnsafeRawBufferPointer(start: UnsafeRawPointer(text), count: strlen(text))
            unsafe batch.addHeader(
                bytes, UnsafeRawBufferPointer(start: value, count: value == nil ? 0 : size))
            index += 1
        }
    }
}
