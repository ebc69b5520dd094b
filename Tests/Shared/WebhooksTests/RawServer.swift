// A server on a free local port that answers with whatever bytes a test gives it, well-formed or not. Each
// connection has a thread; none of them outlives the server.

import Foundation
import Glibc
import Synchronization

final class RawServer: Sendable {
    /// What to do after the nth request of a connection (both counted from 0).
    enum Move: Sendable {
        case write(String)
        case writeAndClose(String)
        case close
        /// No answer until the server is closed.
        case hang
    }

    typealias Script = @Sendable (_ connection: Int, _ request: Int) -> Move

    let port: UInt16
    private let listener: Int32
    private let script: Script
    private let open = Mutex<[Int32]>([])
    private let requests = Mutex<[String]>([])
    private let accepted = Mutex(0)

    init(_ script: @escaping Script) throws {
        self.script = script
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let length = size
        let isListening = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                unsafe bind(descriptor, raw, length) == 0 && listen(descriptor, 64) == 0
                    && getsockname(descriptor, raw, &size) == 0
            }
        }
        guard isListening else { throw POSIXError(.EADDRNOTAVAIL) }
        listener = descriptor
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { self.acceptAll() }
    }

    /// The connections that there were.
    var connections: Int { accepted.withLock { $0 } }
    /// Head and body of each request that was read whole.
    var received: [String] { requests.withLock { $0 } }

    func close() {
        _ = shutdown(listener, Int32(SHUT_RDWR))
        for descriptor in open.withLock({ $0 }) { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }
    }

    private func acceptAll() {
        while true {
            let descriptor = accept(listener, nil, nil)
            guard descriptor >= 0 else { break }
            let number = accepted.withLock { count in
                defer { count += 1 }
                return count
            }
            open.withLock { $0.append(descriptor) }
            Thread.detachNewThread { self.serve(descriptor, number) }
        }
        _ = Glibc.close(listener)
    }

    private func serve(_ descriptor: Int32, _ connection: Int) {
        var request = 0
        serving: while let text = read(descriptor) {
            requests.withLock { $0.append(text) }
            switch script(connection, request) {
            case .write(let answer): write(descriptor, answer)
            case .writeAndClose(let answer):
                write(descriptor, answer)
                break serving
            case .close: break serving
            case .hang: break
            }
            request += 1
        }
        open.withLock { $0.removeAll { $0 == descriptor } }
        _ = Glibc.close(descriptor)
    }

    private func write(_ descriptor: Int32, _ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    /// One request; nil when the client has gone.
    private func read(_ descriptor: Int32) -> String? {
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 8_192)
        while true {
            let size = buffer.count
            let count = unsafe recv(descriptor, &buffer, size, 0)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return nil }
            text += String(decoding: buffer[..<count], as: UTF8.self)
            guard let end = text.range(of: "\r\n\r\n") else { continue }
            let length = text[..<end.lowerBound].split(separator: "\r\n").first {
                $0.hasPrefix("content-length: ")
            }
            let due = length.flatMap { Int($0.dropFirst("content-length: ".count)) } ?? 0
            if text[end.upperBound...].utf8.count >= due { return text }
        }
    }
}
