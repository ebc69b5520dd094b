// One connection, from accepted to closed: the time by which its client must have done its part, and the request
// that the service owes an answer to. The library only knows idleness; a client that sends one byte in a while is
// caught here. Owned by the library's socket context between the two connection callbacks; the sweep never touches
// a socket that is no longer in the table.

import Glibc
import Synchronization

final class Peer: Sendable {
    let address: String?
    private let socket: Int32
    /// Monotonic milliseconds; `Int64.max` while the service, not the client, is due.
    private let deadline: Atomic<Int64>
    private let owed = Mutex<Owed?>(nil)

    private struct Owed {
        let exchange: Exchange
        let since: Int64
    }

    init(socket: Int32, address: String?, deadline: Int64) {
        self.socket = socket
        self.address = address
        self.deadline = Atomic(deadline)
    }

    func expect(by time: Int64) { deadline.store(time, ordering: .relaxed) }

    /// Ends both directions if the client is overdue; the library then sees the end and closes the socket.
    func endIfOverdue(at now: Int64) {
        guard deadline.load(ordering: .relaxed) < now else { return }
        shutdown(socket, Int32(SHUT_RDWR))
    }

    /// The service has this request and answers it later.
    func owe(_ exchange: Exchange) {
        owed.withLock { $0 = Owed(exchange: exchange, since: monotonicMilliseconds()) }
    }

    /// This request has its answer. On a connection that goes on, another may be owed one by now.
    func settle(_ exchange: Exchange) {
        owed.withLock { owed in
            if owed?.exchange === exchange { owed = nil }
        }
    }

    /// The request that has waited for its answer since before `time`.
    func owed(before time: Int64) -> Exchange? {
        owed.withLock { owed in owed.flatMap { $0.since < time ? $0.exchange : nil } }
    }
}

/// Milliseconds of a clock that never jumps, with a resolution of some milliseconds.
func monotonicMilliseconds() -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
}

/// Numeric form of an IPv4 or IPv6 address.
func numericAddress(_ address: UnsafePointer<sockaddr>?, bytes: socklen_t) -> String? {
    guard let address = unsafe address else { return nil }
    let family = unsafe Int32(address.pointee.sa_family)
    guard family == AF_INET || family == AF_INET6 else { return nil }
    var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    guard
        unsafe getnameinfo(address, bytes, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
    else { return nil }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
