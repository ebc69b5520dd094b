// What a worker is doing, for the operator's port of the process. The only thing a worker shares
// with other threads.

import Primitives
import Synchronization

/// One worker's state, written by it and read by the operator's port and the watchdog.
public final class WorkerStatus: Sendable {
    public struct Snapshot: Sendable, Equatable {
        /// What it waits for before it can process: `broker`, `config`, `restoring partition 3 at
        /// offset 5 of 9`.
        public var waitingFor: [String] = ["broker"]
        public var runningPartitions: [Int32] = []
        /// The time of the last completed step.
        public var lastStep = Timestamp.zero
        /// Set when the worker gave up.
        public var stopped: String?
    }

    private let state = Mutex(Snapshot())

    public init() {}

    public var snapshot: Snapshot { state.withLock { $0 } }
    public var isReady: Bool { state.withLock { $0.waitingFor.isEmpty && $0.stopped == nil } }

    /// Notes that the worker gave up; it never becomes ready again.
    public func stop(_ reason: WorkerStop) { update { $0.stopped = reason.description } }

    /// Notes what the process waits for before the worker begins.
    public func wait(for reason: String) { update { $0.waitingFor = [reason] } }

    func update(_ change: (inout Snapshot) -> Void) {
        state.withLock { change(&$0) }
    }
}
