// One value of a document that was read: its kind, its contents, its members or items, and where it lies.
// Called by codecs and by FieldReader. Conversions answer nil for another kind of value; they never convert
// between kinds (a string of digits is not a number) and never round.

import Primitives

/// A value in a ``JSONDocument``; it keeps the document's bytes alive.
public struct JSONValue: Sendable {
    public enum Kind: String, Sendable { case object, array, string, number, bool, null }

    let document: JSONDocument
    let index: Int

    var node: Node { document.nodes[index] }

    public var kind: Kind {
        switch node.kind {
        case .object: .object
        case .array: .array
        case .string, .key: .string
        case .integer, .number: .number
        case .yes, .no: .bool
        case .null: .null
        }
    }

    public var isNull: Bool { node.kind == .null }

    /// Where the value lies in the bytes that were parsed, quotes and brackets included.
    public var rawRange: Range<Int> { document.rawRange(index) }

    /// The value's own JSON, as received.
    public var rawBytes: ArraySlice<UInt8> { document.bytes[rawRange] }

    /// The member named `key`; nil without one, and for anything but an object.
    public subscript(_ key: String) -> JSONValue? {
        document.find(key, in: index).map { JSONValue(document: document, index: $0) }
    }

    /// Members of an object or items of an array; 0 for other kinds.
    public var count: Int { node.kind == .object || node.kind == .array ? Int(node.count) : 0 }

    /// RFC 6901 pointer to this value, found by walking down from the root.
    public var pointer: String { document.pointer(to: index) }

    // MARK: Contents

    /// A string's text, or nil.
    public func string() -> String? {
        stringBytes.map { String(decoding: $0, as: UTF8.self) }
    }

    /// A string's UTF-8, escapes resolved, or nil. Without escapes it is a slice of the document, no copy.
    public var stringBytes: ArraySlice<UInt8>? { document.stringBytes(index) }

    /// Whether this is a string with exactly these characters (compared as UTF-8 bytes).
    public func isText(_ text: String) -> Bool {
        node.kind == .string && document.matches(index, text)
    }

    /// A number written with digits only (`1.0` and `1e3` are not), or nil.
    public var int64: Int64? { document.int64(index) }

    /// A number, exactly, with its decimal places as written; or nil.
    public var decimal: ExactDecimal? { document.decimal(index) }

    public var bool: Bool? {
        switch node.kind {
        case .yes: true
        case .no: false
        default: nil
        }
    }

    /// A string of 32 lower-case hex digits as its 128-bit value, or nil.
    public var hex: UInt128? { stringBytes.flatMap { parseHex($0) } }

    /// A string in RFC 3339 with a zone, or nil.
    public var timestamp: Timestamp? { stringBytes.flatMap { Timestamp(rfc3339: $0) } }
}

/// The members of an object in the order of the document.
public struct JSONMembers: Sequence, IteratorProtocol, Sendable {
    private let document: JSONDocument
    private var position: Int
    private let end: Int

    init(_ value: JSONValue) {
        document = value.document
        position = value.index + 1
        end = value.node.kind == .object ? Int(value.node.next) : 0
    }

    public mutating func next() -> (key: String, value: JSONValue)? {
        guard position < end else { return nil }
        let key = document.keyText(position)
        let value = JSONValue(document: document, index: position + 1)
        position = Int(document.nodes[position + 1].next)
        return (key, value)
    }
}

/// The items of an array in the order of the document.
public struct JSONItems: Sequence, IteratorProtocol, Sendable {
    private let document: JSONDocument
    private var position: Int
    private let end: Int
    public let underestimatedCount: Int

    init(_ value: JSONValue) {
        document = value.document
        position = value.index + 1
        let isArray = value.node.kind == .array
        end = isArray ? Int(value.node.next) : 0
        underestimatedCount = isArray ? Int(value.node.count) : 0
    }

    public mutating func next() -> JSONValue? {
        guard position < end else { return nil }
        defer { position = Int(document.nodes[position].next) }
        return JSONValue(document: document, index: position)
    }
}

extension JSONValue {
    /// Nothing for values that are not objects.
    public var members: JSONMembers { JSONMembers(self) }
    /// Nothing for values that are not arrays.
    public var items: JSONItems { JSONItems(self) }
}
