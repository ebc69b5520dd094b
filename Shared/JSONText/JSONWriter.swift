// Writes one compact JSON document into bytes, value after value, with exact numbers and correct escapes.
// Called by every codec. A worker keeps one and clears it between messages, so that writing allocates
// nothing. Never writes what the reader of this module would refuse for its form: a misuse stops the process
// at once.

import Primitives

/// A compact JSON document being written. Commas and colons are the writer's business.
public struct JSONWriter: Sendable {
    /// Open objects and arrays at once: one bit each in the writer's stack, twice what the reader takes.
    public static let maximumDepth = 64

    public private(set) var bytes: [UInt8] = []
    private var depth = 0
    /// Whether each open container is an object, the innermost in the lowest bit.
    private var objects: UInt64 = 0
    /// Whether the innermost container has a member or an item: the next one then needs a comma. Those around it
    /// have one, since it stands in them.
    private var needsComma = false
    private var hasKey = false

    /// - Parameter capacity: bytes to make room for at first.
    public init(capacity: Int = 1_024) { bytes.reserveCapacity(capacity) }

    /// Starts over, keeping the storage.
    public mutating func clear() {
        bytes.removeAll(keepingCapacity: true)
        (depth, objects, needsComma, hasKey) = (0, 0, false, false)
    }

    /// Whether the document is written to its end.
    public var isComplete: Bool { depth == 0 && !bytes.isEmpty }

    // MARK: Structure

    public mutating func beginObject() {
        beginContainer(UInt8(ascii: "{"))
        objects |= 1
    }

    public mutating func beginArray() {
        beginContainer(UInt8(ascii: "["))
    }

    public mutating func endObject() {
        precondition(isInObject && !hasKey, "an object ends where it is open and its last key has a value")
        endContainer(UInt8(ascii: "}"))
    }

    public mutating func endArray() {
        precondition(depth > 0 && !isInObject, "an array ends where it is open")
        endContainer(UInt8(ascii: "]"))
    }

    /// A key that a codec knows: copied as it stands. Its name has more than one character, and none to be escaped
    /// (which debug builds check).
    ///
    /// - Precondition: an object is open, and the key before has its value.
    public mutating func key(_ name: StaticString) {
        member(name, room: 0) { _ in }
        hasKey = true
    }

    /// A key that comes with the message.
    public mutating func key(text name: String) {
        checkKey()
        separate()
        quote(name)
        bytes.append(UInt8(ascii: ":"))
        hasKey = true
    }

    // MARK: Values

    public mutating func string(_ text: String) {
        beginValue()
        quote(text)
    }

    /// Text as UTF-8; sequences that are not UTF-8 become U+FFFD.
    public mutating func string(utf8 text: some Collection<UInt8>) {
        beginValue()
        let isWritten = text.withContiguousStorageIfAvailable { text in
            let utf8 = unsafe text.span
            return utf8.isASCII && putQuoted(utf8)
        }
        if isWritten != true { quote(String(decoding: text, as: UTF8.self)) }
    }

    public mutating func integer(_ number: Int64) {
        value(room: BytePen.numberRoom) { $0.put(number) }
    }

    /// A JSON number with the decimal's own places.
    public mutating func decimal(_ number: ExactDecimal) {
        value(room: BytePen.numberRoom) { $0.put(number) }
    }

    /// A string of 32 lower-case hex digits.
    public mutating func hex(_ number: UInt128) {
        value(room: BytePen.hexRoom + 2) { $0.put(quoted: number) }
    }

    /// A string of two lower-case hex digits for each byte.
    public mutating func hex(of data: some Collection<UInt8>) {
        beginValue()
        bytes.append(UInt8(ascii: "\""))
        let isWritten: Void? = data.withContiguousStorageIfAvailable { data in
            let data = unsafe data.span
            bytes.appendHex(of: data)
        }
        if isWritten == nil { bytes.appendHex(of: Array(data).span) }
        bytes.append(UInt8(ascii: "\""))
    }

    /// A string in RFC 3339, UTC with milliseconds.
    public mutating func timestamp(_ time: Timestamp) {
        value(room: BytePen.timestampRoom + 2) { $0.put(quoted: time) }
    }

    public mutating func bool(_ value: Bool) {
        self.value(room: 5) { $0.put(value ? "true" : "false") }
    }

    public mutating func null() {
        value(room: 4) { $0.put("null") }
    }

    /// A value that is JSON already, such as ``JSONValue/rawBytes``; it is copied unchecked.
    public mutating func raw(_ json: some Collection<UInt8>) {
        precondition(!json.isEmpty, "a value is not empty")
        beginValue()
        bytes.append(contentsOf: json)
    }

    // MARK: Steps

    private var isInObject: Bool { objects & 1 != 0 }

    private mutating func beginContainer(_ bracket: UInt8) {
        precondition(depth < Self.maximumDepth, "the document nests deeper than any message")
        beginValue()
        depth += 1
        objects <<= 1
        needsComma = false
        bytes.append(bracket)
    }

    private mutating func endContainer(_ bracket: UInt8) {
        depth -= 1
        objects >>= 1
        needsComma = true
        bytes.append(bracket)
    }

    private func checkKey() {
        precondition(isInObject && !hasKey, "a key belongs into an object, and each key has a value")
    }

    /// A key, and what `write` puts behind its colon: `room` bytes at most.
    @inline(__always)
    mutating func member(_ name: StaticString, room: Int, _ write: (inout BytePen) -> Void) {
        checkKey()
        assert(StaticBytes(name).allSatisfy(isPlain), "a key that needs escapes is text")
        let comma = needsComma
        bytes.append(room: name.utf8CodeUnitCount + Self.keyRoom + room) { pen in
            if comma { pen.put(UInt8(ascii: ",")) }
            pen.put(UInt8(ascii: "\""))
            pen.put(name)
            pen.put("\":")
            write(&pen)
        }
        needsComma = true
    }

    /// A comma, quotes and a colon.
    private static let keyRoom = 4

    @inline(__always)
    private mutating func value(room: Int, _ write: (inout BytePen) -> Void) {
        beginValue()
        bytes.append(room: room, write)
    }

    private mutating func beginValue() {
        if hasKey {
            hasKey = false
        } else if depth == 0 {
            precondition(bytes.isEmpty, "one document at a time")
        } else {
            precondition(!isInObject, "a value in an object needs a key")
            separate()
        }
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func quote(_ text: String) {
        let utf8 = text.utf8.span
        if !putQuoted(utf8) { appendEscaped(utf8) }
    }

    /// Copied in one go if nothing is to be escaped, as nearly always; else nothing is written.
    private mutating func putQuoted(_ utf8: Span<UInt8>) -> Bool {
        var isPut = false
        bytes.append(room: utf8.count + 2) { isPut = $0.put(quoted: utf8) }
        return isPut
    }

    mutating func appendEscaped(_ utf8: Span<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        for at in utf8.indices { bytes.append(escaping: utf8[at]) }
        bytes.append(UInt8(ascii: "\""))
    }
}
