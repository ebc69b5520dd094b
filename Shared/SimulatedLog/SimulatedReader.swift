// The reader of single partitions over the simulated cluster: for restores, configuration and replies.
// Reports each end once, as the real client does: again only after the end has moved.

import EventLog
import Primitives

public final class SimulatedReader: PartitionReader {
    private let log: SimulatedLog
    private var session = FetchSession()

    init(log: SimulatedLog) { self.log = log }

    public func bounds(of place: TopicPartition) throws(LogFailure) -> LogBounds {
        log.process.reached(.asked)
        try log.process.mustLive("bounds")
        let topic = log.catalog.name(of: place.topic)
        return try log.cluster.locked { state throws(LogFailure) in
            let slot = try state.slot(topic, place.partition)
            try state.passOrFail(.endOffset, of: state.name(of: slot))
            let end = state.settings.skipped.contains(.uncommittedEnd) ? state[slot].stableEnd : state[slot].end
            return LogBounds(start: state[slot].start, end: end)
        }
    }

    public func read(from positions: [FetchPosition]) throws(LogFailure) {
        session = try log.start(FetchSession(), from: positions)
    }

    /// Returns at once, whatever the wait and the linger.
    public func poll(
        into batch: RecordBatch, limits: BatchLimits, waitMilliseconds: Int
    ) throws(LogFailure) -> [ReachedEnd] {
        try log.process.mustLive("read")
        let session = session
        let polled = try log.cluster.locked { state throws(LogFailure) in
            var polled = Polled(session: session)
            let limits = try limits.after(state.decide(.read, of: ""), &polled.session, state)
            guard !state.isBrokerPaused else { return polled }
            polled.ends = try polled.session.fill(batch, limits: limits, from: state)
            return polled
        }
        self.session = polled.session
        return polled.ends
    }

    private struct Polled: Sendable {
        var session: FetchSession
        var ends: [ReachedEnd] = []
    }

    public func close() { session.stop() }
}
