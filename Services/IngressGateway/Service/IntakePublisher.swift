// What the door needs of the log: to write one record and be told when it is safe. KafkaIntakePublisher is
// the real one.

import EventLog
import Primitives

/// A record that the door writes.
public struct DoorRecord: Sendable {
    public var place: TopicPartition
    public var key: [UInt8]
    public var headers = HeaderList()
    public var value: [UInt8]

    init(_ place: TopicPartition, key: [UInt8], value: [UInt8]) {
        self.place = place
        self.key = key
        self.value = value
    }
}

/// Writes records from any thread.
public protocol IntakePublisher: Sendable {
    /// Queues a record and returns at once.
    ///
    /// - Parameter completion: called exactly once, from any thread, unless this throws: when all replicas
    ///   have the record, or when it failed or nobody knows.
    /// - Throws: if the queue is full, or the record can never be written.
    func publish(
        _ record: DoorRecord, completion: @escaping @Sendable (Result<Void, LogFailure>) -> Void
    ) throws(LogFailure)

    /// Writes what is queued, within a bound, and gives up the rest.
    func close()
}
