// Waits for sockets and for other threads (epoll(7), edge-triggered; eventfd(2)). Owned by the client's
// thread; only the waker leaves it.

import CEpoll
import Glibc

@safe struct Poller: ~Copyable {
    /// Taken from the system at once.
    private static let maximumEvents = 256
    private static let wakeToken = UInt64.max

    struct Event {
        let token: UInt64
        let isReadable: Bool
        let isWritable: Bool
        /// The other end is gone, or connecting failed.
        let isBroken: Bool
    }

    let waker: Waker
    private let descriptor: Int32
    private var events = unsafe [epoll_event](repeating: epoll_event(), count: Poller.maximumEvents)

    init(_ waker: Waker) throws(WebhookClientFailure) {
        self.waker = waker
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0, add(waker.descriptor, token: Self.wakeToken) else {
            throw WebhookClientFailure(operation: "epoll", code: errno)
        }
    }

    deinit { _ = close(descriptor) }

    /// Watches a socket until it is closed.
    func add(_ socket: Int32, token: UInt64) -> Bool {
        let wanted = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
        var event = unsafe epoll_event(events: wanted, data: epoll_data_t(u64: token))
        return unsafe epoll_ctl(descriptor, EPOLL_CTL_ADD, socket, &event) == 0
    }

    /// What has happened since; waits at most so long if nothing has.
    mutating func wait(milliseconds: Int32) -> [Event] {
        let count = unsafe events.withUnsafeMutableBufferPointer { buffer in
            unsafe epoll_wait(descriptor, buffer.baseAddress, Int32(buffer.count), milliseconds)
        }
        var happened: [Event] = []
        for index in 0..<max(0, Int(count)) {
            let (bits, token) = unsafe (events[index].events, events[index].data.u64)
            if token == Self.wakeToken {
                waker.acknowledge()
                continue
            }
            happened.append(
                Event(
                    token: token, isReadable: bits & EPOLLIN.rawValue != 0,
                    isWritable: bits & EPOLLOUT.rawValue != 0,
                    isBroken: bits & (EPOLLERR.rawValue | EPOLLHUP.rawValue | EPOLLRDHUP.rawValue) != 0))
        }
        return happened
    }
}

/// Ends a wait from another thread.
final class Waker: Sendable {
    let descriptor: Int32

    init() throws(WebhookClientFailure) {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        guard descriptor >= 0 else { throw WebhookClientFailure(operation: "eventfd", code: errno) }
    }

    deinit { _ = close(descriptor) }

    /// A full counter is awake already.
    func wake() { _ = eventfd_write(descriptor, 1) }

    func acknowledge() {
        var count: eventfd_t = 0
        _ = unsafe eventfd_read(descriptor, &count)
    }
}
