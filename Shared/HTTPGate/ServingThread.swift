// One of a server's threads: it sleeps until a socket of its connections is ready or somebody has an answer for one,
// lets the library do what can be done, and sleeps again. Made, started and ended by HTTPServer; answers reach it
// through `resume`. It must not be ended while connections are suspended.
//
// The library has such threads too (0.9.75, and 1.0.1). They are not used, for two reasons: when exactly 128 sockets
// become ready at once, theirs sleeps before it looks at them, until something else happens or a connection times out;
// and theirs is woken through a pipe for each answer, also when it is awake.

import CMicroHTTPD
import Foundation
import Synchronization

@safe final class ServingThread: @unchecked Sendable {
    // Unchecked: `daemon` is set before the thread starts and `arriving` belongs to the thread; all else is constant
    // or atomic.

    private enum State: UInt8, AtomicRepresentable {
        case awake
        case asleep
        /// Connections were resumed since it last looked.
        case rung
    }

    let gate: Gate
    /// The address of a connection that has a place and was not shown by the library yet.
    var arriving: Arrival?
    private var daemon: OpaquePointer?
    /// Ends a sleep from another thread.
    private let bell = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
    private let state = Atomic<State>(.awake)
    private let isEnding = Atomic<Bool>(false)
    private let ended = DispatchSemaphore(value: 0)

    struct Arrival { let address: String? }

    init(_ gate: Gate) { self.gate = gate }

    deinit { close(bell) }

    /// Listens and serves from here on.
    /// - Parameter settings: without the callbacks and their context.
    /// - Returns: false, with `errno`, if it cannot listen.
    func start(_ settings: pointstream_mhd_settings, name: String) -> Bool {
        var settings = unsafe settings
        unsafe settings.flags |= MHD_USE_EPOLL.rawValue | MHD_ALLOW_SUSPEND_RESUME.rawValue
        unsafe settings.context = Unmanaged.passUnretained(self).toOpaque()
        unsafe (settings.accept, settings.connection) = (mayConnect, connectionChanged)
        unsafe (settings.target, settings.access) = (targetArrived, requestProgressed)
        unsafe settings.completed = requestCompleted
        guard bell >= 0, let daemon = unsafe pointstream_mhd_start(&settings) else { return false }
        unsafe self.daemon = daemon
        let thread = Thread { [self] in
            Thread.current.name = name
            serve()
            ended.signal()
        }
        thread.start()
        return true
    }

    /// The port and the socket that it listens on.
    var listening: (port: UInt16, socket: Int32) {
        guard let daemon = unsafe daemon else { return (0, -1) }
        return unsafe (pointstream_mhd_bound_port(daemon), pointstream_mhd_listening_socket(daemon))
    }

    /// Closes all connections. Not from the thread itself.
    func end() {
        guard let daemon = unsafe daemon else { return }
        isEnding.store(true, ordering: .releasing)
        ring()
        ended.wait()
        unsafe MHD_stop_daemon(daemon)
        unsafe self.daemon = nil
    }

    /// From any thread: the suspended connection goes on.
    func resume(_ connection: OpaquePointer) {
        unsafe MHD_resume_connection(connection)
        ring()
    }

    private func ring() {
        guard state.exchange(.rung, ordering: .acquiringAndReleasing) == .asleep else { return }
        eventfd_write(bell, 1)
    }

    private func serve() {
        guard let daemon = unsafe daemon else { return }
        while !isEnding.load(ordering: .acquiring) {
            unsafe sleep(until: pointstream_mhd_events(daemon), atMost: pause(of: daemon))
            unsafe MHD_run(daemon)
        }
    }

    /// How long the library can wait for a socket, in milliseconds; -1 for as long as it takes.
    private func pause(of daemon: OpaquePointer) -> Int32 {
        var milliseconds: UInt64 = 0
        guard unsafe MHD_get_timeout(daemon, &milliseconds) == .YES else { return -1 }
        return Int32(clamping: milliseconds)
    }

    private func sleep(until events: Int32, atMost milliseconds: Int32) {
        let mayFallAsleep = state.compareExchange(
            expected: .awake, desired: .asleep, ordering: .acquiringAndReleasing
        ).exchanged
        if mayFallAsleep, milliseconds != 0 {
            var sources: InlineArray<2, pollfd> = [
                pollfd(fd: events, events: Int16(POLLIN), revents: 0),
                pollfd(fd: bell, events: Int16(POLLIN), revents: 0),
            ]
            var span = sources.mutableSpan
            unsafe span.withUnsafeMutableBufferPointer { _ = unsafe poll($0.baseAddress, 2, milliseconds) }
            if sources[1].revents != 0 {
                var rings: eventfd_t = 0
                unsafe eventfd_read(bell, &rings)
            }
        }
        // Who rings from now on rings for the next turn: what was resumed until now is seen in this one.
        _ = state.exchange(.awake, ordering: .acquiringAndReleasing)
    }
}
