// Polls one message at a time into a batch (the batch call of 2.0.2 skips offsets) and keeps the expected
// offsets, so that records fetched for an older position are dropped. Shared by KafkaGroupConsumer and
// KafkaPartitionReader.

import CRDKafka
import EventLog
import Primitives

/// The polling half of a consuming client. Belongs to one thread.
final class FetchLoop {
    private let handle: ClientHandle
    private let topics: TopicHandles
    private let catalog: TopicCatalog
    /// The next offset by topic and partition; `notFetched` where nothing is.
    private var expected: [[Int64]]
    /// An error event that came after records: thrown by the next poll, so that the records are not lost with
    /// it.
    private var held: LogFailure?
    /// Bytes taken since the client's threads were told that there is room.
    private var bytesTaken = 0

    /// A small part of what may wait: the next fetch is asked for while most of it is still there.
    private static let bytesPerWaking = 262_144

    private static let notFetched: Int64 = -1

    init(_ handle: ClientHandle, _ catalog: TopicCatalog) {
        self.handle = handle
        self.catalog = catalog
        topics = TopicHandles(catalog)
        expected = Array(repeating: [], count: catalog.names.count)
    }

    /// Replaces what is fetched. An empty list fetches nothing.
    func assign(_ positions: [FetchPosition]) throws(LogFailure) {
        expected = Array(repeating: [], count: catalog.names.count)
        let list = PartitionList(capacity: positions.count)
        for position in positions {
            unsafe try topics.open(position.place.topic, in: handle.client)
            list.append(position.place, offset: position.logicalOffset, catalog)
            expect(max(0, position.logicalOffset), at: position.place)
        }
        let code = unsafe rd_kafka_assign(handle.client, list.pointer)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(code).failure("assign partitions") }
        settle()
    }

    /// Waits until partitions that were fetched before have stopped: 2.0.2 aborts the process if the
    /// assignment changes again, be it by the group, while one is stopping. Stopping takes two rounds in
    /// librdkafka's main thread, and each of these questions is answered there in its turn.
    private func settle() {
        for _ in 0..<2 { unsafe _ = GroupIdentity(of: handle.client) }
    }

    /// Expects nothing any more, also no error of before.
    func forget() {
        expected = Array(repeating: [], count: catalog.names.count)
        held = nil
    }

    /// Appends records until a limit is reached, `interrupted` says so, or time is up. A caller that asks for
    /// ends does not wait on behind one.
    func poll(
        into batch: RecordBatch, limits: BatchLimits, waitMilliseconds: Int,
        interrupted: () -> Bool = { false }, reachedEnd: ((ReachedEnd) -> Void)? = nil
    ) throws(LogFailure) {
        if let failure = held {
            held = nil
            throw failure
        }
        if let report = handle.reports.take() { throw report }
        let (firstRecord, firstByte) = (batch.count, batch.byteCount)
        defer { noteTaken(batch.byteCount - firstByte) }
        let earliestEnd = Deadline(milliseconds: limits.earliestEndMilliseconds)
        var patience = Deadline(milliseconds: waitMilliseconds)
        var (isLingering, hasEnded) = (false, false)
        repeat {
            guard let message = next(before: patience, interrupted) else { return }
            if message.error == RD_KAFKA_RESP_ERR_NO_ERROR {
                take(message, into: batch)
            } else if message.error == RD_KAFKA_RESP_ERR__PARTITION_EOF {
                guard let reachedEnd, let end = end(from: message) else { continue }
                reachedEnd(end)
                hasEnded = true
                patience = Deadline(milliseconds: 0)
            } else {
                let failure = failure(from: message)
                guard batch.count > firstRecord || hasEnded else { throw failure }
                held = failure
                return
            }
            if !isLingering, batch.count > firstRecord {
                isLingering = true
                patience = Deadline(
                    milliseconds: max(limits.lingerMilliseconds, Int(earliestEnd.remainingMilliseconds)))
            }
        } while batch.count - firstRecord < limits.records && batch.byteCount - firstByte < limits.bytes
            && !interrupted()
    }

    func close() { topics.close() }

    /// Before the handle, which ends only without topics, is let go.
    deinit { close() }

    private func noteTaken(_ count: Int) {
        bytesTaken += count
        guard bytesTaken >= Self.bytesPerWaking else { return }
        bytesTaken = 0
        handle.wakeThreads()
    }

    /// What is there at once, else what comes before the deadline.
    private func next(before deadline: Deadline, _ interrupted: () -> Bool) -> Message? {
        if let message = unsafe Message.poll(handle.client, milliseconds: 0) { return message }
        guard !interrupted(), deadline.remainingMilliseconds > 0 else { return nil }
        return unsafe Message.poll(handle.client, milliseconds: deadline.remainingMilliseconds)
    }

    private func take(_ message: borrowing Message, into batch: RecordBatch) {
        guard let place = place(of: message), message.offset >= expectedOffset(at: place) else { return }
        message.append(to: batch, as: place)
        expect(message.offset + 1, at: place)
    }

    private func end(from message: borrowing Message) -> ReachedEnd? {
        guard let place = place(of: message), expectedOffset(at: place) <= message.offset else { return nil }
        return ReachedEnd(place, at: Offset(message.offset))
    }

    private func place(of message: borrowing Message) -> TopicPartition? {
        guard let topic = unsafe topics.topic(at: message.topicAddress) else { return nil }
        return TopicPartition(topic, message.partition)
    }

    /// Beyond every offset where nothing is fetched.
    private func expectedOffset(at place: TopicPartition) -> Int64 {
        let (row, index) = (place.topic.number, Int(place.partition.number))
        guard expected[row].indices.contains(index), expected[row][index] != Self.notFetched else {
            return .max
        }
        return expected[row][index]
    }

    private func expect(_ offset: Int64, at place: TopicPartition) {
        let (row, index) = (place.topic.number, Int(place.partition.number))
        let missing = index + 1 - expected[row].count
        if missing > 0 { expected[row].append(contentsOf: repeatElement(Self.notFetched, count: missing)) }
        expected[row][index] = offset
    }

    /// A fatal error is named by its own code and ends this client for good.
    private func failure(from message: borrowing Message) -> LogFailure {
        if message.error == RD_KAFKA_RESP_ERR__FATAL, let fatal = handle.fatalCause() {
            return fatal.failure("poll", at: message.placeText, consequence: .stop)
        }
        return KafkaError(message.error, text: message.errorText).failure("poll", at: message.placeText)
    }
}
