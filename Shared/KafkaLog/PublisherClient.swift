// One of a publisher's two clients: a producer, the topics it writes to, and its delivery reports.
// Only the publisher uses it: any thread sends, one drains.

import CRDKafka
import EventLog
import Primitives

@safe final class PublisherClient {
    private let handle: ClientHandle
    private let topics: OutputTopics
    private let reports: OpaquePointer

    /// - Parameters:
    ///   - needed: the topics that must be known by now.
    ///   - bell: the descriptor of an event counter, which is raised when reports are there to be drained.
    init(
        lingerMilliseconds: Int, catalog: TopicCatalog, needed: [TopicID], settings: KafkaSettings, bell: Int32
    ) throws(LogFailure) {
        handle = try ClientHandle(
            .producer, .publisher(settings, lingerMilliseconds: lingerMilliseconds),
            ClientCallbacks(log: settings.log), reportsAsEvents: true)
        topics = try OutputTopics(handle, catalog: catalog, needed: needed)
        guard let queue = unsafe rd_kafka_queue_get_main(handle.client) else {
            topics.close()
            throw KafkaError(RD_KAFKA_RESP_ERR__FAIL).failure("open report queue")
        }
        unsafe reports = queue
        var one: UInt64 = 1
        unsafe rd_kafka_queue_io_event_enable(queue, bell, &one, MemoryLayout<UInt64>.size)
    }

    var mostPartitions: Int { topics.mostPartitions }
    /// Records without a report that was drained.
    var outstanding: Int { Int(unsafe rd_kafka_outq_len(handle.client)) }

    func send(
        to place: TopicPartition, key: [UInt8], headers: HeaderList, value: [UInt8]?, token: UInt64
    ) throws(LogFailure) {
        guard topics.contains(place), let address = unsafe topics.handle(of: place.topic) else {
            throw topics.unknown(place)
        }
        let list = unsafe headers.isEmpty ? nil : rd_kafka_headers_new(headers.count)
        if let list = unsafe list {
            headers.forEach { name, value in
                unsafe name.withUnsafeBytes { name in
                    unsafe value.withUnsafeBytes { unsafe addHeader(name, $0, to: list) }
                }
            }
        }
        let error: KafkaError? = unsafe key.withUnsafeBytes { keyBytes in
            func queue(_ bytes: UnsafeRawBufferPointer?) -> KafkaError? {
                unsafe enqueue(
                    OutgoingRecord(
                        topic: address, partition: place.partition, key: keyBytes, value: bytes, headers: list,
                        mark: UnsafeMutableRawPointer(bitPattern: UInt(token))),
                    in: handle.client)
            }
            guard let value else { return queue(nil) }
            return unsafe value.withUnsafeBytes { unsafe queue($0) }
        }
        if let error { throw error.failure("publish", at: topics.text(place)) }
    }

    /// Passes on all reports that are there. 2.0.2 raises the bell again only once the queue was found empty.
    func drain(_ report: KafkaPublisher.Report) {
        while let event = unsafe rd_kafka_queue_poll(reports, 0) {
            defer { unsafe rd_kafka_event_destroy(event) }
            guard unsafe rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR else { continue }
            while let message = unsafe rd_kafka_event_message_next(event) {
                let error = unsafe message.pointee.err
                let token = unsafe UInt64(UInt(bitPattern: message.pointee._private))
                if error == RD_KAFKA_RESP_ERR_NO_ERROR {
                    report(token, .success(unsafe Offset(message.pointee.offset)))
                } else {
                    report(token, .failure(KafkaError(error).failure("deliver")))
                }
            }
        }
    }

    /// Nobody may use it any more.
    func close() {
        guard !handle.isClosed else { return }
        topics.close()
        // A client that does not close in time lives on, and the descriptor may be another's by then.
        unsafe rd_kafka_queue_io_event_enable(reports, -1, nil, 0)
        unsafe rd_kafka_queue_destroy(reports)
        handle.close()
    }

    /// Its parts would go in their own order, and a client ends only without topics.
    deinit { close() }
}
