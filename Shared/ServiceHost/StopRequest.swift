// How a process is asked to end: SIGTERM or SIGINT, or a worker that gave up. Whoever loops looks
// here. A signal during an orderly end cuts it short, which is safe by design.

import Dispatch
import Foundation
import Synchronization

/// Set once, seen by all threads.
public final class StopRequest: Sendable {
    private struct State {
        var exitCode: Int32?
        var isFinished = false
        var whenRequested: (@Sendable (Int32) -> Void)?
    }

    private let state = Mutex(State())
    private let wakeUp = DispatchSemaphore(value: 0)
    private let dismissal = DispatchSemaphore(value: 0)

    public init() {}

    /// Asks for the end with the process's exit code; the first code counts.
    ///
    /// - Returns: whether this was the first request.
    @discardableResult
    public func request(exitCode: Int32) -> Bool {
        let (isFirst, follow) = state.withLock { state in
            defer { state.exitCode = state.exitCode ?? exitCode }
            return (state.exitCode == nil, state.whenRequested)
        }
        wakeUp.signal()
        if isFirst { follow?(exitCode) }
        return isFirst
    }

    /// Runs once, with the exit code, in the thread of the first request. To be set before anybody asks.
    func whenRequested(_ body: @escaping @Sendable (Int32) -> Void) { state.withLock { $0.whenRequested = body } }

    public var isRequested: Bool { state.withLock { $0.exitCode != nil } }
    public var exitCode: Int32 { state.withLock { $0.exitCode ?? 0 } }

    /// Waits until the end is asked for, or the time is over; true in the first case.
    @discardableResult
    public func wait(milliseconds: Int) -> Bool {
        if wakeUp.wait(timeout: .now() + .milliseconds(milliseconds)) == .success {
            wakeUp.signal()  // for the next who waits
        }
        return isRequested
    }

    /// Everything has ended; what is left is to say so.
    func finish() { state.withLock { $0.isFinished = true } }
    var isFinished: Bool { state.withLock { $0.isFinished } }

    /// Ends a farewell, now or when it begins.
    func dismiss() { dismissal.signal() }

    /// Waits until somebody has seen enough, or the time is over.
    func waitForDismissal(milliseconds: Int) {
        _ = dismissal.wait(timeout: .now() + .milliseconds(milliseconds))
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
                if stop.request(exitCode: 0) {
                    received(name)
                } else if stop.exitCode != 0 {
                    // It has given up and only waits for somebody to read why.
                    stop.dismiss()
                } else {
                    _exit(128 + number)
                }
            }
            source.resume()
            sources.append(source)
        }
    }
}
