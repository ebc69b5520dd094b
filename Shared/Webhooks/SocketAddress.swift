// Addresses: what a host resolves to, and whether it may be connected to. Called by the client before it
// connects; the address that was checked is the one that is connected to, so that a name cannot point
// elsewhere in between.

import Configuration
import Dispatch
import Glibc

/// A numeric address with its port.
struct SocketAddress: Sendable, Equatable {
    let family: Int32
    /// As the system wants it.
    let bytes: [UInt8]
    let isPublic: Bool
}

enum Resolution: Sendable {
    case addresses([SocketAddress])
    case failed(WebhookFailure)
}

/// Looks names up on threads of their own, since looking up may take seconds. One look-up for each endpoint
/// at a time.
struct Resolver: Sendable {
    /// Of a name with more addresses the first are tried.
    private static let maximumAddresses = 8

    private let queue = DispatchQueue(label: "pointstream.webhooks.resolver", attributes: .concurrent)

    func resolve(
        host: String, port: UInt16, allowPrivate: Bool, _ done: @escaping @Sendable (Resolution) -> Void
    ) {
        if isNumericHost(host) {
            return done(Self.lookUp(host, port, allowPrivate, flags: AI_NUMERICHOST))
        }
        queue.async { done(Self.lookUp(host, port, allowPrivate, flags: AI_ADDRCONFIG)) }
    }

    private static func lookUp(_ host: String, _ port: UInt16, _ allowPrivate: Bool, flags: Int32)
        -> Resolution
    {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = flags | AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, String(port), &hints, &found) == 0 else {
            return .failed(.nameNotFound)
        }
        defer { unsafe freeaddrinfo(found) }
        var addresses: [SocketAddress] = []
        var next = unsafe found
        while let entry = unsafe next, addresses.count < maximumAddresses {
            if let address = unsafe read(entry.pointee) { addresses.append(address) }
            unsafe next = entry.pointee.ai_next
        }
        if addresses.isEmpty { return .failed(.nameNotFound) }
        // One private address among public ones is enough to suspect the name.
        if !allowPrivate, !addresses.allSatisfy(\.isPublic) { return .failed(.forbiddenAddress) }
        return .addresses(addresses)
    }

    @unsafe private static func read(_ entry: addrinfo) -> SocketAddress? {
        guard let address = unsafe entry.ai_addr else { return nil }
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let code = unsafe getnameinfo(
            address, entry.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
        guard code == 0 else { return nil }
        let host = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let bytes = unsafe [UInt8](UnsafeRawBufferPointer(start: address, count: Int(entry.ai_addrlen)))
        return SocketAddress(
            family: unsafe entry.ai_family, bytes: bytes,
            isPublic: NetworkAddress(host: host) == .publicNetwork)
    }
}

/// Whether a host is an address and no name. WebhookURL has refused what could be read as either.
func isNumericHost(_ host: String) -> Bool {
    host.contains(":") || host.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }
}
