// Strings and numbers: the encoding, the escapes and the bounds of each are checked here, plain text eight bytes
// at a time. Called by the parser's loop. Never converts: a value is read from the bytes when somebody asks for it.

import Primitives

extension TapeParser {
    /// Reads a string from its opening quote past its closing one.
    ///
    /// - Returns: whether it has escapes; `stringStart` is where its characters begin.
    mutating func readString(
        _ text: Span<UInt8>, _ nodes: inout OutputSpan<Node>
    ) throws(JSONError) -> Bool {
        stringStart = position + 1
        var at = position + 1
        var isEscaped = false
        let lastEight = text.count - 8
        while true {
            while at <= lastEight {
                let length = text.eightBytes(at: at).plainLength
                at += length
                if length < 8 { break }
            }
            guard at < text.count else { break }
            let byte = text[at]
            if byte == UInt8(ascii: "\"") {
                position = at + 1
                return isEscaped
            }
            if byte == UInt8(ascii: "\\") {
                isEscaped = true
                at = try readEscape(at, text, &nodes)
            } else if byte < 0x20 || byte >= 0x80 {
                at = try readWideOrControl(at, text, &nodes)
            } else {
                // Among the last seven bytes of the document.
                at += 1
            }
        }
        position = at
        throw refusal(.invalidJSON, text, nodes.span, "the document ends within a string")
    }

    /// Reads all of a text in another script, whose characters follow one another.
    private mutating func readWideOrControl(
        _ at: Int, _ text: Span<UInt8>, _ nodes: inout OutputSpan<Node>
    ) throws(JSONError) -> Int {
        var end = at
        while end < text.count, text[end] >= 0x80, case let length = scalarLength(text, at: end), length > 0 {
            end += length
        }
        if end > at { return end }
        position = at
        if text[at] >= 0x80 { throw refusal(.invalidEncoding, text, nodes.span, "a byte sequence that is not UTF-8") }
        if text[at] == 0 { throw refusal(.nulCharacter, text, nodes.span, "the character U+0000 in a string") }
        throw refusal(.invalidJSON, text, nodes.span, "a control character in a string; it has to be escaped")
    }

    private mutating func readEscape(
        _ at: Int, _ text: Span<UInt8>, _ nodes: inout OutputSpan<Node>
    ) throws(JSONError) -> Int {
        guard at + 1 < text.count else { return text.count }
        switch text[at + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return at + 2
        case UInt8(ascii: "u"):
            return try readUnicodeEscape(at, text, &nodes)
        default:
            position = at
            throw refusal(.invalidJSON, text, nodes.span, "an escape that JSON does not have")
        }
    }

    private mutating func readUnicodeEscape(
        _ at: Int, _ text: Span<UInt8>, _ nodes: inout OutputSpan<Node>
    ) throws(JSONError) -> Int {
        position = at
        guard at + 6 <= text.count else {
            throw refusal(.invalidJSON, text, nodes.span, "the document ends within an escape")
        }
        guard let unit = hexUnit(text, at: at + 2) else {
            throw refusal(.invalidJSON, text, nodes.span, "\\u takes four hex digits")
        }
        switch unit {
        case 0 where !limits.allowsNul:
            throw refusal(.nulCharacter, text, nodes.span, "the character U+0000 in a string")
        case 0xd800...0xdbff:
            guard at + 12 <= text.count, text[at + 6] == UInt8(ascii: "\\"),
                text[at + 7] == UInt8(ascii: "u"),
                let low = hexUnit(text, at: at + 8), (0xdc00...0xdfff).contains(low)
            else { throw refusal(.invalidEncoding, text, nodes.span, "a surrogate without its partner") }
            return at + 12
        case 0xdc00...0xdfff:
            throw refusal(.invalidEncoding, text, nodes.span, "a surrogate without its partner")
        default:
            return at + 6
        }
    }

    /// Reads a number to its end.
    ///
    /// - Returns: whether it is digits only, without point or exponent.
    mutating func readNumber(
        _ text: Span<UInt8>, _ nodes: inout OutputSpan<Node>
    ) throws(JSONError) -> Bool {
        let start = position
        var at = position
        if text[at] == UInt8(ascii: "-") { at += 1 }
        let whole = at
        skipDigits(&at, text)
        if at == whole { throw refuse(at, text, nodes.span, "a number needs a digit behind its minus sign") }
        if at - whole > 1, text[whole] == 0x30 { throw refuse(whole, text, nodes.span, "a number with a leading zero") }
        var digits = at - whole
        var isInteger = true
        if at < text.count, text[at] == UInt8(ascii: ".") {
            at += 1
            let point = at
            skipDigits(&at, text)
            if at == point { throw refuse(at, text, nodes.span, "a number needs a digit behind its point") }
            digits += at - point
            isInteger = false
        }
        var isPlain = digits <= Self.safeDigits
        if at < text.count, text[at] | 0x20 == UInt8(ascii: "e") {
            at += 1
            if at < text.count, text[at] == UInt8(ascii: "+") || text[at] == UInt8(ascii: "-") { at += 1 }
            let exponent = at
            skipDigits(&at, text)
            if at == exponent { throw refuse(at, text, nodes.span, "an exponent needs a digit") }
            (isInteger, isPlain) = (false, false)
        }
        if !isPlain { try checkRange(from: start, to: at, text, nodes.span) }
        position = at
        return isInteger
    }

    /// Numbers of so many digits without an exponent always fit an `ExactDecimal`.
    static var safeDigits: Int { ExactDecimal.maximumScale }

    private func skipDigits(_ at: inout Int, _ text: Span<UInt8>) {
        while at < text.count, text[at] &- 0x30 < 10 { at += 1 }
    }

    private mutating func refuse(
        _ at: Int, _ text: Span<UInt8>, _ nodes: Span<Node>, _ detail: String
    ) -> JSONError {
        position = at
        if at == text.count { return refusal(.invalidJSON, text, nodes, "the document ends within a number") }
        return refusal(.invalidJSON, text, nodes, detail)
    }

    private func checkRange(
        from start: Int, to end: Int, _ text: Span<UInt8>, _ nodes: Span<Node>
    ) throws(JSONError) {
        do throws(ExactDecimal.ParseFailure) {
            _ = try ExactDecimal(parsing: copy(text, from: start, to: end))
        } catch {
            let most = "18 decimal places and ±(2^63 - 1) without the point"
            throw refusal(.numberOutOfRange, text, nodes, "the number cannot be held exactly: \(most)")
        }
    }
}
