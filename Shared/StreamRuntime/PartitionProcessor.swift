// What a service does with one partition's records. Called by the worker alone, in its thread,
// inside the transaction of the partition's store; everything it writes becomes visible with the
// batch or not at all.

import Configuration
import EventLog
import JSONText
import Messages
import Primitives
import StateStore

/// One partition's part of a service. It may keep what it has read in memory only until ``batchUndone()``.
public protocol PartitionProcessor: AnyObject {
    /// Handles one record. Outcomes, refusals included, are records and rows; a throw undoes this
    /// record's changes.
    func process(_ record: Record, _ batch: BatchContext) throws(RecordFailure)

    /// When ``punctuate(_:)`` is due next; nil: never. Read before each poll.
    var nextPunctuation: Timestamp? { get }

    /// The longest wait for records while other threads may bring something that makes
    /// ``nextPunctuation`` due; nil: no bound of its own.
    var maximumWaitMilliseconds: Int? { get }

    /// Handles what time brings: expiry, retries. Runs in a batch of its own or together with records.
    func punctuate(_ batch: BatchContext) throws(RecordFailure)

    /// The record went to the dead letters, and what it had changed is undone: whoever waits for
    /// its answer may be told.
    func deadLettered(_ record: Record, code: String, detail: String, _ batch: BatchContext)

    /// Puts back the rows of one record of a history topic while the store is restored.
    func restore(_ record: Record) throws(StoreFailure)

    /// All records of the batch are handled, and its rows go to the changelog next: rows that sum up what several
    /// records did are written now.
    func batchEnding() throws(StoreFailure)

    /// The batch is visible and stored: effects outside the platform may follow.
    func batchCommitted()

    /// The newest record's rows and output are undone, and the batch goes on without it: forget what was read or
    /// computed for it.
    func recordUndone()

    /// The batch never happened: forget what was read or computed in it.
    func batchUndone()

    /// The partition is given up.
    func close()
}

extension PartitionProcessor {
    public var nextPunctuation: Timestamp? { nil }
    public var maximumWaitMilliseconds: Int? { nil }
    public func punctuate(_ batch: BatchContext) throws(RecordFailure) {}
    public func deadLettered(_ record: Record, code: String, detail: String, _ batch: BatchContext) {}
    public func restore(_ record: Record) throws(StoreFailure) {}
    public func batchEnding() throws(StoreFailure) {}
    public func batchCommitted() {}
    /// What is good for a whole batch is good for one record, unless something was counted in the batch.
    public func recordUndone() { batchUndone() }
    public func batchUndone() {}
    public func close() {}
}

/// What a processor works with while it handles a batch.
public final class BatchContext {
    public let service: ServiceName
    public let partitions: PartitionCount
    /// The records to be written with the batch.
    public let output = RecordBatch()
    /// Scratch for bodies: clear, encode, take the bytes.
    public var writer = JSONWriter(capacity: 4_096)
    /// The batch's time; the same for all its records.
    public internal(set) var now = Timestamp.zero
    /// The configuration in force; it changes only between batches.
    public internal(set) var configuration: Configuration

    public init(service: ServiceName, partitions: PartitionCount, configuration: Configuration) {
        self.service = service
        self.partitions = partitions
        self.configuration = configuration
    }

    /// Encodes a body with the scratch writer.
    public func encoded(_ encode: (inout JSONWriter) -> Void) -> [UInt8] {
        writer.clear()
        encode(&writer)
        return writer.bytes
    }

    /// For tests that drive a processor without a worker.
    public func begin(at now: Timestamp, configuration: Configuration) {
        self.now = now
        self.configuration = configuration
        output.clear()
    }
}

/// Why a record was not handled.
public enum RecordFailure: Error, Sendable, Equatable {
    /// It never can be: it goes to the dead letters with this reason.
    case unprocessable(code: String, detail: String)
    case store(StoreFailure)
}

extension RecordFailure {
    public init(_ failure: MessageFailure) {
        self = .unprocessable(code: failure.code, detail: failure.detail)
    }
}

/// Runs a store's step inside a processor, so that its failure is told as one of the record.
public func storing<Result>(_ body: () throws(StoreFailure) -> Result) throws(RecordFailure) -> Result {
    do throws(StoreFailure) {
        return try body()
    } catch {
        throw .store(error)
    }
}

/// Reads a message inside a processor, so that a malformed one is dead-lettered.
public func decoding<Message>(_ body: () throws(MessageFailure) -> Message) throws(RecordFailure) -> Message {
    do throws(MessageFailure) {
        return try body()
    } catch {
        throw RecordFailure(error)
    }
}
