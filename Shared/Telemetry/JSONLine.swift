// Builds the one flat JSON object of a log line, as bytes. Called by the logger only. It escapes everything
// that could end a string or a line, so that nothing a client sends can forge a second line.

struct JSONLine {
    private var bytes: [UInt8] = [UInt8(ascii: "{")]

    mutating func append(_ name: String, _ value: LogField.Value) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        append(quoted: name)
        bytes.append(UInt8(ascii: ":"))
        switch value {
        case .string(let text): append(quoted: text)
        case .number(let number): bytes += String(number).utf8
        case .flag(let flag): bytes += (flag ? "true" : "false").utf8
        }
    }

    consuming func finished() -> [UInt8] { bytes + [UInt8(ascii: "}"), UInt8(ascii: "\n")] }

    /// Cuts at a character's border and marks the cut with an ellipsis.
    private mutating func append(quoted text: String) {
        bytes.append(UInt8(ascii: "\""))
        var left = Logger.maximumValueBytes
        for scalar in text.unicodeScalars {
            left -= UTF8.width(scalar)
            if left < 0 {
                bytes += "…".utf8
                break
            }
            append(escaped: scalar)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// RFC 8259, section 7; besides what must be escaped, also DEL and the separators U+2028 and U+2029,
    /// which some readers of logs take for the end of a line.
    private mutating func append(escaped scalar: Unicode.Scalar) {
        switch scalar {
        case "\"": bytes += "\\\"".utf8
        case "\\": bytes += "\\\\".utf8
        case "\n": bytes += "\\n".utf8
        case "\r": bytes += "\\r".utf8
        case "\t": bytes += "\\t".utf8
        case "\0"..."\u{1f}", "\u{7f}"..."\u{9f}", "\u{2028}", "\u{2029}":
            let digits = String(scalar.value, radix: 16)
            bytes += "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8
        default: bytes += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
        }
    }
}
