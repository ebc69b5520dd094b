// The process that a log's clients live in, so that a run can stop it between any two steps of a call: kill it
// there, or let everything else go on for a while first. Made by whoever runs simulated machines; a log made
// without one never stops.

import EventLog
import Synchronization

/// A process of a simulated run.
public final class SimulatedProcess: Sendable {
    /// Where a process may be interrupted: between two things that it does to the cluster.
    public enum Moment: Sendable, Hashable, CaseIterable {
        /// A poll has returned; nothing was processed yet.
        case polled
        /// A batch is processed, its transaction not begun.
        case processed
        /// Records and offsets are in the transaction, which is open.
        case written
        /// The transaction is decided; the process has not heard of it, or has done nothing with it.
        case decided
        /// Between two questions of a restore.
        case asked
    }

    private let dead = Mutex(false)
    private let interrupt: (@Sendable (Moment) -> Void)?

    /// - Parameter interrupt: called at each moment, outside the cluster's lock; it may step other processes.
    public init(interrupt: (@Sendable (Moment) -> Void)? = nil) { self.interrupt = interrupt }

    public var isDead: Bool { dead.withLock { $0 } }

    /// Ends the process: from here on none of its calls reaches the cluster.
    public func die() { dead.withLock { $0 = true } }

    func reached(_ moment: Moment) {
        if !isDead { interrupt?(moment) }
    }

    func mustLive(_ operation: String) throws(LogFailure) {
        guard isDead else { return }
        throw LogFailure(operation: operation, code: "DEAD", detail: "the process was killed", consequence: .retry)
    }
}
