// Sends one request's bytes to a server on this machine and reads the whole answer. For the door's tests,
// which need paths and fields that ordinary clients would tidy up.

import Glibc
import JSONText
import Testing

struct Answer: Sendable {
    let status: Int
    let head: String
    let body: [UInt8]

    func header(_ name: String) -> String? {
        for line in head.split(separator: "\r\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2, parts[0].lowercased() == name.lowercased() {
                return String(parts[1].drop { $0 == " " })
            }
        }
        return nil
    }

    var json: JSONValue? { try? JSONDocument(parsing: body).root }
    var code: String? { json?["code"]?.string() }
    var text: String { String(decoding: body, as: UTF8.self) }
}

/// Waits at most twenty seconds for each piece, which only ends a test that would otherwise hang.
func send(_ bytes: [UInt8], to port: UInt16) throws -> Answer {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let connected = unsafe withUnsafePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    try #require(connected == 0)
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = unsafe rest.withUnsafeBytes {
            unsafe Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if count < 0, errno == EINTR { continue }
        if count <= 0 { break }
        rest = rest.dropFirst(count)
    }
    var received: [UInt8] = []
    while true {
        var entry = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        let ready = unsafe poll(&entry, 1, 20_000)
        // Other tests' child processes end meanwhile, and their signals interrupt whoever waits.
        if ready < 0, errno == EINTR { continue }
        guard ready == 1 else { break }
        var piece = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe recv(socket, &piece, piece.count, 0)
        if count < 0, errno == EINTR { continue }
        if count <= 0 { break }
        received += piece[..<count]
    }
    let end = try #require(received.firstRange(of: Array("\r\n\r\n".utf8)), "no answer")
    let head = String(decoding: received[..<end.lowerBound], as: UTF8.self)
    return Answer(
        status: try #require(Int(head.dropFirst(9).prefix(3))), head: head,
        body: Array(received[end.upperBound...]))
}
