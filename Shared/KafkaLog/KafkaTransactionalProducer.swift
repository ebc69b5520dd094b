// Writes batches as Kafka transactions: begin, produce and send offsets in either order, commit. Used by one worker
// on its thread. A call whose outcome is unknown is never resumed or guessed at: the worker discards the producer
// and recovers from the log.
//
// librdkafka's `send_offsets_to_transaction` can block past its limit while the group's coordinator is away
// (#5456): the worker's own watchdog must cover commit(). Records that went first lie in an open transaction
// meanwhile, and hold up who reads those partitions, until the broker ends it.

import CRDKafka
import EventLog
import Primitives

/// A transactional, idempotent producer. Belongs to one thread.
public final class KafkaTransactionalProducer: TransactionalProducer {
    public static let initializeLimitMilliseconds: Int32 = 30_000
    public static let abortLimitMilliseconds: Int32 = 10_000
    /// How long to wait for room in the queue before looking at the deadline again.
    private static let roomStepMilliseconds: Int32 = 10

    private let transactionalID: String
    private let settings: KafkaSettings
    private let catalog: TopicCatalog
    private let deliveries: DeliveryTally
    private var handle: ClientHandle
    private var hasTransactions = false
    private var topics: OutputTopics?
    private var begun = Deadline.Moment()
    /// Records of the transaction at hand that the client took.
    private(set) var queued = 0
    /// Until then the broker may still write the markers of the transaction before. Tests set it.
    var markersEnd = Deadline(milliseconds: 0)

    init(
        transactionalID: String, tracked: [TopicID], catalog: TopicCatalog, settings: KafkaSettings
    ) throws(LogFailure) {
        self.transactionalID = transactionalID
        self.settings = settings
        self.catalog = catalog
        deliveries = DeliveryTally(tracked: tracked)
        handle = try Self.makeHandle(transactionalID, settings, deliveries)
    }

    /// Also learns the topics that exist; one created later needs another producer.
    public func initialize() throws(LogFailure) {
        if !hasTransactions {
            if let error = unsafe KafkaError(
                taking: rd_kafka_init_transactions(handle.client, Self.initializeLimitMilliseconds))
            {
                throw error.failure(
                    "initialise transactions", consequence: error.isFatal ? .discardProducer : nil)
            }
            hasTransactions = true
        }
        topics = try OutputTopics(handle, catalog: catalog)
    }

    /// - Returns: in `fenced`, the failure's consequence is `discardProducer` if this producer is of no use
    ///   any more.
    public func commit(
        _ records: RecordBatch, offsets: [InputPosition], of consumer: KafkaGroupConsumer
    ) -> TransactionOutcome {
        precondition(!offsets.isEmpty, "a transaction without offsets is not fenced by the group")
        let deadline = Deadline(milliseconds: settings.transactionTimeoutMilliseconds)
        // While the markers of the transaction before are being written, the broker puts a new one off, and
        // librdkafka asks again after `retry.backoff.ms` for offsets, but only after 20 ms for records: those follow
        // then. Otherwise they go first, and are on their way while this thread waits for the offsets. How long
        // markers take nobody is told. Half of what their transaction took is a guess; a wrong one costs those 20 ms.
        let recordsGoFirst = markersEnd.isPast
        do throws(TransactionFault) {
            try begin()
            if recordsGoFirst { try produce(records, before: deadline) }
            try send(offsets, of: consumer, before: deadline)
            if !recordsGoFirst { try produce(records, before: deadline) }
            return .committed(try end(records.count, before: deadline))
        } catch {
            return conclude(error)
        }
    }

    public func clearOffsets(at place: TopicPartition, of consumer: KafkaGroupConsumer) -> TransactionOutcome? {
        let deadline = Deadline(milliseconds: settings.transactionTimeoutMilliseconds)
        do throws(TransactionFault) {
            try begin()
            try send([InputPosition(place, next: .zero)], of: consumer, before: deadline)
        } catch {
            return conclude(error)
        }
        return abort().map(TransactionOutcome.unknown)
    }

    public func close() {
        topics?.close()
        topics = nil
        hasTransactions = false
        handle.close()
    }

    /// Its parts would go in their own order, and a client ends only without topics.
    deinit { close() }

    // The steps are visible in the module, so that tests can hold a transaction open.
    func begin() throws(TransactionFault) {
        deliveries.reset()
        queued = 0
        begun = Deadline.Moment()
        unsafe try check(rd_kafka_begin_transaction(handle.client), "begin transaction")
    }

    func produce(_ records: RecordBatch, before deadline: Deadline) throws(TransactionFault) {
        guard let topics else {
            throw TransactionFault(
                KafkaError(RD_KAFKA_RESP_ERR__STATE).failure("produce before initialise"), .unknown)
        }
        var fault: TransactionFault?
        // The first of each partition go first: 2.0.2 registers the partitions of a transaction as it meets them, for
        // each time with a request and a millisecond of a processor that it spends looking at the clock.
        let firsts = records.countsByPlace.map(\.first)
        unsafe records.bytes.withUnsafeBytes { bytes in
            for first in firsts {
                unsafe fault = queue(records[first], lyingIn: bytes, topics, before: deadline)
                if fault != nil { return }
            }
            var next = 0
            for (index, record) in records.enumerated() {
                if next < firsts.count, firsts[next] == index {
                    next += 1
                    continue
                }
                unsafe fault = queue(record, lyingIn: bytes, topics, before: deadline)
                if fault != nil { return }
            }
        }
        if let fault { throw fault }
    }

