// The door's publisher over Kafka: a completion for each record, kept until the broker's report comes. It owns the thread that
// polls the reports. The number of records under way is bounded by the client's own queue, which refuses when it is full.

import EventLog
import Foundation
import KafkaLog
import Primitives
import Synchronization

/// Writes the door's records to Kafka.
public final class KafkaIntakePublisher: IntakePublisher {
    typealias Completion = @Sendable (Result<Void, LogFailure>) -> Void

    /// The polling thread sees a stop within this time; reports wake it at once.
    private static let pollMilliseconds = 100
    /// What is queued at the end is written within this time: one round trip to the brokers is milliseconds.
    private static let flushMilliseconds = 1_500

    private struct Pending {
        var last: UInt64 = 0
        var completions: [UInt64: Completion] = [:]
        var isClosed = false
    }

    private let publisher: KafkaPublisher
    private let pending = Mutex(Pending())
    private let isStopping = Atomic<Bool>(false)
    private let polled = DispatchSemaphore(value: 0)

    public init(_ publisher: KafkaPublisher) {
        self.publisher = publisher
        let thread = Thread { [self] in
            while !isStopping.load(ordering: .acquiring) {
                publisher.poll(waitMilliseconds: Self.pollMilliseconds, report)
            }
            polled.signal()
        }
        thread.name = "publisher"
        thread.start()
    }

    public func publish(
        _ record: DoorRecord, completion: @escaping @Sendable (Result<Void, LogFailure>) -> Void
    ) throws(LogFailure) {
        let token: UInt64? = pending.withLock { pending in
            guard !pending.isClosed else { return nil }
            pending.last += 1
            pending.completions[pending.last] = completion
            return pending.last
        }
        guard let token else {
            throw LogFailure(operation: "publish", code: "CLOSED", detail: "the door is closed", consequence: .retry)
        }
        do throws(LogFailure) {
            try publisher.publish(
                topic: record.place.topic, partition: record.place.partition, key: record.key,
                headers: record.headers, value: record.value, token: token)
        } catch {
            guard pending.withLock({ $0.completions.removeValue(forKey: token) }) != nil else { return }
            throw error
        }
    }

    private func report(_ token: UInt64, _ result: Result<Offset, LogFailure>) {
        let completion = pending.withLock { $0.completions.removeValue(forKey: token) }
        completion?(result.map { _ in })
    }

    /// For the thread that stops the process. Later calls do nothing.
    public func close() {
        let isFirst = pending.withLock { pending in
            defer { pending.isClosed = true }
            return !pending.isClosed
        }
        guard isFirst else { return }
        isStopping.store(true, ordering: .releasing)
        polled.wait()
        _ = publisher.flush(milliseconds: Self.flushMilliseconds, report)
        let left = pending.withLock { pending in
            defer { pending.completions.removeAll() }
            return pending.completions.keys.sorted().compactMap { pending.completions[$0] }
        }
        let failure = LogFailure(
            operation: "publish", code: "CLOSED", detail: "the process stopped first", consequence: .retry)
        for completion in left { completion(.failure(failure)) }
        publisher.close()
    }
}
