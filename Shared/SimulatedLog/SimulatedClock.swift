// A clock that stands still until it is moved. The cluster moves it together with its own time; a test that
// sets it alone gives a process a wrong clock without disturbing the broker's time-outs. Never reads the
// machine's clock.

import EventLog
import Primitives
import Synchronization

/// Virtual time for workers and domain code. May be shared by threads.
public final class SimulatedClock: WallClock {
    private let time: Mutex<Timestamp>

    public init(at start: Timestamp) { time = Mutex(start) }

    public func now() -> Timestamp { time.withLock { $0 } }

    /// Jumps, forward or back, without the cluster noticing.
    public func set(to new: Timestamp) { time.withLock { $0 = new } }

    /// Moves this clock alone; ``SimulatedCluster/advance(milliseconds:)`` also lets time-outs happen.
    public func advance(milliseconds: Int64) {
        time.withLock { $0 = $0.adding(milliseconds: milliseconds) }
    }
}
