// Columns of a row as the changelog writes them: JSON, BLOBs as hex digits. Appended to the bytes of a batch's changed
// rows; read back by TableChangelog.

import JSONText
import Primitives

extension [UInt8] {
    mutating func appendNull() { append(contentsOf: StaticBytes("null")) }

    mutating func appendNumber(_ number: Int64) {
        append(room: BytePen.numberRoom) { $0.put(number) }
    }

    mutating func appendIdentifier(_ value: UInt128) {
        append(room: BytePen.hexRoom + 2) { $0.put(quoted: value) }
    }

    mutating func appendHexText(of data: Span<UInt8>) {
        append(UInt8(ascii: "\""))
        appendHex(of: data)
        append(UInt8(ascii: "\""))
    }

    /// Text as UTF-8; what is not UTF-8 becomes U+FFFD. Nearly always it is ASCII and has nothing to be escaped.
    mutating func appendText(_ utf8: Span<UInt8>) {
        if utf8.isASCII {
            var isWritten = false
            append(room: utf8.count + 2) { isWritten = $0.put(quoted: utf8) }
            if isWritten { return }
        }
        var writer = JSONWriter(capacity: utf8.count + 16)
        unsafe utf8.withUnsafeBufferPointer { unsafe writer.string(utf8: $0) }
        append(contentsOf: writer.bytes)
    }
}
