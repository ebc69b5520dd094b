// What a refusal says: the code, the JSON pointer, line and column, and a sentence that names the usual
// mistakes. Called by the parser once, when a document breaks a rule; so nothing here is fast, and nothing
// here costs the documents that are right. Never quotes the document.

extension TapeParser {
    /// Checks the size and that the bytes are not UTF-16 or UTF-32, and steps over a UTF-8 byte order mark.
    mutating func checkSizeAndEncoding(_ text: Span<UInt8>, _ nodes: Span<Node>) throws(JSONError) {
        if text.count - position > limits.bytes || text.count > Int(UInt32.max) {
            throw refusal(.tooLarge, text, nodes, "the document is longer than \(limits.bytes) bytes")
        }
        guard text.count - position >= 2 else { return }
        let (first, second) = (text[position], text[position + 1])
        if first == 0 || second == 0 || first == 0xff && second == 0xfe || first == 0xfe && second == 0xff {
            throw refusal(.invalidEncoding, text, nodes, "the document is UTF-16 or UTF-32; it has to be UTF-8")
        }
        if first == 0xef, second == 0xbb, text.count - position >= 3, text[position + 2] == 0xbf {
            position += 3
            origin = position
        }
    }

    /// A refusal at the present position.
    @inline(never)
    func refusal(
        _ code: JSONError.Code, _ text: Span<UInt8>, _ nodes: Span<Node>, _ detail: String
    ) -> JSONError {
        var (line, column) = (1, 1)
        for at in origin..<min(position, text.count) {
            if text[at] == 0x0a {
                (line, column) = (line + 1, 1)
            } else if text[at] & 0xc0 != 0x80 {
                column += 1
            }
        }
        return JSONError(code: code, pointer: pointer(text, nodes), line: line, column: column, detail: detail)
    }

    /// A byte that the grammar does not allow here.
    @inline(never)
    func unexpected(_ byte: UInt8, _ text: Span<UInt8>, _ nodes: Span<Node>, _ due: String) -> JSONError {
        if byte >= 0x80, scalarLength(text, at: position) == 0 {
            return refusal(.invalidEncoding, text, nodes, "a byte sequence that is not UTF-8")
        }
        let detail =
            switch byte {
            case UInt8(ascii: "'"): "strings take double quotes, not single ones"
            case UInt8(ascii: "/"): "JSON has no comments"
            case UInt8(ascii: "N"), UInt8(ascii: "I"): "NaN and Infinity are not JSON numbers"
            case UInt8(ascii: "+"), UInt8(ascii: "."): "a number starts with a digit or a minus sign"
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                hasTrailingComma(text) ? "a comma with nothing behind it" : "\(due) is due here"
            default: "\(due) is due here"
            }
        return refusal(.invalidJSON, text, nodes, detail)
    }

    func textAfterDocument(_ text: Span<UInt8>, _ nodes: Span<Node>) -> JSONError {
        let byte = text[position]
        if byte >= 0x80, scalarLength(text, at: position) == 0 {
            return refusal(.invalidEncoding, text, nodes, "a byte sequence that is not UTF-8")
        }
        let isSecond = byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[")
        return refusal(
            .invalidJSON, text, nodes,
            isSecond ? "a second document follows; one body holds one document" : "text after the document")
    }

    private func hasTrailingComma(_ text: Span<UInt8>) -> Bool {
        var at = position - 1
        while at >= origin, text[at] == 0x20 || text[at] == 0x0a || text[at] == 0x0d || text[at] == 0x09 {
            at -= 1
        }
        return at >= origin && text[at] == UInt8(ascii: ",")
    }

    /// The open containers from the inside out: each one's node holds 1 + the index of its parent.
    private func pointer(_ text: Span<UInt8>, _ nodes: Span<Node>) -> String {
        var tokens: [String] = []
        if open >= 0, isInsideChild {
            tokens.append(nodes[open].kind == .object ? lastKey(text, nodes) : String(nodes[open].count - 1))
        }
        var child = open
        while child >= 0, nodes[child].next > 0 {
            let parent = Int(nodes[child].next) - 1
            tokens.append(
                nodes[parent].kind == .object
                    ? pointerToken(characters(of: nodes[child - 1], text)) : String(nodes[parent].count - 1))
            child = parent
        }
        return tokens.reversed().map { "/" + $0 }.joined()
    }

    /// The open object's member that was begun last is the last key on the tape, since its value is not there
    /// yet.
    private func lastKey(_ text: Span<UInt8>, _ nodes: Span<Node>) -> String {
        for index in nodes.indices.reversed() where nodes[index].kind == .key {
            return pointerToken(characters(of: nodes[index], text))
        }
        return ""
    }
}

/// A key as RFC 6901 writes it in a pointer.
func pointerToken(_ key: [UInt8]) -> String {
    var token: [UInt8] = []
    for byte in key {
        switch byte {
        case UInt8(ascii: "~"): token += [byte, UInt8(ascii: "0")]
        case UInt8(ascii: "/"): token += [UInt8(ascii: "~"), UInt8(ascii: "1")]
        default: token.append(byte)
        }
    }
    return String(decoding: token, as: UTF8.self)
}
