// Writes one compact JSON document into bytes, value after value, with exact numbers and correct escapes.
// Called by every codec. A worker keeps one and clears it between messages, so that writing allocates
// nothing. Never writes what the reader of this module would refuse for its form: a misuse stops the process
// at once.

import Primitives

/// A compact JSON document being written. Commas and colons are the writer's business.
public struct JSONWriter: Sendable {
    /// Open objects and arrays at once: one bit each in the writer's two stacks, twice what the reader takes.
    public static let maximumDepth = 64

    public private(set) var bytes: [UInt8] = []
    private var depth = 0
    /// Bit d - 1 tells of the container at depth d.
    private var objects: UInt64 = 0
    private var nonEmpty: UInt64 = 0
    private var hasKey = false

    /// - Parameter capacity: bytes to make room for at first.
    public init(capacity: Int = 1_024) { bytes.reserveCapacity(capacity) }

    /// Starts over, keeping the storage.
    public mutating func clear() {
        bytes.removeAll(keepingCapacity: true)
        (depth, objects, nonEmpty, hasKey) = (0, 0, 0, false)
    }

    /// Whether the document is written to its end.
    public var isComplete: Bool { depth == 0 && !bytes.isEmpty }

    // MARK: Structure

    public mutating func beginObject() {
        beginContainer(UInt8(ascii: "{"))
        objects |= 1 << UInt64(depth - 1)
    }

    public mutating func beginArray() {
        beginContainer(UInt8(ascii: "["))
        objects &= ~(1 << UInt64(depth - 1))
    }

    public mutating func endObject() {
        precondition(isInObject && !hasKey, "an object ends where it is open and its last key has a value")
        depth -= 1
        bytes.append(UInt8(ascii: "}"))
    }

    public mutating func endArray() {
        precondition(depth > 0 && !isInObject, "an array ends where it is open")
        depth -= 1
        bytes.append(UInt8(ascii: "]"))
    }

