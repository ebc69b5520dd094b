// A plain producer for single records that an HTTP request waits for: acknowledged by all replicas, written at least
// once, no transaction. The gateway's request threads publish; one of its threads polls the delivery
// reports. There are two clients, because 2.0.2 has one linger time for all records of a client: one sends at once,
// one lets records wait for each other. Which one takes a record depends on how many come (Pace).

import CRDKafka
import Dispatch
import EventLog
import Primitives
import Synchronization

/// Publishes from any thread; reports on the one thread that polls. Records that one thread publishes to one
/// partition keep their order only while they are few; who needs it waits for the reports.
@safe public final class KafkaPublisher: @unchecked Sendable {
    // Unchecked: publishing uses only what does not change, and the pace, which is locked. Reports are read from
    // queues of events, not by a callback, so nothing else is shared. close() comes after the last use by other
    // threads.

    /// Token and result of one publish.
    public typealias Report = (_ token: UInt64, _ result: Result<Offset, LogFailure>) -> Void

    private static let flushStepMilliseconds = 100

    private let prompt: PublisherClient
    private let patient: PublisherClient
    private let pace: Mutex<Pace>
    /// Raised by both clients when they have reports.
    private let bell: Bell

    init(to needed: [TopicID], catalog: TopicCatalog, settings: KafkaSettings) throws(LogFailure) {
        bell = try Bell()
        prompt = try PublisherClient(
            lingerMilliseconds: 0, catalog: catalog, needed: needed, settings: settings, bell: bell.descriptor)
        patient = try PublisherClient(
            lingerMilliseconds: Pace.lingerMilliseconds, catalog: catalog, needed: needed, settings: settings,
            bell: bell.descriptor)
        pace = Mutex(Pace(partitions: prompt.mostPartitions))
    }

    /// Queues a record; its report carries `token`. Exactly one report follows, unless this throws.
    ///
    /// - Parameter value: nil is a tombstone.
    /// - Throws: `retry` if the queue is full, `stop` for an unknown partition or a record above the size
    ///   limit.
    public func publish(
        topic: TopicID, partition: PartitionIndex, key: [UInt8], headers: HeaderList, value: [UInt8]?,
        token: UInt64
    ) throws(LogFailure) {
        let waits = pace.withLock { $0.countRecord(at: DispatchTime.now().uptimeNanoseconds) }
        let client = waits ? patient : prompt
        try client.send(
            to: TopicPartition(topic, partition), key: key, headers: headers, value: value, token: token)
    }

    /// Waits for reports and passes them on, in the order the broker gave them per partition.
    public func poll(waitMilliseconds: Int, _ report: Report) {
        guard bell.wait(milliseconds: waitMilliseconds) else { return }
        prompt.drain(report)
        patient.drain(report)
    }

    /// Waits until every record has been reported. For the polling thread.
    ///
    /// - Returns: false if time ran out; the rest stays queued.
    public func flush(milliseconds: Int, _ report: Report) -> Bool {
        let deadline = Deadline(milliseconds: milliseconds)
        while outstanding > 0, !deadline.isPast {
            poll(
                waitMilliseconds: min(Self.flushStepMilliseconds, Int(deadline.remainingMilliseconds)), report
            )
        }
        return outstanding == 0
    }

    private var outstanding: Int { prompt.outstanding + patient.outstanding }

    /// Records that were not reported are lost. No thread may use the publisher any more.
    public func close() {
        prompt.close()
        patient.close()
    }

    deinit { close() }
}
