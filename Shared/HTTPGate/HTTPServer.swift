// An HTTP/1.1 server on one address: the gateway's public door, and every service's operator port. Started by
// Main, stopped by Main. It must not be stopped from inside a handler (it would wait for its own thread), and
// handlers must not block: they run on the threads that serve all connections. Relies on libmicrohttpd
// 0.9.75: epoll from a thread of the caller's, suspended connections (manual, "Flow control").

import CMicroHTTPD
import Dispatch
import Glibc
import Synchronization

/// Serves requests until it is stopped or let go of.
@safe public final class HTTPServer: Sendable {
    /// The port that is bound, also when any free one was asked for.
    public let port: UInt16

    private let gate: Gate
    private let sweep: Sweep
    private let running: Mutex<Running>

    private struct Running {
        var threads: [ServingThread]
        var isStopped = false
    }

    /// Listens and serves from the moment it returns.
    /// - Parameters:
    ///   - address: numeric IPv4 or IPv6.
    ///   - port: 0 = any free one.
    ///   - threads: how many share the connections; each connection stays with one.
    ///   - refusal: the answers the gate gives by itself.
    ///   - admit: sees a head before its body is read. Runs on a serving thread.
    public init(
        address: String = "127.0.0.1", port: UInt16, threads: Int = 1, limits: HTTPLimits = HTTPLimits(),
        refusal: @escaping @Sendable (HTTPRefusal) -> HTTPResponse = { .problem($0) },
        admit: @escaping @Sendable (HTTPHead) -> HTTPAdmission
    ) throws(HTTPGateFailure) {
        let subject = "\(address) port \(port)"
        guard var socketAddress = SocketAddress(address, port: port) else {
            throw HTTPGateFailure(operation: .readAddress, code: 0, subject: subject)
        }
        let gate = Gate(limits: limits, refusal: refusal, admit: admit)
        let serving = unsafe socketAddress.withPointer { pointer in
            unsafe Self.start(at: pointer, isIPv6: address.contains(":"), threads: max(1, threads), gate)
        }
        guard let first = serving.first else {
            throw HTTPGateFailure(operation: .listen, code: errno, subject: subject)
        }
        self.port = first.listening.port
        self.gate = gate
        running = Mutex(Running(threads: serving))
        sweep = Sweep(of: gate)
    }

    /// A server that takes every request.
    /// - Parameter handler: called once for each complete request, on a serving thread.
    public convenience init(
        address: String = "127.0.0.1", port: UInt16, threads: Int = 1, limits: HTTPLimits = HTTPLimits(),
        handler: @escaping @Sendable (HTTPRequest, HTTPResponder) -> Void
    ) throws(HTTPGateFailure) {
        try self.init(address: address, port: port, threads: threads, limits: limits) { _ in .take(handler) }
    }

    deinit { stop() }

    /// Turns new connections and requests away, waits up to ``HTTPLimits/stopSeconds`` for answers that are
    /// due, answers what is left with 503, and closes everything. Later calls do nothing; parallel ones wait
    /// for the first.
    public func stop() {
        running.withLock { running in
            guard !running.isStopped else { return }
            running.isStopped = true
            gate.beginStopping()
            let drained = gate.unfinished.wait(timeout: .now() + .seconds(gate.limits.stopSeconds))
            gate.refuseAllWaiting()
            if drained == .timedOut {
                // The refusals only need to reach the sockets; a client that does not read is not waited for.
                _ = gate.unfinished.wait(timeout: .now() + .milliseconds(flushMilliseconds))
            }
            for thread in running.threads { thread.end() }
            sweep.end()
        }
    }

    /// Threads that share a listening socket and the connections.
    /// - Returns: none, with `errno`, if one cannot be had.
    private static func start(
        at address: UnsafePointer<sockaddr>, isIPv6: Bool, threads: Int, _ gate: Gate
    ) -> [ServingThread] {
        let limits = gate.limits
        // The library parses, and keeps its own list of fields, in the same memory as the head and the answer's
        // head. More than needed costs: it clears all of it after each request.
        let memory = 2 * limits.headerBytes
        var started: [ServingThread] = []
        for index in 0..<threads {
            // Each closes its own; connections that do not divide evenly go to the first.
            let socket = started.first.map { dup($0.listening.socket) } ?? -1
            let connections = limits.connections / threads + (index == 0 ? limits.connections % threads : 0)
            let settings = unsafe pointstream_mhd_settings(
                flags: isIPv6 ? MHD_USE_IPv6.rawValue : 0, address: address, listening_socket: socket,
                connection_memory_bytes: memory, connections: UInt32(connections),
                idle_seconds: UInt32(limits.idleSeconds), context: nil, accept: nil, target: nil, access: nil,
                completed: nil, connection: nil)
            let thread = ServingThread(gate)
            guard unsafe thread.start(settings, name: "http-\(index)") else {
                let code = errno
                for thread in started { thread.end() }
                errno = code
                return []
            }
            started.append(thread)
        }
        return started
    }
}

/// Looks for overdue clients and answers, again and again. A timer may be cancelled from any thread, which is
/// all that is done with it, so it may be shared without the compiler's proof.
private struct Sweep: @unchecked Sendable {
    private let timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "pointstream.http.sweep"))
    /// A fraction of the shortest limit that can be set, one second.
    private static let milliseconds = 250

    init(of gate: Gate) {
        timer.schedule(deadline: .now(), repeating: .milliseconds(Self.milliseconds))
        timer.setEventHandler { gate.sweep() }
        timer.activate()
    }

    func end() { timer.cancel() }
}

/// For writing refusals to sockets that are ready.
private let flushMilliseconds = 1_000

/// An IPv4 or IPv6 address with a port, as the system wants it.
private struct SocketAddress {
    private var storage = sockaddr_storage()

    init?(_ address: String, port: UInt16) {
        var (four, six) = (sockaddr_in(), sockaddr_in6())
        if unsafe inet_pton(AF_INET, address, &four.sin_addr) == 1 {
            four.sin_family = sa_family_t(AF_INET)
            four.sin_port = port.bigEndian
            unsafe withUnsafeMutableBytes(of: &storage) {
                unsafe $0.storeBytes(of: four, as: sockaddr_in.self)
            }
        } else if unsafe inet_pton(AF_INET6, address, &six.sin6_addr) == 1 {
            six.sin6_family = sa_family_t(AF_INET6)
            six.sin6_port = port.bigEndian
            unsafe withUnsafeMutableBytes(of: &storage) {
                unsafe $0.storeBytes(of: six, as: sockaddr_in6.self)
            }
        } else {
            return nil
        }
    }

    mutating func withPointer<Result>(_ body: (UnsafePointer<sockaddr>) -> Result) -> Result {
        unsafe withUnsafePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0) }
        }
    }
}
