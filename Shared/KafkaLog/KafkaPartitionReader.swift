// Reads chosen partitions outside any group: changelogs when a store is restored, configuration, replies.
// Never commits an offset. Its ends come from another client that reads uncommitted: a committed
// transaction's markers may still be missing, and restoring to the last stable offset alone would lose its
// rows (KAFKA-10167).

import CRDKafka
import EventLog
import Primitives

/// A consumer that is only assigned partitions. Belongs to one thread.
public final class KafkaPartitionReader: PartitionReader {
    private let handle: ClientHandle
    private let loop: FetchLoop
    private let control: ControlClient

    init(
        _ use: ReaderUse, control: ControlClient, catalog: TopicCatalog, settings: KafkaSettings
    ) throws(LogFailure) {
        handle = try ClientHandle(.consumer, .reader(use, settings), ClientCallbacks(log: settings.log))
        loop = FetchLoop(handle, catalog)
        self.control = control
    }

    /// May take ten seconds while a partition changes its leader.
    public func bounds(of place: TopicPartition) throws(LogFailure) -> LogBounds {
        try control.bounds(of: place)
    }

    public func read(from positions: [FetchPosition]) throws(LogFailure) {
        try loop.assign(positions)
    }

    /// Returns early behind an end; an end is reported once each time it is reached.
    public func poll(
        into batch: RecordBatch, limits: BatchLimits, waitMilliseconds: Int
    ) throws(LogFailure) -> [ReachedEnd] {
        var ends: [ReachedEnd] = []
        try loop.poll(
            into: batch, limits: limits, waitMilliseconds: waitMilliseconds, reachedEnd: { ends.append($0) })
        return ends
    }

    public func close() {
        loop.close()
        handle.close()
    }
}
