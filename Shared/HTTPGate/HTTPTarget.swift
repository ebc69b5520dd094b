// The target of a request line, taken apart: raw path, decoded query. Called by the gate once for each
// request. Refuses what is not printable ASCII or does not begin with `/`; it never decodes the path, because
// a `%2F` inside an identifier must not become a separator before the route is known.

struct HTTPTarget {
    let path: String
    let query: [(name: String, value: String)]

    /// - Returns: nil for a target that is malformed or has more than `queryItems` pairs.
    init?(_ target: [UInt8], queryItems: Int) {
        guard target.first == UInt8(ascii: "/"), target.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            return nil
        }
        guard let mark = target.firstIndex(of: UInt8(ascii: "?")) else {
            path = String(decoding: target, as: UTF8.self)
            query = []
            return
        }
        guard let items = Self.items(target[(mark + 1)...], atMost: queryItems) else { return nil }
        path = String(decoding: target[..<mark], as: UTF8.self)
        query = items
    }

    private static func items(_ text: ArraySlice<UInt8>, atMost bound: Int) -> [(
        name: String, value: String
    )]? {
        let parts = text.split(separator: UInt8(ascii: "&"), maxSplits: bound)
        guard parts.count <= bound else { return nil }
        var items: [(name: String, value: String)] = []
        for part in parts {
            let equals = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
            guard let name = decoded(part[..<equals]), let value = decoded(part[equals...].dropFirst()) else {
                return nil
            }
            items.append((name, value))
        }
        return items
    }

    /// Percent-encoding and `+`; nil if an escape is cut short, is not hexadecimal, or yields invalid UTF-8.
    private static func decoded(_ text: ArraySlice<UInt8>) -> String? {
        var bytes: [UInt8] = []
        var index = text.startIndex
        while index < text.endIndex {
            switch text[index] {
            case UInt8(ascii: "%"):
                guard index + 2 < text.endIndex, let high = nibble(text[index + 1]),
                    let low = nibble(text[index + 2])
                else { return nil }
                bytes.append(high << 4 | low)
                index += 3
            case UInt8(ascii: "+"):
                bytes.append(0x20)
                index += 1
            case let byte:
                bytes.append(byte)
                index += 1
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x37
        case 0x61...0x66: digit - 0x57
        default: nil
        }
    }
}
