// A document that was read once, checked whole, and laid out flat: one array of nodes over the bytes as
// received. Called by every codec. A worker keeps one and parses record after record into it, so that reading
// allocates nothing. Never changes the bytes, and never holds a document that broke a rule.

/// One entry of the flat index. An object is followed by key, value, key, value; an array by its items.
struct Node: Sendable {
    enum Kind: UInt8, Sendable {
        /// `number` has a point or an exponent, `integer` is digits only.
        case object, array, string, key, integer, number, yes, no, null
    }

    var kind: Kind
    /// A string or key with at least one backslash.
    var isEscaped = false
    /// Bytes of the source, without a string's quotes. `end` of an open object is its key filter.
    var start: UInt32
    var end: UInt32 = 0
    /// Index behind this value and all within it; of an open container, 1 + its parent's index, or 0.
    var next: UInt32 = 0
    /// Members or items of a container; hash of a key's characters.
    var count: UInt32 = 0
}

/// A strictly valid JSON document (RFC 8259, UTF-8) and where each of its values lies.
public struct JSONDocument: Sendable {
    private(set) var bytes: [UInt8] = []
    private(set) var nodes: [Node] = [Node(kind: .null, start: 0, next: 1)]

    /// A document that holds only `null`, to be parsed into.
    public init() {}

    /// Reads `bytes`, or the part of them in `range`; see ``JSONError/Code`` for what is refused.
    public init(
        parsing bytes: [UInt8], in range: Range<Int>? = nil, limits: JSONLimits = .standard
    ) throws(JSONError) {
        try parse(bytes, in: range, limits: limits)
    }

    /// As `init`, reusing this document's storage. Values taken from it earlier stay valid; after an error it
    /// holds only `null`.
    ///
    /// - Precondition: `range` lies within `bytes`.
    public mutating func parse(
        _ bytes: [UInt8], in range: Range<Int>? = nil, limits: JSONLimits = .standard
    ) throws(JSONError) {
        let range = range ?? 0..<bytes.count
        precondition(
            range.upperBound <= bytes.count && range.lowerBound >= 0, "the range lies within the bytes")
        var parser = TapeParser(start: range.lowerBound, limits: limits)
        let room = TapeParser.maximumNodes(bytes: range.count, limits)
        let text = bytes.span.extracting(0..<range.upperBound)
        self.bytes = []
        nodes.removeAll(keepingCapacity: true)
        do throws(JSONError) {
            try nodes.append(addingCapacity: room) { (nodes: inout OutputSpan<Node>) throws(JSONError) in
                try parser.run(text, &nodes)
            }
        } catch {
            nodes.removeAll(keepingCapacity: true)
            nodes.append(Node(kind: .null, start: 0, next: 1))
            throw error
        }
        self.bytes = bytes
    }

    public var root: JSONValue { JSONValue(document: self, index: 0) }
}
