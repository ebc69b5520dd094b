// What a document may hold at most, and why a document was refused as a whole. Made by the parser, read by
// the gateway (which answers with the code and the place) and by the dead-letter path. Never carries the
// refused bytes themselves: they may hold card numbers.

/// Bounds on one document, checked while it is read.
public struct JSONLimits: Sendable, Equatable {
    /// Open brackets at once. No message of the platform nests deeper than six.
    public var depth = 32
    /// Length in bytes, the byte order mark included: the gateway's limit for a body.
    public var bytes = 1 << 20
    /// Members of one object. Above what any event with its metadata has; repeated keys are looked for among
    /// so many.
    public var members = 256
    /// Items of one array: the longest basket.
    public var items = 1_000
    /// Values in all (a key is not one): a thousand lines of twenty fields.
    public var nodes = 20_000
    /// Whether a string may have U+0000, as an escape: only where a program reads again what it has written.
    public var allowsNul = false

    public init() {}
    public static let standard = JSONLimits()
}

/// A refusal of the document as a whole, with the place of the first fault.
public struct JSONError: Error, Sendable, Equatable {
    public enum Code: String, Sendable {
        case emptyBody = "empty-body"
        case invalidJSON = "invalid-json"
        case duplicateKey = "duplicate-key"
        case tooDeep = "too-deep"
        case tooLarge = "too-large"
        /// The exact value does not fit an `ExactDecimal`; it is never rounded.
        case numberOutOfRange = "number-out-of-range"
        /// Not UTF-8, or a surrogate without its partner.
        case invalidEncoding = "invalid-encoding"
        /// U+0000 in a string, as a byte or as an escape.
        case nulCharacter = "charset"
        case tooManyItems = "too-many-items"
        case tooManyFields = "too-many-fields"
    }

    public let code: Code
    /// JSON pointer (RFC 6901) of the value that was being read, of its container between two values; "" is
    /// the root.
    public let pointer: String
    /// Counted from 1; a line ends with a line feed.
    public let line: Int
    /// Counted from 1 in Unicode scalars, not in bytes.
    public let column: Int
    /// For people; it may change between versions.
    public let detail: String

    public init(code: Code, pointer: String, line: Int, column: Int, detail: String) {
        self.code = code
        self.pointer = pointer
        self.line = line
        self.column = column
        self.detail = detail
    }
}

extension JSONError: CustomStringConvertible {
    public var description: String {
        let place = pointer.isEmpty ? "" : " (\(pointer))"
        return "\(code.rawValue) at line \(line), column \(column)\(place): \(detail)"
    }
}
