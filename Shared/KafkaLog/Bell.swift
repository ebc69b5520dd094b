// A counter of the system's that one thread waits on and others raise: librdkafka raises it when a queue is no longer
// empty. Owned by the publisher, which has two queues and one thread to wait for both.

import CRDKafka
import EventLog
import Glibc

final class Bell: Sendable {
    let descriptor: Int32

    init() throws(LogFailure) {
        descriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        guard descriptor >= 0 else {
            throw LogFailure(
                operation: "make event counter", code: "errno-\(errno)",
                detail: unsafe String(cString: strerror(errno)), consequence: .retry)
        }
    }

    deinit { Glibc.close(descriptor) }

    /// Waits until it is raised, and lowers it.
    ///
    /// - Returns: false if time ran out.
    func wait(milliseconds: Int) -> Bool {
        var source = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&source, 1, Int32(clamping: milliseconds)) > 0 else { return false }
        var rings: eventfd_t = 0
        unsafe eventfd_read(descriptor, &rings)
        return true
    }
}
