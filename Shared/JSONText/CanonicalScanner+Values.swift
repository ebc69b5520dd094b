// Texts, numbers, identifiers and times in a canonical body. Each says nil and leaves the body to the full reader
// where that would have to look closer: at an escape, at a character that may not be allowed, at a long number.

import Primitives

extension CanonicalScanner {
    // MARK: Texts

    /// As ``FieldReader/text(_:required:maximum:minimum:)`` reads it, if its first character is visible ASCII.
    public mutating func text(maximum: Int) -> String? {
        guard let range = quoted(maximum: maximum) else { return nil }
        return String(decoding: bytes[range], as: UTF8.self)
    }

    /// As ``FieldReader/identifier(_:required:maximum:)`` reads it, of ASCII only.
    public mutating func identifier(maximum: Int) -> String? {
        guard let range = quoted(maximum: maximum), isPlainIdentifier(bytes.span.extracting(range)) else { return nil }
        return String(decoding: bytes[range], as: UTF8.self)
    }

    /// What `make` makes of a text, without a copy of it.
    public mutating func text<Value>(maximum: Int, _ make: (Span<UInt8>) -> Value?) -> Value? {
        guard let range = quoted(maximum: maximum) else { return nil }
        return make(bytes.span.extracting(range))
    }

    public mutating func word<Word>(_ table: WordTable<Word>) -> Word? {
        text(maximum: WordTable<Word>.maximumBytes) { table[$0] }
    }

    /// Steps over a text of 1 to `maximum` bytes without escapes; nil if a character of it may be refused.
    private mutating func quoted(maximum: Int) -> Range<Int>? {
        guard take(character: "\"") else { return nil }
        let bytes = bytes
        let text = bytes.span
        let start = position
        var at = start
        while true {
            while at <= end - 8 {
                let length = text.eightBytes(at: at).plainTextLength
                at += length
                if length < 8 { break }
            }
            guard at < end else { return nil }
            let byte = text[at]
            if byte == UInt8(ascii: "\"") { break }
            guard let length = plainLength(of: byte, at, text) else { return nil }
            at += length
        }
        // Blank text is refused, and text that starts with a space may be blank.
        guard at > start, at - start <= maximum, (0x21..<0x7f).contains(text[start]) else { return nil }
        position = at + 1
        return start..<at
    }

    // MARK: Numbers

    /// Of at most 18 digits.
    public mutating func integer(in range: ClosedRange<Int64>) -> Int64? {
        let isNegative = take(character: "-")
        guard let magnitude = digits(most: ExactDecimal.maximumScale) else { return nil }
        let number = isNegative ? -magnitude : magnitude
        return range.contains(number) ? number : nil
    }

    /// A decimal that is not negative, with exactly so many places; in units of its last place.
    public mutating func units(places: Int) -> Int64? {
        guard var number = digits(most: ExactDecimal.maximumScale - places) else { return nil }
        guard places > 0 else { return number }
        guard take(character: "."), places <= end - position else { return nil }
        let bytes = bytes
        let text = bytes.span
        for _ in 0..<places {
            let digit = text[position] &- 0x30
            guard digit < 10 else { return nil }
            number = number * 10 + Int64(digit)
            position += 1
        }
        return number
    }

    /// Without zeros in front; nil also if there are more.
    private mutating func digits(most: Int) -> Int64? {
        let bytes = bytes
        let text = bytes.span
        let start = position
        var (number, at) = (Int64(0), start)
        while at < end {
            let digit = text[at] &- 0x30
            guard digit < 10 else { break }
            guard at - start < most else { return nil }
            number = number * 10 + Int64(digit)
            at += 1
        }
        guard at > start, text[start] != 0x30 || at == start + 1 else { return nil }
        position = at
        return number
    }

    // MARK: Identifiers and times

    /// 32 lower-case hex digits.
    public mutating func hex() -> UInt128? {
        guard let range = quoted(count: 32) else { return nil }
        return parseHex(bytes.span.extracting(range))
    }

    /// In UTC with milliseconds.
    public mutating func timestamp() -> Timestamp? {
        guard let range = quoted(count: 24) else { return nil }
        return Timestamp(written: bytes.span.extracting(range))
    }

    /// Steps over quotes around `count` bytes, whatever these are.
    private mutating func quoted(count: Int) -> Range<Int>? {
        let bytes = bytes
        let text = bytes.span
        let quote = UInt8(ascii: "\"")
        let start = position + 1
        guard count + 2 <= end - position, text[position] == quote, text[start + count] == quote else { return nil }
        position = start + count + 1
        return start..<start + count
    }
}

/// The length of a character that any text may have, or nil: it is not one, or has to be looked at.
private func plainLength(of byte: UInt8, _ at: Int, _ text: Span<UInt8>) -> Int? {
    guard byte >= 0x80 else { return isPlainText(byte) ? 1 : nil }
    let length = scalarLength(text, at: at)
    guard length > 0 else { return nil }
    // U+0080 to U+009F are control characters; those that change the direction of writing are among U+2000 to U+207F.
    if byte == 0xc2, text[at + 1] < 0xa0 { return nil }
    if byte == 0xe2, text[at + 1] <= 0x81 { return nil }
    return length
}
