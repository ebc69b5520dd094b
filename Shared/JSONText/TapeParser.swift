// The grammar: reads a document from its first byte to its last in one loop and fills the flat index. Called
// by JSONDocument alone. It never recurses and needs no stack: an open container keeps its parent's index in
// its own node, so a million opening brackets cost no more than the depth limit.

/// Reads one document into nodes. Strings and numbers are in extensions of their own.
struct TapeParser {
    /// What may stand at the next byte that is not white space.
    private enum Expected { case value, firstMember, member, firstItem, separator, nothing }

    private(set) var nodes: [Node]
    /// Where the reader is, as an index into the bytes.
    var position: Int
    let limits: JSONLimits
    /// Where the document starts, behind a byte order mark: errors count lines from here.
    var origin: Int
    /// Index of the innermost open container, -1 if none.
    private(set) var open = -1
    /// Whether a member or item of `open` has begun and not ended; for the pointer of an error.
    private(set) var isInsideChild = false
    private var depth = 0
    private var values = 0

    init(storage: consuming [Node], start: Int, limits: JSONLimits) {
        nodes = storage
        nodes.removeAll(keepingCapacity: true)
        position = start
        origin = start
        self.limits = limits
    }

    mutating func becomeNull() {
        nodes.removeAll(keepingCapacity: true)
        nodes.append(Node(kind: .null, start: 0, next: 1))
    }

    consuming func takeNodes() -> [Node] { nodes }

    /// Reads `text` from the start position to its end.
    mutating func run(_ text: Span<UInt8>) throws(JSONError) {
        try checkSizeAndEncoding(text)
        skipSpace(text)
        if position == text.count { throw refusal(.emptyBody, text, "the body is empty") }
        var expected = Expected.value
        while expected != .nothing {
            skipSpace(text)
            guard position < text.count else {
                throw refusal(.invalidJSON, text, "the document ends in the middle")
            }
            expected = try step(expected, text[position], text)
        }
        skipSpace(text)
        guard position == text.count else { throw textAfterDocument(text) }
    }

    private mutating func step(
        _ expected: Expected, _ byte: UInt8, _ text: Span<UInt8>
    ) throws(JSONError) -> Expected {
        switch expected {
        case .value:
            return try readValue(byte, text)
        case .firstMember where byte == UInt8(ascii: "}"), .firstItem where byte == UInt8(ascii: "]"):
            return close()
        case .firstMember, .member:
            try readKey(byte, text)
            return .value
        case .firstItem:
            return try readValue(byte, text)
        case .separator:
            return try readSeparator(byte, text)
        case .nothing:
            return .nothing
        }
    }

