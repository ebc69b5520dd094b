// An HTTP/1.1 server on one address: the gateway's public door, and every service's operator port. Started by
// Main, stopped by Main. It must not be stopped from inside a handler (it would wait for its own thread), and
// handlers must not block: they run on the threads that serve all connections. Relies on libmicrohttpd
// 0.9.75: internal epoll threads, suspended connections (manual, "Flow control").

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

    @safe private struct Running: ~Copyable, @unchecked Sendable {
        var daemon: OpaquePointer?
        var context: Unmanaged<Gate>?
    }

    /// Listens and serves from the moment it returns.
    /// - Parameters:
    ///   - address: numeric IPv4 or IPv6.
    ///   - port: 0 = any free one.
    ///   - threads: how many share the connections; each connection stays with one.
    ///   - precheck: sees a head before its body is read; what it returns is the answer, and the body is
    ///     dropped. Runs on a serving thread.
    ///   - refusal: the answers the gate gives by itself.
    ///   - handler: called once for each complete request, on a serving thread.
    public init(
        address: String = "127.0.0.1", port: UInt16, threads: Int = 1, limits: HTTPLimits = HTTPLimits(),
        refusal: @escaping @Sendable (HTTPRefusal) -> HTTPResponse = { .problem($0) },
        precheck: @escaping @Sendable (HTTPHead) -> HTTPResponse? = { _ in nil },
        handler: @escaping @Sendable (HTTPRequest, HTTPResponder) -> Void
    ) throws(HTTPGateFailure) {
        let subject = "\(address) port \(port)"
        guard var socketAddress = SocketAddress(address, port: port) else {
            throw HTTPGateFailure(operation: .readAddress, code: 0, subject: subject)
        }
        let gate = Gate(limits: limits, precheck: precheck, refusal: refusal, handler: handler)
        let context = unsafe Unmanaged.passRetained(gate)
        let daemon = unsafe socketAddress.withPointer { pointer in
            unsafe start(at: pointer, isIPv6: address.contains(":"), threads, limits, context.toOpaque())
        }
        guard let daemon = unsafe daemon else {
            let code = errno
            unsafe context.release()
            throw HTTPGateFailure(operation: .listen, code: code, subject: subject)
        }
        self.port = unsafe pointstream_mhd_bound_port(daemon)
        self.gate = gate
        running = unsafe Mutex(Running(daemon: daemon, context: context))
        sweep = Sweep(of: gate)
    }

    deinit { stop() }

    /// Turns new connections and requests away, waits up to ``HTTPLimits/stopSeconds`` for answers that are
    /// due, answers what is left with 503, and closes everything. Later calls do nothing; parallel ones wait
    /// for the first.
    public func stop() {
        running.withLock { running in
            guard let daemon = unsafe running.daemon else { return }
            unsafe running.daemon = nil
            gate.beginStopping()
            let drained = gate.unfinished.wait(timeout: .now() + .seconds(gate.limits.stopSeconds))
            gate.refuseAllWaiting()
            if drained == .timedOut {
                // The refusals only need to reach the sockets; a client that does not read is not waited for.
                _ = gate.unfinished.wait(timeout: .now() + .milliseconds(flushMilliseconds))
            }
            unsafe MHD_stop_daemon(daemon)
            sweep.end()
            unsafe running.context?.release()
            unsafe running.context = nil
        }
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

private func start(
    at address: UnsafePointer<sockaddr>, isIPv6: Bool, _ threads: Int, _ limits: HTTPLimits,
    _ context: UnsafeMutableRawPointer
) -> OpaquePointer? {
    var flags = MHD_USE_EPOLL_INTERNAL_THREAD.rawValue | MHD_ALLOW_SUSPEND_RESUME.rawValue
    if isIPv6 { flags |= MHD_USE_IPv6.rawValue }
    // The library parses, and keeps its own list of fields, in the same memory as the head and the answer's
    // head.
    let memory = 2 * limits.headerBytes + (16 << 10)
    var settings = unsafe pointstream_mhd_settings(
        flags: flags, threads: UInt32(max(1, threads)), address: address, connection_memory_bytes: memory,
        connections: UInt32(limits.connections),
        connections_per_address: UInt32(limits.connectionsPerAddress),
        idle_seconds: UInt32(limits.idleSeconds), context: context, accept: mayConnect, target: targetArrived,
        access: requestProgressed, completed: requestCompleted, connection: connectionChanged)
    return unsafe pointstream_mhd_start(&settings)
}

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
