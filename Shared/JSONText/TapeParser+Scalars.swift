// Strings and numbers: the encoding, the escapes and the bounds of each are checked here, byte by byte.
// Called by the parser's loop. Never converts: a value is read from the bytes when somebody asks for it.

import Primitives

extension TapeParser {
    /// Reads a string from its opening quote past its closing one.
    ///
    /// - Returns: whether it has escapes; `stringStart` is where its characters begin.
    mutating func readString(_ text: Span<UInt8>) throws(JSONError) -> Bool {
        stringStart = position + 1
        var at = position + 1
        var isEscaped = false
        while at < text.count {
            let byte = text[at]
            if byte >= 0x20, byte < 0x80 {
                if byte == UInt8(ascii: "\"") {
                    position = at + 1
                    return isEscaped
                }
                if byte != UInt8(ascii: "\\") {
                    at += 1
                    continue
                }
                isEscaped = true
                at = try readEscape(at, text)
            } else {
                at = try readWideOrControl(at, text)
            }
        }
        position = at
        throw refusal(.invalidJSON, text, "the document ends within a string")
    }

    private mutating func readWideOrControl(_ at: Int, _ text: Span<UInt8>) throws(JSONError) -> Int {
        let length = scalarLength(text, at: at)
        if text[at] >= 0x80, length > 0 { return at + length }
        position = at
        if text[at] >= 0x80 { throw refusal(.invalidEncoding, text, "a byte sequence that is not UTF-8") }
        if text[at] == 0 { throw refusal(.nulCharacter, text, "the character U+0000 in a string") }
        throw refusal(.invalidJSON, text, "a control character in a string; it has to be escaped")
    }

    private mutating func readEscape(_ at: Int, _ text: Span<UInt8>) throws(JSONError) -> Int {
        guard at + 1 < text.count else { return text.count }
        switch text[at + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return at + 2
        case UInt8(ascii: "u"):
            return try readUnicodeEscape(at, text)
        default:
            position = at
            throw refusal(.invalidJSON, text, "an escape that JSON does not have")
        }
    }

    private mutating func readUnicodeEscape(_ at: Int, _ text: Span<UInt8>) throws(JSONError) -> Int {
        position = at
        guard at + 6 <= text.count else {
            throw refusal(.invalidJSON, text, "the document ends within an escape")
        }
        guard let unit = hexUnit(text, at: at + 2) else {
            throw refusal(.invalidJSON, text, "\\u takes four hex digits")
        }
        switch unit {
        case 0:
            throw refusal(.nulCharacter, text, "the character U+0000 in a string")
        case 0xd800...0xdbff:
            guard at + 12 <= text.count, text[at + 6] == UInt8(ascii: "\\"),
                text[at + 7] == UInt8(ascii: "u"),
                let low = hexUnit(text, at: at + 8), (0xdc00...0xdfff).contains(low)
            else { throw refusal(.invalidEncoding, text, "a surrogate without its partner") }
            return at + 12
        case 0xdc00...0xdfff:
            throw refusal(.invalidEncoding, text, "a surrogate without its partner")
        default:
            return at + 6
        }
    }

    /// Reads a number to its end.
    ///
    /// - Returns: whether it is digits only, without point or exponent.
    mutating func readNumber(_ text: Span<UInt8>) throws(JSONError) -> Bool {
        let start = position
        var at = position
        if text[at] == UInt8(ascii: "-") { at += 1 }
        let whole = at
        skipDigits(&at, text)
        if at == whole { throw refuse(at, text, "a number needs a digit behind its minus sign") }
        if at - whole > 1, text[whole] == 0x30 { throw refuse(whole, text, "a number with a leading zero") }
        var digits = at - whole
        var isInteger = true
        if at < text.count, text[at] == UInt8(ascii: ".") {
            at += 1
            let point = at
            skipDigits(&at, text)
            if at == point { throw refuse(at, text, "a number needs a digit behind its point") }
            digits += at - point
            isInteger = false
        }
        var isPlain = digits <= Self.safeDigits
        if at < text.count, text[at] | 0x20 == UInt8(ascii: "e") {
            at += 1
            if at < text.count, text[at] == UInt8(ascii: "+") || text[at] == UInt8(ascii: "-") { at += 1 }
            let exponent = at
            skipDigits(&at, text)
            if at == exponent { throw refuse(at, text, "an exponent needs a digit") }
            (isInteger, isPlain) = (false, false)
        }
        if !isPlain { try checkRange(from: start, to: at, text) }
        position = at
        return isInteger
    }

    /// Numbers of so many digits without an exponent always fit an `ExactDecimal`.
    static var safeDigits: Int { ExactDecimal.maximumScale }

    private func skipDigits(_ at: inout Int, _ text: Span<UInt8>) {
        while at < text.count, text[at] &- 0x30 < 10 { at += 1 }
    }

    private mutating func refuse(_ at: Int, _ text: Span<UInt8>, _ detail: String) -> JSONError {
        position = at
        if at == text.count { return refusal(.invalidJSON, text, "the document ends within a number") }
        return refusal(.invalidJSON, text, detail)
    }

    private func checkRange(from start: Int, to end: Int, _ text: Span<UInt8>) throws(JSONError) {
        do throws(ExactDecimal.ParseFailure) {
            _ = try ExactDecimal(parsing: copy(text, from: start, to: end))
        } catch {
            let most = "18 decimal places and ±(2^63 - 1) without the point"
            throw refusal(.numberOutOfRange, text, "the number cannot be held exactly: \(most)")
        }
    }
}
