// Reads the `config` topic whole before a worker's first record, and follows it from then on. The
// worker asks for news between batches only, so that all records of a batch are decided by one
// configuration. An invalid document is reported; none of its key is in force then.

import Configuration
import EventLog
import Messages
import Primitives
import Telemetry

/// Follows the configuration. Belongs to the worker's thread, or to a gateway's door.
public final class ConfigurationFollower<Log: EventLog> {
    private static var limits: BatchLimits { BatchLimits(records: 500, bytes: 4 << 20, lingerMilliseconds: 0) }
    private var place: TopicPartition { TopicPartition(.config, PartitionIndex(0)) }

    private let reader: Log.Reader
    private let logger: Logger
    private var builder = ConfigurationBuilder()
    private let batch = RecordBatch()
    /// The topic's end when this follower began, or looked again.
    private(set) var end: Offset
    /// The last end that was met.
    private var metEnd = Offset.zero
    /// The next document's offset, as far as any was read.
    private(set) var reached = Offset.zero

    public init(_ log: Log, logger: Logger) throws(LogFailure) {
        reader = try log.makeReader(.following)
        self.logger = logger
        end = try reader.endOffset(of: TopicPartition(.config, PartitionIndex(0)))
        try reader.read(from: [FetchPosition(place, from: .beginning)])
    }

    /// Whether everything that was written when this follower began, or looked again, has been read.
    public var isComplete: Bool { max(reached, metEnd) >= end }

    /// Asks how much there is by now. Whoever stood still does not know how old what it has read is.
    func lookAgain() throws(LogFailure) {
        end = try reader.endOffset(of: place)
    }

    /// Takes what has arrived; the new configuration if anything changed.
    public func follow(waitMilliseconds: Int = 0) throws(LogFailure) -> Configuration? {
        batch.clear()
        let ends = try reader.poll(into: batch, limits: Self.limits, waitMilliseconds: waitMilliseconds)
        let wasComplete = isComplete
        metEnd = ends.map(\.offset).reduce(metEnd, max)
        for record in batch {
            apply(record)
            reached = record.offset.next
        }
        return batch.isEmpty && isComplete == wasComplete ? nil : builder.snapshot()
    }

    private func apply(_ record: Record) {
        guard let key = record.key else {
            return logger.warning(
                "config.ignored", .number("offset", record.offset.number), .string("reason", "no key"))
        }
        do throws(ConfigurationFailure) {
            try builder.apply(key: key, value: record.value, offset: record.offset.number)
        } catch {
            logger.error(
                "config.refused", .number("offset", record.offset.number), .string("reason", "\(error)"))
        }
    }

    public func close() { reader.close() }
}
