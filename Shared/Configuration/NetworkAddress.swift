// Which network a host belongs to, as far as its text tells. Used for webhook addresses. Hosts that some
// resolvers read as numbers (127.1, 0x7f000001, 2130706433) are invalid here: they are only ever written to
// get around a check.

/// The meaning of a host's text.
public enum NetworkAddress: Sendable, Equatable {
    /// A literal address of this machine or of a private, shared, link-local or unspecified network, or
    /// `localhost`.
    case privateNetwork
    /// Any other literal address.
    case publicNetwork
    /// To be resolved.
    case name
    case invalid

    /// - Parameter host: lower case, an IPv6 address without brackets.
    public init(host: String) {
        if host.contains(":") {
            self = Self.sixteenBytes(host).map(Self.of(sixteenBytes:)) ?? .invalid
            return
        }
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        let name = labels.last == "" ? labels.dropLast() : labels[...]
        guard let last = name.last, !name.contains("") else {
            self = .invalid
            return
        }
        if last.utf8.allSatisfy(isDigit) || last.hasPrefix("0x") {
            self = Self.fourBytes(host).map(Self.of(fourBytes:)) ?? .invalid
        } else {
            self = last == "localhost" ? .privateNetwork : .name
        }
    }

    private static func of(fourBytes bytes: [UInt8]) -> NetworkAddress {
        switch (bytes[0], bytes[1]) {
        case (0, _), (10, _), (127, _), (169, 254), (192, 168), (172, 16...31), (100, 64...127), (224..., _):
            .privateNetwork
        default: .publicNetwork
        }
    }

    private static func of(sixteenBytes bytes: [UInt8]) -> NetworkAddress {
        let isEmbedded = bytes[0..<10].allSatisfy { $0 == 0 } && (bytes[10], bytes[11]) == (0xff, 0xff)
        if isEmbedded { return of(fourBytes: Array(bytes[12...])) }
        /// `::` and `::1`, and the old form of embedded IPv4 addresses.
        if bytes[0..<12].allSatisfy({ $0 == 0 }) { return .privateNetwork }
        /// An IPv4 address behind NAT64 (RFC 6052).
        if bytes.starts(with: [0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0]) {
            return of(fourBytes: Array(bytes[12...]))
        }
        switch (bytes[0], bytes[1]) {
        case (0xfc...0xfd, _), (0xfe, 0x80...0xff), (0xff, _): return .privateNetwork
        default: return .publicNetwork
        }
    }

    /// Four decimal numbers without leading zeros.
    private static func fourBytes(_ text: some StringProtocol) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        let bytes = parts.compactMap { part -> UInt8? in
            guard part.utf8.allSatisfy(isDigit), part == "0" || !part.hasPrefix("0") else { return nil }
            return UInt8(part)
        }
        return bytes.count == 4 ? bytes : nil
    }

    /// Eight groups, one run of them shortened to `::`, the last two perhaps an IPv4 address (RFC 4291, 2.2).
    private static func sixteenBytes(_ text: String) -> [UInt8]? {
        let halves = text.split(separator: "::", omittingEmptySubsequences: false)
        guard halves.count <= 2 else { return nil }
        let parts = halves.enumerated().map { groups($1, mayEndInIPv4: $0 == halves.count - 1) }
        guard let head = parts[0], let tail = parts.count == 2 ? parts[1] : [] else { return nil }
        let missing = 16 - head.count - tail.count
        guard parts.count == 1 ? missing == 0 : missing >= 2 else { return nil }
        return head + [UInt8](repeating: 0, count: missing) + tail
    }

    private static func groups(_ text: Substring, mayEndInIPv4: Bool) -> [UInt8]? {
        if text.isEmpty { return [] }
        var bytes: [UInt8] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if mayEndInIPv4, index == parts.count - 1, part.contains(".") {
                guard let four = fourBytes(part) else { return nil }
                bytes += four
            } else {
                guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(isHexDigit),
                    let group = UInt16(part, radix: 16)
                else { return nil }
                bytes += [UInt8(group >> 8), UInt8(group & 0xff)]
            }
        }
        return bytes
    }
}

/// In either case; a sign, which `UInt16` would read, is none.
private func isHexDigit(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) || (0x41...0x46).contains(byte)
}
