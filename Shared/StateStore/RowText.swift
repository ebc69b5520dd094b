// Columns of a row as the changelog writes them: JSON, BLOBs as hex digits. Appended to the bytes of a batch's changed
// rows; read back by TableChangelog.

import JSONText
import Primitives

extension [UInt8] {
    mutating func appendNull() { append(contentsOf: StaticBytes("null")) }

    mutating func appendNumber(_ number: Int64) {
        append(addingCapacity: 20) { text in
            if number < 0 { text.append(UInt8(ascii: "-")) }
            var rest = number.magnitude
            var divisor: UInt64 = 1
            while rest / divisor >= 10 { divisor *= 10 }
            while divisor > 0 {
                text.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest / divisor))
                rest %= divisor
                divisor /= 10
            }
        }
    }

    mutating func appendIdentifier(_ value: UInt128) {
        append(UInt8(ascii: "\""))
        appendHex(value)
        append(UInt8(ascii: "\""))
    }

    mutating func appendHexText(of data: UnsafeBufferPointer<UInt8>) {
        append(UInt8(ascii: "\""))
        unsafe appendHex(of: data)
        append(UInt8(ascii: "\""))
    }

    /// Text as UTF-8; nearly always it has nothing to be escaped.
    mutating func appendText(_ utf8: UnsafeBufferPointer<UInt8>) {
        guard unsafe utf8.allSatisfy(isPlain) else {
            var writer = JSONWriter(capacity: utf8.count + 16)
            unsafe writer.string(utf8: utf8)
            return append(contentsOf: writer.bytes)
        }
        append(UInt8(ascii: "\""))
        unsafe append(contentsOf: utf8)
        append(UInt8(ascii: "\""))
    }
}

/// ASCII that stands in a JSON string as it is.
private func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte < 0x80 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
}
