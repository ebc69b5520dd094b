// Free ports of the loopback interface, and whether somebody listens on one.

import Foundation

enum LoopbackPort {
    /// Different ports that were free a moment ago.
    static func free(_ count: Int) throws(BrokerFailure) -> [UInt16] {
        let descriptors = (0..<count).map { _ in open() }
        defer { for descriptor in descriptors where descriptor >= 0 { close(descriptor) } }
        let ports = descriptors.compactMap(bindAnywhere)
        guard ports.count == count else { throw BrokerFailure(reason: "no free port on the loopback interface") }
        return ports
    }

    static func accepts(_ port: UInt16) -> Bool {
        let descriptor = open()
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return unsafe withAddress(port) { address, length in unsafe connect(descriptor, address, length) }
            == 0
    }

    private static func open() -> Int32 { socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }

    private static func bindAnywhere(_ descriptor: Int32) -> UInt16? {
        guard descriptor >= 0,
            unsafe withAddress(0, { address, length in unsafe bind(descriptor, address, length) }) == 0
        else { return nil }
        var bound = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = unsafe withUnsafeMutablePointer(to: &bound) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &length)
            }
        }
        return result == 0 ? UInt16(bigEndian: bound.sin_port) : nil
    }

    private static func withAddress(
        _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return unsafe withUnsafePointer(to: address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
