// What became of the records of one transaction, counted by librdkafka's delivery callback. A callback is
// always registered: without one, each transaction waits in steps of 10 ms because nothing wakes the
// producer.

import CRDKafka
import EventLog
import Primitives

/// Counts deliveries of one transaction. Belongs to the thread that polls the producer.
final class DeliveryTally {
    private(set) var delivered = 0
    private(set) var firstFailure: KafkaError?
    private let tracked: Set<TopicID>
    private var nextOffsets: [TopicPartition: Int64] = [:]

    init(tracked: [TopicID]) { self.tracked = Set(tracked) }

    /// Before a transaction.
    func reset() {
        delivered = 0
        firstFailure = nil
        nextOffsets.removeAll(keepingCapacity: true)
    }

    /// Behind the last record in each partition of a tracked topic, in order.
    var positions: [InputPosition] {
        nextOffsets.sorted { $0.key < $1.key }.map { InputPosition($0.key, next: Offset($0.value)) }
    }

    /// A message carries its topic's number, counted from 1, as its opaque pointer: it is never followed.
    static func mark(_ topic: TopicID) -> UnsafeMutableRawPointer? {
        unsafe UnsafeMutableRawPointer(bitPattern: topic.number + 1)
    }

    fileprivate func note(_ error: rd_kafka_resp_err_t, topic: TopicID, _ partition: Int32, _ offset: Int64) {
        guard error == RD_KAFKA_RESP_ERR_NO_ERROR else {
            // What an abort throws away is its consequence, not its cause.
            let isPurged =
                error == RD_KAFKA_RESP_ERR__PURGE_QUEUE || error == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT
            if firstFailure == nil, !isPurged { firstFailure = KafkaError(error) }
            return
        }
        delivered += 1
        guard tracked.contains(topic) else { return }
        let place = TopicPartition(topic, PartitionIndex(partition))
        nextOffsets[place] = max(nextOffsets[place] ?? 0, offset + 1)
    }
}

/// Runs inside a poll, a flush, a commit or an abort of the producer, on that thread.
func noteDelivery(
    _: OpaquePointer?, _ message: UnsafePointer<rd_kafka_message_t>?, _ opaque: UnsafeMutableRawPointer?
) {
    guard let message = unsafe message?.pointee, let tally = unsafe ClientCallbacks.of(opaque)?.deliveries
    else { return }
    let topic = unsafe TopicID(Int(bitPattern: message._private) - 1)
    unsafe tally.note(message.err, topic: topic, message.partition, message.offset)
}
