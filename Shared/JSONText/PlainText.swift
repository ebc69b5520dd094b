// What nearly all texts are, told eight bytes at a time: ASCII that needs no escape, no look at each character, and no
// refusal. Called by the parser, the readers and the writer. Each says "plain" only of what is; whatever it does not
// say that of has to be looked at closely.

import Primitives

extension EightBytes {
    /// How many bytes come before the first that ends a string or that a reader has to look at: a quote, a backslash,
    /// a control character, or no ASCII.
    @inline(__always)
    var plainLength: Int {
        // A byte from 0x80 on is found by its own highest bit, so that the differences need not be exact for it.
        Found(
            (bits &- Self.all(0x20)) | ((bits ^ Self.all(UInt8(ascii: "\""))) &- Self.all(1))
                | ((bits ^ Self.all(UInt8(ascii: "\\"))) &- Self.all(1)) | bits
        ).index
    }

    /// The same, and before U+007F, which no text may have.
    @inline(__always)
    var plainTextLength: Int {
        Found(
            (bits &- Self.all(0x20)) | ((bits ^ Self.all(UInt8(ascii: "\""))) &- Self.all(1))
                | ((bits ^ Self.all(UInt8(ascii: "\\"))) &- Self.all(1)) | (bits &+ Self.all(1)) | bits
        ).index
    }
}

/// ASCII that stands in a string as it is, and that any text may have.
@inline(__always)
func isPlainText(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte < 0x7f && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
}

/// Whether all of a text is, and its first character is visible.
func isPlainText(_ text: Span<UInt8>) -> Bool {
    let count = text.count
    guard count > 0, text[0] > 0x20 else { return false }
    guard count >= 8 else { return EightBytes(holding: text).plainTextLength == 8 }
    var at = 0
    while at < count - 8 {
        if text.eightBytes(at: at).plainTextLength < 8 { return false }
        at += 8
    }
    // The last eight, some of them for the second time.
    return text.eightBytes(at: count - 8).plainTextLength == 8
}

/// Whether a text is plain without white space and slashes.
func isPlainIdentifier(_ text: Span<UInt8>) -> Bool {
    guard isPlainText(text) else { return false }
    for at in text.indices where text[at] == 0x20 || text[at] == UInt8(ascii: "/") { return false }
    return true
}
