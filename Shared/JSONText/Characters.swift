// Characters in the bytes of a document: UTF-8, escapes, and keys compared by what they mean.
// Called by the parser, which checks, and by JSONValue, which relies on what was checked.
// Never allocates for text without escapes, except where it says that it copies.

import Primitives

/// Length of the well-formed UTF-8 sequence at `at` (Unicode 15, table 3-7), or 0 if there is none: overlong
/// forms, surrogates, values beyond U+10FFFF and cut sequences are not well formed.
func scalarLength(_ text: Span<UInt8>, at: Int) -> Int {
    let first = text[at]
    let length: Int
    var second: ClosedRange<UInt8> = 0x80...0xbf
    switch first {
    case 0x00...0x7f: return 1
    case 0xc2...0xdf: length = 2
    case 0xe0...0xef:
        length = 3
        if first == 0xe0 { second = 0xa0...0xbf }
        if first == 0xed { second = 0x80...0x9f }
    case 0xf0...0xf4:
        length = 4
        if first == 0xf0 { second = 0x90...0xbf }
        if first == 0xf4 { second = 0x80...0x8f }
    default: return 0
    }
    guard at + length <= text.count, second.contains(text[at + 1]) else { return 0 }
    var index = at + 2
    while index < at + length {
        if text[index] & 0xc0 != 0x80 { return 0 }
        index += 1
    }
    return length
}

/// The value of four hex digits in either case, or nil.
func hexUnit(_ text: Span<UInt8>, at: Int) -> UInt32? {
    var unit: UInt32 = 0
    for index in at..<(at + 4) {
        switch text[index] {
        case 0x30...0x39: unit = unit << 4 | UInt32(text[index] - 0x30)
        case 0x41...0x46: unit = unit << 4 | UInt32(text[index] - 0x37)
        case 0x61...0x66: unit = unit << 4 | UInt32(text[index] - 0x57)
        default: return nil
        }
    }
    return unit
}

/// A hash of a key's characters, the same however they are written, eight bytes at a time. It only spares comparisons.
struct KeyHash {
    private var value: UInt64 = 0x9e37_79b9_7f4a_7c15

    @inline(__always)
    mutating func add(_ eight: EightBytes) { add(eight.bits) }

    /// Adds the last bytes, fewer than eight, and takes the hash.
    @inline(__always)
    mutating func finish(_ eight: EightBytes, length: Int, of count: Int) -> UInt32 {
        add(eight.bits & (1 << UInt64(8 * length) - 1) ^ UInt64(count) << 56)
        return UInt32(truncatingIfNeeded: value >> 32)
    }

    @inline(__always)
    private mutating func add(_ word: UInt64) {
        value = (value ^ word) &* 0xd6e8_feb8_6659_fd93
        value ^= value >> 32
    }
}

/// Of the bytes from `start` to `end`.
func keyHash(_ text: Span<UInt8>, from start: Int, to end: Int, isEscaped: Bool) -> UInt32 {
    if isEscaped {
        let key = unescape(text, from: start, to: end)
        return keyHash(key.span, from: 0, to: key.count, isEscaped: false)
    }
    var (hash, at) = (KeyHash(), start)
    while at <= end - 8 {
        hash.add(text.eightBytes(at: at))
        at += 8
    }
    var last: UInt64 = 0
    for place in at..<end { last |= UInt64(text[place]) << UInt64(8 * (place - at)) }
    return hash.finish(EightBytes(last), length: end - at, of: end - start)
}

/// Whether two strings or keys have the same characters, escapes resolved.
func sameText(_ left: Node, _ right: Node, _ text: Span<UInt8>) -> Bool {
    if left.isEscaped || right.isEscaped {
        return characters(of: left, text) == characters(of: right, text)
    }
    guard left.end - left.start == right.end - right.start else { return false }
    let distance = Int(right.start) - Int(left.start)
    var at = Int(left.start)
    while at < Int(left.end) {
        if text[at] != text[at + distance] { return false }
        at += 1
    }
    return true
}

/// A copy of a string's or key's characters in UTF-8, escapes resolved.
func characters(of node: Node, _ text: Span<UInt8>) -> [UInt8] {
    node.isEscaped
        ? unescape(text, from: Int(node.start), to: Int(node.end))
        : copy(text, from: Int(node.start), to: Int(node.end))
}

/// The bytes of `text` in `start..<end`.
func copy(_ text: Span<UInt8>, from start: Int, to end: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(end - start)
    var at = start
    while at < end {
        bytes.append(text[at])
        at += 1
    }
    return bytes
}

/// Resolves escapes that ``TapeParser/readString(_:)`` has accepted.
func unescape(_ text: Span<UInt8>, from start: Int, to end: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(end - start)
    var at = start
    while at < end {
        guard text[at] == UInt8(ascii: "\\"), at + 1 < end else {
            bytes.append(text[at])
            at += 1
            continue
        }
        let escape = text[at + 1]
        at += 2
        switch escape {
        case UInt8(ascii: "b"): bytes.append(0x08)
        case UInt8(ascii: "f"): bytes.append(0x0c)
        case UInt8(ascii: "n"): bytes.append(0x0a)
        case UInt8(ascii: "r"): bytes.append(0x0d)
        case UInt8(ascii: "t"): bytes.append(0x09)
        case UInt8(ascii: "u"): at = appendUnicodeEscape(text, at, to: &bytes)
        default: bytes.append(escape)
        }
    }
    return bytes
}

/// Appends the scalar whose first four digits are at `at`; returns the index behind its last digit.
private func appendUnicodeEscape(_ text: Span<UInt8>, _ at: Int, to bytes: inout [UInt8]) -> Int {
    guard let unit = hexUnit(text, at: at) else { return at }
    var (value, next) = (unit, at + 4)
    if (0xd800...0xdbff).contains(unit), let low = hexUnit(text, at: at + 6) {
        value = 0x1_0000 + (unit - 0xd800) << 10 + (low - 0xdc00)
        next = at + 10
    }
    if let scalar = Unicode.Scalar(value) { bytes.append(contentsOf: UTF8.encode(scalar) ?? .init()) }
    return next
}
