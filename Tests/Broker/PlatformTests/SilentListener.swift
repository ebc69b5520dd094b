// A port that takes connections and never says a word: a broker that hangs, for one process alone.

import Foundation

final class SilentListener {
    let port: UInt16
    private let socket: Int32

    init() throws {
        let descriptor = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        socket = descriptor
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                // Connections wait in the queue of the kernel, which answers for a listener.
                unsafe bind(descriptor, generic, length) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, generic, &length) == 0
            }
        }
        guard isListening else { throw PlatformFailure("no port to listen on") }
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(socket) }
}
