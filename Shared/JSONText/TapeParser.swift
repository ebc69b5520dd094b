// The grammar: reads a document from its first byte to its last in one loop and fills the flat index. Called
// by JSONDocument alone. It never recurses and needs no stack: an open container keeps its parent's index in
// its own node, so a million opening brackets cost no more than the depth limit. Room for the nodes is made before:
// nothing is allocated while reading.

/// Reads one document into nodes. Strings and numbers are in extensions of their own.
struct TapeParser {
    /// What may stand at the next byte that is not white space.
    private enum Expected { case value, firstMember, member, firstItem, separator, nothing }

    /// Where the reader is, as an index into the bytes.
    var position: Int
    let limits: JSONLimits
    /// Where the document starts, behind a byte order mark: errors count lines from here.
    var origin: Int
    /// Index of the innermost open container, -1 if none.
    private(set) var open = -1
    private var isOpenObject = false
    /// Whether a member or item of `open` has begun and not ended; for the pointer of an error.
    private(set) var isInsideChild = false
    /// Where the string that was just read starts, behind its opening quote.
    var stringStart = 0
    private var depth = 0
    private var values = 0

    init(start: Int, limits: JSONLimits) {
        position = start
        origin = start
        self.limits = limits
    }

    /// The most nodes that so many bytes can have: each takes two bytes, but for containers that are not closed, and
    /// each but a key is a value.
    static func maximumNodes(bytes: Int, _ limits: JSONLimits) -> Int {
        min(bytes / 2 + limits.depth, 2 * limits.nodes) + 2
    }

    /// Reads `text` from the start position to its end.
    mutating func run(_ text: Span<UInt8>, _ nodes: inout OutputSpan<Node>) throws(JSONError) {
        try checkSizeAndEncoding(text, nodes.span)
        skipSpace(text)
        if position == text.count { throw refusal(.emptyBody, text, nodes.span, "the body is empty") }
        var expected = try readValue(text, &nodes)
        while expected != .nothing {
            try skipSpaceToByte(text, &nodes)
            expected = try step(expected, text[position], text, &nodes)
        }
        skipSpace(text)
        guard position == text.count else { throw textAfterDocument(text, nodes.span) }
    }

    private mutating func step(
        _ expected: Expected, _ byte: UInt8, _ text: Span<UInt8>, _ nodes: inout OutputSpan<Node>
    ) throws(JSONError) -> Expected {
        switch expected {
        case .value: return try readValue(text, &nodes)
        case .firstMember where byte == UInt8(ascii: "}"): return close(&nodes)
        case .firstMember, .member: return try readMember(text, &nodes)
        case .firstItem where byte == UInt8(ascii: "]"): return close(&nodes)
        case .firstItem: return try readValue(text, &nodes)
        case .separator: return try readSeparator(byte, text, &nodes)
        case .nothing: return .nothing
        }
    }

    private mutating func readSeparator(
        _ byte: UInt8, _ text: Span<UInt8>, _ nodes: inout OutputSpan<Node>
    ) throws(JSONError) -> Expected {
        if byte == UInt8(ascii: ",") {
            position += 1
            return isOpenObject ? .member : .value
        }
        guard byte == (isOpenObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
            throw unexpected(byte, text, nodes.span, isOpenObject ? "a comma or }" : "a comma or ]")
        }
        return close(&nodes)
    }

    // MARK: Values

    private mutating func readValue(
        _ text: Span<UInt8>, _ nodes: inout OutputSpan<Node>
    ) throws(JSONError) -> Expected {
        try beginValue(text, &nodes)
        let byte = text[position]
        switch byte {
        case UInt8(ascii: "\""):
            let isEscaped = try readString(text, &nodes)
            addString(.string, isEscaped: isEscaped, &nodes)
        case UInt8(ascii: "-"), 0x30...0x39:
            let start = position
            let isInteger = try readNumber(text, &nodes)
            addScalar(isInteger ? .integer : .number, from: start, &nodes)
        case UInt8(ascii: "{"):
            try openContainer(.object, text, &nodes)
            return .firstMember
        case UInt8(ascii: "["):
            try openContainer(.array, text, &nodes)
            return .firstItem
        case UInt8(ascii: "t"): try readWord("true", .yes, text, &nodes)
        case UInt8(ascii: "f"): try readWord("false", .no, text, &nodes)
        case UInt8(ascii: "n"): try readWord("null", .null, text, &nodes)
        default: throw unexpected(byte, text, nodes.span, "a value")
        }
        isInsideChild = false
        return open < 0 ? .nothing : .separator
    }

    @inline(__always)
    private mutating func beginValue(_ text: Span<UInt8>, _ nodes: inout OutputSpan<Node>) throws(JSONError) {
        values += 1
        if values > limits.nodes {
            throw refusal(.tooLarge, text, nodes.span, "the document has more than \(limits.nodes) values")
        }
        if open >= 0, !isOpenObject { try beginItem(text, &nodes) }
    }

    private mutating func beginItem(_ text: Span<UInt8>, _ nodes: inout OutputSpan<Node>) throws(JSONError) {
        if nodes[open].count == limits.items {
            throw refusal(.tooManyItems, text, nodes.span, "the array has more than \(limits.items) items")
        }
        var written = nodes.mutableSpan
        written[open].count += 1
        isInsideChild = true
    }

    private mutating func openContainer(
        _ kind: Node.Kind, _ text: Span<UInt8>, _ nodes: inout OutputSpan<Node>
    ) throws(JSONError) {
        if depth == limits.depth {
            throw refusal(.tooDeep, text, nodes.span, "objects and arrays nest deeper than \(limits.depth)")
        }
        depth += 1
        nodes.append(Node(kind: kind, start: index(position), next: index(open + 1)))
        open = nodes.count - 1
        isOpenObject = kind == .object
        isInsideChild = false
        position += 1
    }