    private mutating func readSeparator(_ byte: UInt8, _ text: Span<UInt8>) throws(JSONError) -> Expected {
        let isObject = nodes[open].kind == .object
        if byte == UInt8(ascii: ",") {
            position += 1
            return isObject ? .member : .value
        }
        guard byte == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
            throw unexpected(byte, text, isObject ? "a comma or }" : "a comma or ]")
        }
        return close()
    }

    private mutating func readValue(_ byte: UInt8, _ text: Span<UInt8>) throws(JSONError) -> Expected {
        try beginValue(text)
        switch byte {
        case UInt8(ascii: "{"):
            try openContainer(.object, text)
            return .firstMember
        case UInt8(ascii: "["):
            try openContainer(.array, text)
            return .firstItem
        case UInt8(ascii: "\""):
            let isEscaped = try readString(text)
            addString(.string, isEscaped: isEscaped, from: stringStart)
        case UInt8(ascii: "-"), 0x30...0x39:
            let start = position
            let isInteger = try readNumber(text)
            addScalar(isInteger ? .integer : .number, from: start, to: position)
        case UInt8(ascii: "t"):
            try readWord("true", .yes, text)
        case UInt8(ascii: "f"):
            try readWord("false", .no, text)
        case UInt8(ascii: "n"):
            try readWord("null", .null, text)
        default:
            throw unexpected(byte, text, "a value")
        }
        isInsideChild = false
        return open < 0 ? .nothing : .separator
    }

    /// Where the string that was just read starts, behind its opening quote.
    var stringStart = 0

    private mutating func beginValue(_ text: Span<UInt8>) throws(JSONError) {
        values += 1
        if values > limits.nodes {
            throw refusal(.tooLarge, text, "the document has more than \(limits.nodes) values")
        }
        guard open >= 0, nodes[open].kind == .array else { return }
        if nodes[open].count == limits.items {
            throw refusal(.tooManyItems, text, "the array has more than \(limits.items) items")
        }
        nodes[open].count += 1
        isInsideChild = true
    }

    private mutating func openContainer(_ kind: Node.Kind, _ text: Span<UInt8>) throws(JSONError) {
        if depth == limits.depth {
            throw refusal(.tooDeep, text, "objects and arrays nest deeper than \(limits.depth)")
        }
        depth += 1
        nodes.append(Node(kind: kind, start: UInt32(position), next: UInt32(open + 1)))
        open = nodes.count - 1
        isInsideChild = false
        position += 1
    }

    private mutating func close() -> Expected {
        position += 1
        let parent = Int(nodes[open].next) - 1
        nodes[open].next = UInt32(nodes.count)
        nodes[open].end = UInt32(position)
        open = parent
        depth -= 1
        isInsideChild = false
        return open < 0 ? .nothing : .separator
    }

    private mutating func addScalar(_ kind: Node.Kind, from start: Int, to end: Int) {
        nodes.append(
            Node(kind: kind, start: UInt32(start), end: UInt32(end), next: UInt32(nodes.count + 1)))
    }

    private mutating func addString(_ kind: Node.Kind, isEscaped: Bool, from start: Int, hash: UInt32 = 0) {
        nodes.append(
            Node(
                kind: kind, isEscaped: isEscaped, start: UInt32(start), end: UInt32(position - 1),
                next: UInt32(nodes.count + 1), count: hash))
    }

    private mutating func readWord(
        _ word: String, _ kind: Node.Kind, _ text: Span<UInt8>
    ) throws(JSONError) {
        let length = word.utf8.count
        guard matches(word, at: position, text) else {
            throw unexpected(text[position], text, "a value")
        }
        addScalar(kind, from: position, to: position + length)
        position += length
    }

    private func matches(_ word: String, at start: Int, _ text: Span<UInt8>) -> Bool {
        guard start + word.utf8.count <= text.count else { return false }
        var at = start
        for byte in word.utf8 {
            if text[at] != byte { return false }
            at += 1
        }
        return true
    }

    // MARK: Keys

    private mutating func readKey(_ byte: UInt8, _ text: Span<UInt8>) throws(JSONError) {
        guard byte == UInt8(ascii: "\"") else { throw unexpected(byte, text, "a key in double quotes") }
        if nodes[open].count == limits.members {
            throw refusal(.tooManyFields, text, "the object has more than \(limits.members) fields")
        }
        let quote = position
        let isEscaped = try readString(text)
        let hash = keyHash(text, from: stringStart, to: position - 1, isEscaped: isEscaped)
        addString(.key, isEscaped: isEscaped, from: stringStart, hash: hash)
        nodes[open].count += 1
        isInsideChild = true
        if isRepeated(hash, text) {
            position = quote
            throw refusal(.duplicateKey, text, "the object has this key twice")
        }
        skipSpace(text)
        guard position < text.count else {
            throw refusal(.invalidJSON, text, "the document ends in the middle")
        }
        guard text[position] == UInt8(ascii: ":") else { throw unexpected(text[position], text, "a colon") }
        position += 1
    }

    /// Whether the open object already has the last node's key. A filter of 32 bits in the open object's node
    /// answers most calls; only on a hit are the keys compared.
    private mutating func isRepeated(_ hash: UInt32, _ text: Span<UInt8>) -> Bool {
        let bit = UInt32(1) << (hash >> 27)
        if nodes[open].end & bit == 0 {
            nodes[open].end |= bit
            return false
        }
        let last = nodes.count - 1
        var sibling = open + 1
        while sibling < last {
            if nodes[sibling].count == hash, sameText(nodes[sibling], nodes[last], text) { return true }
            sibling = Int(nodes[sibling + 1].next)
        }
        return false
    }

    mutating func skipSpace(_ text: Span<UInt8>) {
        while position < text.count {
            let byte = text[position]
            guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return }
            position += 1
        }
    }
}