    /// A key that a codec knows: copied as it stands. Its name has more than one character, and none to be escaped
    /// (which debug builds check).
    ///
    /// - Precondition: an object is open, and the key before has its value.
    public mutating func key(_ name: StaticString) {
        beginKey()
        assert(StaticBytes(name).allSatisfy(isPlain), "a key that needs escapes is text")
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: StaticBytes(name))
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }

    /// A key that comes with the message.
    public mutating func key(text name: String) {
        beginKey()
        quote(name)
        bytes.append(UInt8(ascii: ":"))
    }

    // MARK: Values

    public mutating func string(_ text: String) {
        beginValue()
        quote(text)
    }

    /// Text as UTF-8; sequences that are not UTF-8 become U+FFFD.
    public mutating func string(utf8 text: some Collection<UInt8>) {
        beginValue()
        if text.allSatisfy(isPlain) {
            bytes.append(UInt8(ascii: "\""))
            bytes.append(contentsOf: text)
            bytes.append(UInt8(ascii: "\""))
        } else {
            quote(String(decoding: text, as: UTF8.self))
        }
    }

    public mutating func integer(_ number: Int64) {
        beginValue()
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        digits(number.magnitude, places: 0)
    }

    /// A JSON number with the decimal's own places.
    public mutating func decimal(_ number: ExactDecimal) {
        beginValue()
        if number.isNegative { bytes.append(UInt8(ascii: "-")) }
        digits(number.mantissa.magnitude, places: number.scale)
    }

    /// A string of 32 lower-case hex digits.
    public mutating func hex(_ number: UInt128) {
        beginValue()
        bytes.append(UInt8(ascii: "\""))
        bytes.appendHex(number)
        bytes.append(UInt8(ascii: "\""))
    }

    /// A string of two lower-case hex digits for each byte.
    public mutating func hex(of data: some Collection<UInt8>) {
        beginValue()
        bytes.append(UInt8(ascii: "\""))
        bytes.appendHex(of: data)
        bytes.append(UInt8(ascii: "\""))
    }

    /// A string in RFC 3339, UTC with milliseconds.
    public mutating func timestamp(_ time: Timestamp) {
        beginValue()
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: time.rfc3339)
        bytes.append(UInt8(ascii: "\""))
    }

    public mutating func bool(_ value: Bool) {
        beginValue()
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    public mutating func null() {
        beginValue()
        bytes.append(contentsOf: "null".utf8)
    }

    /// A value that is JSON already, such as ``JSONValue/rawBytes``; it is copied unchecked.
    public mutating func raw(_ json: some Collection<UInt8>) {
        precondition(!json.isEmpty, "a value is not empty")
        beginValue()
        bytes.append(contentsOf: json)
    }

    // MARK: Steps

    private var isInObject: Bool { depth > 0 && objects & (1 << UInt64(depth - 1)) != 0 }

    private mutating func beginContainer(_ bracket: UInt8) {
        beginValue()
        precondition(depth < Self.maximumDepth, "the document nests deeper than any message")
        depth += 1
        nonEmpty &= ~(1 << UInt64(depth - 1))
        bytes.append(bracket)
    }

    private mutating func beginKey() {
        precondition(isInObject && !hasKey, "a key belongs into an object, and each key has a value")
        separate()
        hasKey = true
    }

    private mutating func beginValue() {
        if depth == 0 {
            precondition(bytes.isEmpty, "one document at a time")
        } else if isInObject {
            precondition(hasKey, "a value in an object needs a key")
            hasKey = false
        } else {
            separate()
        }
    }

    private mutating func separate() {
        let bit = UInt64(1) << UInt64(depth - 1)
        if nonEmpty & bit != 0 { bytes.append(UInt8(ascii: ",")) }
        nonEmpty |= bit
    }

    /// The digits of `number`, with a point before the last `places` and at least one digit before the point.
    private mutating func digits(_ number: UInt64, places: Int) {
        var (count, bound) = (1, UInt64(10))
        while count < Self.mostDigits, number >= bound {
            count += 1
            bound = count < Self.mostDigits ? bound * 10 : bound
        }
        count = max(count, places + 1) + (places > 0 ? 1 : 0)
        bytes.append(contentsOf: repeatElement(UInt8(ascii: "."), count: count))
        var (rest, at) = (number, bytes.count)
        for place in 0..<count {
            at -= 1
            if place == places, places > 0 { continue }
            bytes[at] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }

    /// 2^64 - 1 has twenty.
    private static let mostDigits = 20

    /// Checked and copied in one go, as far as nothing is to be escaped: nearly always to the end.
    private mutating func quote(_ text: String) {
        let utf8 = text.utf8
        let span = utf8.span
        var at = 0
        bytes.append(addingCapacity: span.count + 2) { output in
            output.append(UInt8(ascii: "\""))
            while at < span.count, !needsEscape(span[at]) {
                output.append(span[at])
                at += 1
            }
            if at == span.count { output.append(UInt8(ascii: "\"")) }
        }
        guard at < span.count else { return }
        while at < span.count {
            appendEscaped(span[at])
            at += 1
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func appendEscaped(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
        case 0x08: bytes.append(contentsOf: "\\b".utf8)
        case 0x09: bytes.append(contentsOf: "\\t".utf8)
        case 0x0a: bytes.append(contentsOf: "\\n".utf8)
        case 0x0c: bytes.append(contentsOf: "\\f".utf8)
        case 0x0d: bytes.append(contentsOf: "\\r".utf8)
        case 0..<0x20:
            bytes.append(contentsOf: "\\u00".utf8)
            bytes += [hexDigit(UInt64(byte >> 4)), hexDigit(UInt64(byte))]
        default: bytes.append(byte)
        }
    }
}

private func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
}

/// ASCII that stands in a string as it is.
private func isPlain(_ byte: UInt8) -> Bool { byte < 0x80 && !needsEscape(byte) }

/// The lowest four bits as a lower-case hex digit.
private func hexDigit(_ number: UInt64) -> UInt8 {
    let nibble = UInt8(truncatingIfNeeded: number & 0xf)
    return nibble < 10 ? 0x30 + nibble : 0x57 + nibble
}