    private mutating func close(_ nodes: inout OutputSpan<Node>) -> Expected {
        position += 1
        let next = index(nodes.count)
        var written = nodes.mutableSpan
        let parent = Int(written[open].next) - 1
        written[open].next = next
        written[open].end = index(position)
        open = parent
        isOpenObject = parent >= 0 && written[parent].kind == .object
        depth -= 1
        isInsideChild = false
        return open < 0 ? .nothing : .separator
    }

    /// What lies from `start` to the position.
    @inline(__always)
    private mutating func addScalar(_ kind: Node.Kind, from start: Int, _ nodes: inout OutputSpan<Node>) {
        nodes.append(
            Node(kind: kind, start: index(start), end: index(position), next: index(nodes.count + 1)))
    }

    /// What was just read, without its quotes.
    @inline(__always)
    private mutating func addString(
        _ kind: Node.Kind, isEscaped: Bool, hash: UInt32 = 0, _ nodes: inout OutputSpan<Node>
    ) {
        nodes.append(
            Node(
                kind: kind, isEscaped: isEscaped, start: index(stringStart), end: index(position - 1),
                next: index(nodes.count + 1), count: hash))
    }

    private mutating func readWord(
        _ word: StaticString, _ kind: Node.Kind, _ text: Span<UInt8>, _ nodes: inout OutputSpan<Node>
    ) throws(JSONError) {
        let start = position
        guard text.has(word, at: start) else { throw unexpected(text[start], text, nodes.span, "a value") }
        position += word.utf8CodeUnitCount
        addScalar(kind, from: start, &nodes)
    }

    // MARK: Members

    /// A key, its colon, and its value.
    private mutating func readMember(
        _ text: Span<UInt8>, _ nodes: inout OutputSpan<Node>
    ) throws(JSONError) -> Expected {
        let quote = position
        guard text[quote] == UInt8(ascii: "\"") else {
            throw unexpected(text[quote], text, nodes.span, "a key in double quotes")
        }
        if nodes[open].count == limits.members {
            throw refusal(.tooManyFields, text, nodes.span, "the object has more than \(limits.members) fields")
        }
        let hash = try readKey(text, &nodes)
        isInsideChild = true
        if countKey(hash, text, &nodes) {
            position = quote
            throw refusal(.duplicateKey, text, nodes.span, "the object has this key twice")
        }
        try skipSpaceToByte(text, &nodes)
        guard text[position] == UInt8(ascii: ":") else {
            throw unexpected(text[position], text, nodes.span, "a colon")
        }
        position += 1
        try skipSpaceToByte(text, &nodes)
        return try readValue(text, &nodes)
    }

    /// Reads a key past its closing quote and adds its node.
    ///
    /// - Returns: its hash, made on the way.
    @inline(__always)
    private mutating func readKey(
        _ text: Span<UInt8>, _ nodes: inout OutputSpan<Node>
    ) throws(JSONError) -> UInt32 {
        stringStart = position + 1
        var (hash, at) = (KeyHash(), stringStart)
        while at <= text.count - 8 {
            let eight = text.eightBytes(at: at)
            let length = eight.plainLength
            if length == 8 {
                hash.add(eight)
                at += 8
                continue
            }
            guard text[at + length] == UInt8(ascii: "\"") else { break }
            position = at + length + 1
            let result = hash.finish(eight, length: length, of: at + length - stringStart)
            addString(.key, isEscaped: false, hash: result, &nodes)
            return result
        }
        return try readUnusualKey(text, &nodes)
    }

    /// With escapes, in another script, or wrong.
    private mutating func readUnusualKey(
        _ text: Span<UInt8>, _ nodes: inout OutputSpan<Node>
    ) throws(JSONError) -> UInt32 {
        let isEscaped = try readString(text, &nodes)
        let hash = keyHash(text, from: stringStart, to: position - 1, isEscaped: isEscaped)
        addString(.key, isEscaped: isEscaped, hash: hash, &nodes)
        return hash
    }

    /// Counts the last node, a key of the open object, and says whether the object has that key already. A filter of
    /// 32 bits in the open object's node answers most calls; only on a hit are the keys compared.
    private mutating func countKey(
        _ hash: UInt32, _ text: Span<UInt8>, _ nodes: inout OutputSpan<Node>
    ) -> Bool {
        let bit = UInt32(1) << (hash >> 27)
        let last = nodes.count - 1
        var written = nodes.mutableSpan
        written[open].count += 1
        if written[open].end & bit == 0 {
            written[open].end |= bit
            return false
        }
        var sibling = open + 1
        while sibling < last {
            if written[sibling].count == hash, sameText(written[sibling], written[last], text) { return true }
            sibling = Int(written[sibling + 1].next)
        }
        return false
    }

    // MARK: White space

    @inline(__always)
    mutating func skipSpace(_ text: Span<UInt8>) {
        while position < text.count {
            let byte = text[position]
            guard byte <= 0x20, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return }
            position += 1
        }
    }

    @inline(__always)
    private mutating func skipSpaceToByte(
        _ text: Span<UInt8>, _ nodes: inout OutputSpan<Node>
    ) throws(JSONError) {
        skipSpace(text)
        guard position < text.count else {
            throw refusal(.invalidJSON, text, nodes.span, "the document ends in the middle")
        }
    }
}

/// A document is refused at once if its bytes cannot be counted so, and it has fewer nodes than bytes.
@inline(__always)
private func index(_ place: Int) -> UInt32 { UInt32(truncatingIfNeeded: place) }
