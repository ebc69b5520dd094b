// Strings as JSON writes them, looked at eight bytes at a time for what has to be escaped: nearly never anything.
// Called by the writer, and by the store for its rows. Never escapes what may stand as it is: two spellings of one
// text would be two fingerprints.

import Primitives

extension BytePen {
    /// Text between quotes, copied as it stands; if a byte of it has to be escaped, nothing is put, and false returned.
    @inline(__always)
    public mutating func put(quoted utf8: Span<UInt8>) -> Bool {
        guard !hasEscapes(utf8) else { return false }
        put(UInt8(ascii: "\""))
        put(utf8)
        put(UInt8(ascii: "\""))
        return true
    }

    @inline(__always)
    public mutating func put(quoted number: UInt128) {
        put(UInt8(ascii: "\""))
        put(hex: number)
        put(UInt8(ascii: "\""))
    }

    @inline(__always)
    public mutating func put(quoted time: Timestamp) {
        put(UInt8(ascii: "\""))
        put(time)
        put(UInt8(ascii: "\""))
    }
}

extension [UInt8] {
    mutating func append(escaping byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): self += [UInt8(ascii: "\\"), byte]
        case 0x08: append(contentsOf: "\\b".utf8)
        case 0x09: append(contentsOf: "\\t".utf8)
        case 0x0a: append(contentsOf: "\\n".utf8)
        case 0x0c: append(contentsOf: "\\f".utf8)
        case 0x0d: append(contentsOf: "\\r".utf8)
        case 0..<0x20:
            append(contentsOf: "\\u00".utf8)
            appendHex(of: [byte].span)
        default: append(byte)
        }
    }
}

/// ASCII that stands in a string as it is.
func isPlain(_ byte: UInt8) -> Bool { byte < 0x80 && !needsEscape(byte) }

private func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
}

private func hasEscapes(_ text: Span<UInt8>) -> Bool {
    let count = text.count
    guard count >= 8 else { return count > 0 && hasEscapes(EightBytes(holding: text)) }
    var at = 0
    while at < count - 8 {
        if hasEscapes(text.eightBytes(at: at)) { return true }
        at += 8
    }
    // The last eight, some of them for the second time.
    return hasEscapes(text.eightBytes(at: count - 8))
}

@inline(__always)
private func hasEscapes(_ bytes: EightBytes) -> Bool {
    // Mostly there is not even a character of another script.
    if bytes.plainLength == 8 { return false }
    return !(bytes.below(0x20) | bytes.equal(to: UInt8(ascii: "\"")) | bytes.equal(to: UInt8(ascii: "\\"))).isNone
}
