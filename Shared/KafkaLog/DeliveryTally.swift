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
    /// Few: a straight search finds one soonest.
    private let tracked: [TopicID]
    /// Behind the last record, by the place of its topic in `tracked` and its partition; 0: there is none. Each record
    /// has a report, so nothing is hashed here.
    private var nextOffsets: [[Int64]]

    init(tracked: [TopicID]) {
        self.tracked = tracked
        nextOffsets = Array(repeating: [], count: tracked.count)
    }

    /// Before a transaction.
    func reset() {
        delivered = 0
        firstFailure = nil
        for index in nextOffsets.indices { nextOffsets[index].removeAll(keepingCapacity: true) }
    }

    /// Behind the last record in each partition of a tracked topic, in order.
    var positions: [InputPosition] {
        zip(tracked, nextOffsets).flatMap { topic, offsets in
            offsets.enumerated().filter { $0.element > 0 }.map { partition, next in
                InputPosition(TopicPartition(topic, PartitionIndex(Int32(partition))), next: Offset(next))
            }
        }
        .sorted { $0.place < $1.place }
    }

    /// A message carries its topic's number, counted from 1, as its opaque pointer: it is never followed.
    static func mark(_ topic: TopicID) -> UnsafeMutableRawPointer? {
        unsafe UnsafeMutableRawPointer(bitPattern: topic.number + 1)
    }

    func note(_ error: rd_kafka_resp_err_t, topic: TopicID, _ partition: Int32, _ offset: Int64) {
        guard error == RD_KAFKA_RESP_ERR_NO_ERROR else {
            // What an abort throws away is its consequence, not its cause.
            let isPurged =
                error == RD_KAFKA_RESP_ERR__PURGE_QUEUE || error == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT
            if firstFailure == nil, !isPurged { firstFailure = KafkaError(error) }
            return
        }
        // 2.0.2 believes of a record that it was written because the next one was, and does not know where.
        guard offset >= 0 else {
            firstFailure = firstFailure ?? KafkaError(RD_KAFKA_RESP_ERR__INCONSISTENT)
            return
        }
        delivered += 1
        guard let index = tracked.firstIndex(of: topic) else { return }
        let missing = Int(partition) + 1 - nextOffsets[index].count
        if missing > 0 { nextOffsets[index].append(contentsOf: repeatElement(0, count: missing)) }
        nextOffsets[index][Int(partition)] = max(nextOffsets[index][Int(partition)], offset + 1)
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
