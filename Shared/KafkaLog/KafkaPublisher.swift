// A plain idempotent producer for single records that an HTTP request waits for: acknowledged by all
// replicas, no transaction. The gateway's request threads publish; one of its threads polls the delivery
// reports.

import CRDKafka
import EventLog
import Primitives

/// Publishes from any thread; reports on the one thread that polls.
@safe public final class KafkaPublisher: @unchecked Sendable {
    // Unchecked: publishing uses only the client and `topics`, which do not change. Reports are read from a
    // queue of events, not by a callback, so nothing else is shared. close() comes after the last use by
    // other threads.

    /// A header of a record to publish.
    public typealias Header = (name: String, value: [UInt8])
    /// Token and result of one publish.
    public typealias Report = (_ token: UInt64, _ result: Result<Offset, LogFailure>) -> Void

    private static let flushStepMilliseconds = 100

    private let handle: ClientHandle
    private let topics: OutputTopics
    private let reports: OpaquePointer

    init(catalog: TopicCatalog, settings: KafkaSettings) throws(LogFailure) {
        handle = try ClientHandle(
            .producer, .publisher(settings), ClientCallbacks(log: settings.log), reportsAsEvents: true)
        topics = try OutputTopics(handle, catalog: catalog)
        guard let queue = unsafe rd_kafka_queue_get_main(handle.client) else {
            throw KafkaError(RD_KAFKA_RESP_ERR__FAIL).failure("open report queue")
        }
        unsafe reports = queue
    }

    /// Queues a record; its report carries `token`. Exactly one report follows, unless this throws.
    ///
    /// - Parameter value: nil is a tombstone.
    /// - Throws: `retry` if the queue is full, `stop` for an unknown partition or a record above the size
    ///   limit.
    public func publish(
        topic: TopicID, partition: PartitionIndex, key: [UInt8], headers: [Header], value: [UInt8]?,
        token: UInt64
    ) throws(LogFailure) {
        let place = TopicPartition(topic, partition)
        guard topics.contains(place), let address = unsafe topics.handle(of: topic) else {
            throw topics.unknown(place)
        }
        let list = unsafe headers.isEmpty ? nil : rd_kafka_headers_new(headers.count)
        if let list = unsafe list { unsafe fill(list, headers) }
        let error: KafkaError? = unsafe key.withUnsafeBytes { keyBytes in
            func queue(_ bytes: UnsafeRawBufferPointer?) -> KafkaError? {
                unsafe enqueue(
                    OutgoingRecord(
                        topic: address, partition: partition, key: keyBytes, value: bytes, headers: list,
                        mark: UnsafeMutableRawPointer(bitPattern: UInt(token))),
                    in: handle.client)
            }
            guard let value else { return queue(nil) }
            return unsafe value.withUnsafeBytes { unsafe queue($0) }
        }
        if let error { throw error.failure("publish", at: topics.text(place)) }
    }

    /// Waits for reports and passes them on, in the order the broker gave them per partition.
    public func poll(waitMilliseconds: Int, _ report: Report) {
        guard let event = unsafe rd_kafka_queue_poll(reports, Int32(clamping: waitMilliseconds)) else {
            return
        }
        defer { unsafe rd_kafka_event_destroy(event) }
        guard unsafe rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR else { return }
        while let message = unsafe rd_kafka_event_message_next(event) {
            let error = unsafe message.pointee.err
            let token = unsafe UInt64(UInt(bitPattern: message.pointee._private))
            if error == RD_KAFKA_RESP_ERR_NO_ERROR {
                report(token, .success(unsafe Offset(message.pointee.offset)))
            } else {
                report(token, .failure(failure(error)))
            }
        }
    }

    /// Waits until every record has been reported. For the polling thread.
    ///
    /// - Returns: false if time ran out; the rest stays queued.
    public func flush(milliseconds: Int, _ report: Report) -> Bool {
        let deadline = Deadline(milliseconds: milliseconds)
        while unsafe rd_kafka_outq_len(handle.client) > 0, !deadline.isPast {
            poll(
                waitMilliseconds: min(Self.flushStepMilliseconds, Int(deadline.remainingMilliseconds)), report
            )
        }
        return unsafe rd_kafka_outq_len(handle.client) == 0
    }

    /// Records that were not reported are lost. No thread may use the publisher any more.
    public func close() {
        guard !handle.isClosed else { return }
        topics.close()
        unsafe rd_kafka_queue_destroy(reports)
        handle.close()
    }

    deinit { close() }

    private func failure(_ error: rd_kafka_resp_err_t) -> LogFailure {
        let cause =
            error == RD_KAFKA_RESP_ERR__FATAL ? handle.fatalError() ?? KafkaError(error) : KafkaError(error)
        return cause.failure("deliver", consequence: cause.isFatal ? .discardProducer : nil)
    }

    private func fill(_ list: OpaquePointer, _ headers: [Header]) {
        for header in headers {
            unsafe Array(header.name.utf8).withUnsafeBytes { name in
                unsafe header.value.withUnsafeBytes { unsafe addHeader(name, $0, to: list) }
            }
        }
    }
}
