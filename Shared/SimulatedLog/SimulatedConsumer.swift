// The group consumer over the simulated cluster. As the real client it heartbeats by itself while it exists,
// however seldom it is polled; it falls silent when closed, dropped, or told to by SimulatedCluster.silence.
// Its calls return at once: waiting is virtual time, which belongs to the test.

import EventLog
import Primitives

public final class SimulatedConsumer: GroupConsumer {
    private let log: SimulatedLog
    private var membership: Membership
    private var session = FetchSession()
    private var isClosed = false
    /// Of the newest poll.
    public private(set) var polledLimits: BatchLimits?

    init(log: SimulatedLog, membership: Membership) {
        self.log = log
        self.membership = membership
    }

    deinit { close() }

    /// What a commit presents to the group.
    var metadata: Membership { membership }

    /// Returns at once, whatever the wait and the linger.
    public func poll(
        into batch: RecordBatch, limits: BatchLimits, waitMilliseconds: Int
    ) throws(LogFailure) -> GroupChange? {
        precondition(!isClosed, "a closed consumer is not polled")
        polledLimits = limits
        try log.process.mustLive("poll")
        let (membership, session) = (membership, session)
        let polled = try log.cluster.locked { state throws(LogFailure) in
            try Self.poll(&state, membership, session, batch, limits)
        }
        self.membership = polled.membership
        self.session = polled.session
        log.process.reached(.polled)
        return polled.change
    }

    private struct Polled: Sendable {
        var membership: Membership
        var session: FetchSession
        var change: GroupChange?
    }

    private static func poll(
        _ state: inout ClusterState, _ membership: Membership, _ session: FetchSession, _ batch: RecordBatch,
        _ limits: BatchLimits
    ) throws(LogFailure) -> Polled {
        var polled = Polled(membership: membership, session: session, change: nil)
        let limits = try limits.after(state.decide(.poll, of: membership.subject), &polled.session, state)
        guard !state.isBrokerPaused else { return polled }
        polled.change = try state.follow(&polled.membership)
        if polled.change != nil {
            polled.session.stop()
        } else {
            _ = try polled.session.fill(batch, limits: limits, from: state)
        }
        return polled
    }

    /// Returns at once, also with `unstable`.
    public func committedOffset(at place: TopicPartition) throws(LogFailure) -> CommittedOffset {
        log.process.reached(.asked)
        try log.process.mustLive("committed offset")
        let topic = log.catalog.name(of: place.topic)
        let membership = membership
        return try log.cluster.locked { state throws(LogFailure) in
            let slot = try state.slot(topic, place.partition)
            try state.passOrFail(.committedOffset, of: membership.subject)
            let group = state.groups[membership.group]
            if state.settings.skipped.contains(.pendingOffsets) {
                return group?.committed[slot].map(CommittedOffset.offset) ?? .none
            }
            return group?.committedOffset(at: slot) ?? .none
        }
    }

    /// As Kafka, it lets a member fetch what is not assigned to it; only commits are fenced.
    public func fetch(from positions: [FetchPosition]) throws(LogFailure) {
        session = try log.start(FetchSession(), from: positions)
    }

    /// Stops the heartbeats; as a static member it does not leave, its partitions wait for its return.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        guard let incarnation = membership.incarnation else { return }
        let (member, group) = (membership.member, membership.group)
        log.cluster.locked { state in state.silence(member, of: group, incarnation: incarnation) }
    }
}
