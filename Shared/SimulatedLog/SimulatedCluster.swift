// The simulated Kafka cluster as tests hold it: topics, virtual time, faults, and a look at everything. All
// clients made by the SimulatedLogs over it share it. One thread at a time does anything; the lock only lets
// the value be handed to the closure that builds a worker. It never reads a clock and draws nothing.

import EventLog
import Primitives
import Synchronization

/// Times in milliseconds.
public struct ClusterSettings: Sendable {
    /// An open transaction is aborted and its producer fenced after this time.
    public var transactionTimeoutMilliseconds: Int64 = 10_000
    /// How often the coordinator looks for such transactions: Kafka's default. A timed out one may live on
    /// for as long.
    public var transactionCheckMilliseconds: Int64 = 10_000
    /// A silent member is removed from its group after this time.
    public var sessionTimeoutMilliseconds: Int64 = 10_000
    /// A living member that does not rejoin is removed after this time.
    public var rebalanceTimeoutMilliseconds: Int64 = 300_000
    /// What Kafka does and this cluster leaves out, to see whether a simulation finds it.
    public var skipped: Set<ClusterSafeguard> = []

    public init() {}
}

/// Something of Kafka's that exactly-once rests on.
public enum ClusterSafeguard: String, Sendable, CaseIterable {
    /// Offsets are refused from a member whose generation is over.
    case generation
    /// A committed offset is only told when no transaction can still change it.
    case pendingOffsets
    /// The end of a partition includes what is not committed yet.
    case uncommittedEnd
    /// Every transaction carries offsets, by which its group can fence it.
    case offsetsInEveryTransaction
    /// A producer does not live on after a commit without a known outcome.
    case producersEndWithUnknownOutcomes
}

public final class SimulatedCluster: Sendable {
    /// What ``EventLog/clusterID()`` says.
    public let id: String
    /// Moves with the broker's time; set it to give the processes a wrong one.
    public let clock: SimulatedClock
    private let skipped: Set<ClusterSafeguard>
    private let state: Mutex<ClusterState>

    public init(
        id: String = "simulated", clock: SimulatedClock, settings: ClusterSettings = ClusterSettings()
    ) {
        self.id = id
        self.clock = clock
        skipped = settings.skipped
        state = Mutex(ClusterState(settings: settings, clock: clock))
    }

    func locked<Result: Sendable, Failure: Error>(
        _ body: (inout ClusterState) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try state.withLock { (state: inout sending ClusterState) throws(Failure) -> Result in
            try body(&state)
        }
    }

    /// - Parameter isCompacted: ``compactAll(tombstonesOlderThan:)`` cleans it; records need keys.
    /// - Precondition: there is no topic of that name.
    public func createTopic(_ name: String, partitions: Int32, isCompacted: Bool = false) {
        locked { $0.createTopic(name, partitions: Int(partitions), isCompacted: isCompacted) }
    }

    func skips(_ safeguard: ClusterSafeguard) -> Bool { skipped.contains(safeguard) }

    // MARK: Time

    /// The broker's time.
    public var now: Timestamp { locked { $0.now } }

    /// Lets time pass; everything that becomes due on the way happens at its time, in order.
    public func advance(milliseconds: Int64) { locked { $0.advance(milliseconds: milliseconds) } }

    /// Until then polls return nothing, commits end `unknown` with nothing done, other calls time out.
    public func pauseBroker(milliseconds: Int64) {
        locked { $0.brokerPausedUntil = $0.now.adding(milliseconds: milliseconds) }
    }

    // MARK: Faults

    /// The next such call meets the fault, before anything that ``setFaults(_:)`` decides.
    public func inject(
        _ fault: Fault, at call: FaultPoint.Call, of subject: String? = nil, after callsBefore: Int = 0
    ) {
        locked { $0.plan.add(fault, at: call, of: subject, after: callsBefore) }
    }

    /// Asked at every call from now on; nil stops the faults.
    public func setFaults(_ source: (any FaultSource)?) { locked { $0.faults = source } }

    /// Stops a member's heartbeats, as if its process hung; its next poll revives it while it is
    /// a member.
    public func silence(member: String, group: String) {
        locked { $0.silence(member, of: group, incarnation: nil) }
    }

    /// Removes a member at once, as an operator can.
    public func remove(member: String, group: String) { locked { $0.remove(member, from: group) } }

    /// Makes all members of a group give up their partitions and rejoin.
    public func rebalance(group: String) {
        locked { state in
            guard state.groups[group]?.phase == .stable else { return }
            state.groups[group]?.startRebalance(at: state.now, joined: nil)
            state.trace.note("rebalance \(group)")
        }
    }

    // MARK: Retention

    /// Compacts all compacted topics.
    ///
    /// - Parameter age: tombstones and markers at least this old go too, in milliseconds.
    public func compactAll(tombstonesOlderThan age: Int64) {
        locked { state in
            let now = state.now
            for topic in state.topics.indices where state.topics[topic].isCompacted {
                for partition in state.topics[topic].partitions.indices {
                    state.topics[topic].partitions[partition].compact(tombstonesOlderThan: age, at: now)
                }
            }
            state.trace.note("compact \(age)")
        }
    }

    /// Deletes records before an offset, at most up to the last stable offset.
    public func trim(topic: String, partition: PartitionIndex, before offset: Offset) throws(LogFailure) {
        try locked { state throws(LogFailure) in
            let slot = try state.slot(topic, partition)
            state[slot].trim(before: offset)
            state.trace.note("trim \(state.name(of: slot)) @\(offset)")
        }
    }
}
