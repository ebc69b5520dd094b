// A client that sends exactly the bytes a test wants and reads what comes back, with a bound on every wait.
// Used by the HTTP gate's tests only. It never interprets more of HTTP than a status line and Content-Length.

import Glibc

/// A TCP connection to a server on this machine.
final class RawClient {
    private let socket: Int32
    private var received: [UInt8] = []
    /// Nothing here takes a tenth of it; it only ends a test that would otherwise hang.
    static let patienceMilliseconds: Int32 = 20_000

    struct NoConnection: Error { let code: Int32 }

    init(port: UInt16, receiveBufferBytes: Int32? = nil) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var bytes = receiveBufferBytes {
            unsafe setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let connected = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw NoConnection(code: errno) }
    }

    deinit { close(socket) }

    /// Sends as much as the other end takes.
    /// - Returns: false if the other end has closed before it took all.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard wait(for: Int16(POLLOUT), milliseconds: Self.patienceMilliseconds) else { return false }
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    func finishSending() { shutdown(socket, Int32(SHUT_WR)) }

    /// Gives up at once, without telling the other end politely (a reset).
    func hangUp() {
        var now = linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        shutdown(socket, Int32(SHUT_RDWR))
    }

    /// The next answer: status, head as text, body. Nil if the connection ends first or patience does.
    func answer(bodyless: Bool = false) -> (status: Int, head: String, body: String)? {
        let separator = Array("\r\n\r\n".utf8)
        while true {
            if let end = received.firstRange(of: separator) {
                let head = String(decoding: received[..<end.lowerBound], as: UTF8.self)
                guard let status = Int(head.dropFirst(9).prefix(3)) else { return nil }
                let length = bodyless ? 0 : contentLength(head)
                while received.count < end.upperBound + length { guard receive() else { return nil } }
                let body = String(
                    decoding: received[end.upperBound..<(end.upperBound + length)], as: UTF8.self)
                received.removeFirst(end.upperBound + length)
                return (status, head, body)
            }
            guard receive() else { return nil }
        }
    }

    /// Whether the other end closes without sending anything more.
    func isClosedByServer() -> Bool {
        guard received.isEmpty, !receive() else { return false }
        return ended
    }

    /// Whether the other end closes, whatever it sends before.
    func endsBySomeMeans() -> Bool {
        while receive() {}
        return ended
    }

    /// Waits for the connection to break, at most this long; used as a pace, not as a proof.
    func waitForReset(withinMilliseconds milliseconds: Int32) { _ = wait(for: 0, milliseconds: milliseconds) }

    /// Whether bytes or the end can be read within this time; used as a pace, not as a proof.
    func somethingComes(withinMilliseconds milliseconds: Int32) -> Bool {
        wait(for: Int16(POLLIN), milliseconds: milliseconds)
    }

    private var ended = false

    private func receive() -> Bool {
        guard wait(for: Int16(POLLIN), milliseconds: Self.patienceMilliseconds) else { return false }
        var piece = [UInt8](repeating: 0, count: 65_536)
        var count: Int
        repeat { count = unsafe recv(socket, &piece, piece.count, 0) } while count < 0 && errno == EINTR
        ended = count <= 0
        if count > 0 { received += piece[..<count] }
        return count > 0
    }

    private func wait(for events: Int16, milliseconds: Int32) -> Bool {
        var entry = pollfd(fd: socket, events: events, revents: 0)
        var ready: Int32
        // Other tests' child processes end meanwhile, and their signals interrupt whoever waits.
        repeat { ready = unsafe poll(&entry, 1, milliseconds) } while ready < 0 && errno == EINTR
        return ready == 1
    }

    private func contentLength(_ head: String) -> Int {
        let line = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
        return line.flatMap { Int($0.dropFirst(15).drop { $0 == " " }) } ?? 0
    }
}