    /// - Returns: why the transaction cannot go on, or nil.
    private func queue(
        _ record: Record, lyingIn bytes: UnsafeRawBufferPointer, _ topics: OutputTopics,
        before deadline: Deadline
    ) -> TransactionFault? {
        guard topics.contains(record.place), let topic = unsafe topics.handle(of: record.topic) else {
            return TransactionFault(topics.unknown(record.place), .abort)
        }
        while true {
            let outgoing = unsafe OutgoingRecord(
                topic: topic, partition: record.partition, key: part(record.keyRange, bytes),
                value: part(record.valueRange, bytes), headers: headers(of: record, bytes),
                mark: DeliveryTally.mark(record.topic))
            guard let error = unsafe enqueue(outgoing, in: handle.client) else {
                queued += 1
                return nil
            }
            guard error.code == RD_KAFKA_RESP_ERR__QUEUE_FULL, !deadline.isPast else {
                let cause = error.code == RD_KAFKA_RESP_ERR__FATAL ? handle.fatalCause() ?? error : error
                return TransactionFault(cause, "produce", at: topics.text(record.place), duringProduce: true)
            }
            unsafe _ = rd_kafka_poll(handle.client, Self.roomStepMilliseconds)
        }
    }

    private func headers(of record: Record, _ bytes: UnsafeRawBufferPointer) -> OpaquePointer? {
        let count = record.headerCount
        guard count > 0, let list = unsafe rd_kafka_headers_new(count) else { return nil }
        for number in 0..<count {
            let (name, value) = record.headerRanges(at: number)
            unsafe addHeader(lent(name, bytes), lent(value, bytes), to: list)
        }
        return unsafe list
    }

    func send(
        _ offsets: [InputPosition], of consumer: KafkaGroupConsumer, before deadline: Deadline
    ) throws(TransactionFault) {
        let list = PartitionList(capacity: offsets.count)
        for position in offsets { list.append(position.place, offset: position.next.number, catalog) }
        guard let identity = consumer.currentIdentity() else {
            throw TransactionFault(
                KafkaError(RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST).failure("send offsets"), .abortAsFenced)
        }
        unsafe try check(
            rd_kafka_send_offsets_to_transaction(
                handle.client, list.pointer, identity.pointer, deadline.remainingMilliseconds),
            "send offsets")
    }

    /// Waits for the deliveries and commits.
    private func end(_ count: Int, before deadline: Deadline) throws(TransactionFault) -> [InputPosition] {
        unsafe _ = rd_kafka_poll(handle.client, 0)
        if let failed = deliveries.firstFailure { throw TransactionFault(failed.failure("deliver"), .abort) }
        if let error = unsafe KafkaError(
            taking: rd_kafka_commit_transaction(handle.client, deadline.remainingMilliseconds))
        {
            // A delivery that failed says more than the refused commit.
            let cause = error.requiresAbort ? deliveries.firstFailure ?? error : error
            throw TransactionFault(committing: error, cause: cause)
        }
        markersEnd = Deadline(halfOfTimeSince: begun)
        guard deliveries.delivered == count, deliveries.firstFailure == nil else {
            throw TransactionFault(
                KafkaError(RD_KAFKA_RESP_ERR__INCONSISTENT).failure(
                    "commit transaction", at: "\(deliveries.delivered) of \(count) records reported"),
                .unknown)
        }
        return deliveries.positions
    }

    /// Takes over the error object of a transactional call.
    private func check(_ object: OpaquePointer?, _ operation: String) throws(TransactionFault) {
        if let error = unsafe KafkaError(taking: object) { throw TransactionFault(error, operation) }
    }

    private func conclude(_ fault: TransactionFault) -> TransactionOutcome {
        switch fault.ending {
        case .unknown: return .unknown(fault.failure)
        case .fenced: return .fenced(fault.failure)
        case .abort: return abort(because: fault.failure, as: TransactionOutcome.aborted)
        case .abortAsFenced: return abort(because: fault.failure, as: TransactionOutcome.fenced)
        }
    }

    /// - Returns: why it is not known whether the transaction was aborted, or nil.
    private func abort() -> LogFailure? {
        let error = unsafe KafkaError(
            taking: rd_kafka_abort_transaction(handle.client, Self.abortLimitMilliseconds))
        markersEnd = Deadline(halfOfTimeSince: begun)
        return error?.failure("abort transaction", consequence: .discardProducer)
    }

    /// A record that the broker refused is the cause of whatever was refused after it.
    private func abort(
        because failure: LogFailure, as outcome: (LogFailure) -> TransactionOutcome
    ) -> TransactionOutcome {
        if let unfinished = abort() { return .unknown(unfinished) }
        let refused = deliveries.firstFailure
        if deliveries.delivered < queued {
            do throws(LogFailure) {
                try renew()
            } catch {
                return .unknown(error)
            }
        }
        return outcome(refused?.failure("deliver") ?? failure)
    }

    /// Starts over with a new client. Behind a record that was refused, or thrown away on its way, 2.0.2 leaves a gap
    /// in the sequence numbers, and the next transaction, innocent of it, would be aborted as out of order. And an
    /// abort that comes before the broker has answered for any partition tells it nothing: what it registers
    /// then is a transaction that only the new client's start ends.
    private func renew() throws(LogFailure) {
        close()
        handle = try Self.makeHandle(transactionalID, settings, deliveries)
        try initialize()
    }

    private static func makeHandle(
        _ id: String, _ settings: KafkaSettings, _ deliveries: DeliveryTally
    ) throws(LogFailure) -> ClientHandle {
        try ClientHandle(
            .producer, .transactional(id: id, settings),
            ClientCallbacks(log: settings.log, deliveries: deliveries))
    }
}

/// The bytes of a part of a record, where they lie in the batch.
private func part(_ range: Range<Int>?, _ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    guard let range else { return nil }
    return unsafe lent(range, bytes)
}

private func lent(_ range: Range<Int>, _ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(rebasing: bytes[range])
}
