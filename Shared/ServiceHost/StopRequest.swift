// How a process is asked to end: SIGTERM or SIGINT, or a worker that gave up. Whoever loops looks
// here; a second signal ends the process at once, which is safe by design.

import Dispatch
import Foundation
import Synchronization

/// Set once, seen by all threads.
public final class StopRequest: Sendable {
    private let requested = Mutex<Int32?>(nil)
    private let wakeUp = DispatchSemaphore(value: 0)

    public init() {}

    /// Asks for the end with the process's exit code; the first code counts.
    public func request(exitCode: Int32) {
        requested.withLock { if $0 == nil { $0 = exitCode } }
        wakeUp.signal()
    }

    public var isRequested: Bool { requested.withLock { $0 != nil } }
    public var exitCode: Int32 { requested.withLock { $0 ?? 0 } }

    /// Waits until the end is asked for, or the time is over; true in the first case.
    @discardableResult
    public func wait(milliseconds: Int) -> Bool {
        if wakeUp.wait(timeout: .now() + .milliseconds(milliseconds)) == .success {
            wakeUp.signal()  // for the next who waits
        }
        return isRequested
    }
}

/// Turns signals into a stop request. Keep it as long as the process lives.
final class SignalWatch {
    private var sources: [any DispatchSourceSignal] = []

    init(_ stop: StopRequest, received: @escaping @Sendable (_ name: String) -> Void) {
        signal(SIGPIPE, SIG_IGN)
        for (number, name) in [(SIGTERM, "SIGTERM"), (SIGINT, "SIGINT")] {
            // The default action would end the process before the source is told.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                if stop.isRequested { _exit(128 + number) }
                received(name)
                stop.request(exitCode: 0)
            }
            source.resume()
            sources.append(source)
        }
    }
}
