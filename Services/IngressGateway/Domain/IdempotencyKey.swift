// The key under which a source sends an event, however often it sends it. Checked here alone, for all doors:
// the header of an HTTP request, the header or the key of a record. Never trimmed, folded or otherwise
// repaired.

/// 1 to 255 visible ASCII characters.
public struct IdempotencyKey: Sendable, Hashable {
    /// As other APIs have it; a key is a name, not a payload.
    public static let maximumBytes = 255

    public let bytes: [UInt8]

    public enum Failure: String, Error, Sendable {
        case required = "key-required"
        case invalid = "key-invalid"

        public var detail: String {
            switch self {
            case .required: "an idempotency key is required"
            case .invalid: "an idempotency key has 1 to \(maximumBytes) visible ASCII characters"
            }
        }
    }

    public init(_ bytes: (some Collection<UInt8>)?) throws(Failure) {
        guard let bytes else { throw .required }
        guard (1...Self.maximumBytes).contains(bytes.count), bytes.allSatisfy({ (0x21...0x7e).contains($0) })
        else { throw .invalid }
        self.bytes = Array(bytes)
    }

    /// The value of a request's only `Idempotency-Key` field: bare or as a quoted string
    /// (draft-ietf-httpapi-idempotency-key-header, section 2.1). Both forms of a key are the same key.
    public init(field bytes: ArraySlice<UInt8>) throws(Failure) {
        guard bytes.first == UInt8(ascii: "\"") else {
            try self.init(bytes)
            return
        }
        guard bytes.count >= 2, bytes.last == UInt8(ascii: "\""),
            let inner = Self.unescaped(bytes.dropFirst().dropLast())
        else { throw .invalid }
        try self.init(inner)
    }

    /// A structured field's string escapes only quotes and backslashes (RFC 8941, section 3.3.3).
    private static func unescaped(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var isEscaped = false
        for byte in text {
            let isSpecial = byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
            if isEscaped {
                guard isSpecial else { return nil }
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
                continue
            } else if isSpecial {
                return nil
            }
            bytes.append(byte)
        }
        return isEscaped ? nil : bytes
    }
}
