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
    /// The topic's end when this follower began.
    let end: Offset
    /// The next document's offset, as far as any was read.
    private(set) var reached = Offset.zero
    private var reachedEnd: Bool

    public init(_ log: Log, logger: Logger) throws(LogFailure) {
        reader = try log.makeReader()
        self.logger = logger
        end = try reader.endOffset(of: TopicPartition(.config, PartitionIndex(0)))
        reachedEnd = end == .zero
        try reader.read(from: [FetchPosition(place, from: .beginning)])
    }

    /// Whether everything that was written when this follower began has been read.
    public var isComplete: Bool { reachedEnd }

    /// Takes what has arrived; the new configuration if anything changed.
    public func follow(waitMilliseconds: Int = 0) throws(LogFailure) -> Configuration? {
        batch.clear()
        let ends = try reader.poll(into: batch, limits: Self.limits, waitMilliseconds: waitMilliseconds)
        let justCompleted = !reachedEnd && ends.contains { $0.offset >= end }
        if justCompleted { reachedEnd = true }
        guard !batch.isEmpty || justCompleted else { return nil }
        for record in batch {
            apply(record)
            reached = record.offset.next
        }
        return builder.snapshot()
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
