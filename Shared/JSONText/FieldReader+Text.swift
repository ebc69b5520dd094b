// Text and identifiers out of an object's fields, with their bounds and the characters they must not have.
// Called by the codecs of messages that come from outside. Never trims, folds or normalises: what is accepted
// is kept byte for byte.

extension FieldReader {
    /// Text for people: no control characters and none that change the writing direction of what follows.
    ///
    /// - Parameters: `minimum` and `maximum` count UTF-8 bytes; blank text is "empty" unless `minimum` is 0.
    public mutating func text(
        _ key: String, required: Bool = true, maximum: Int, minimum: Int = 1
    ) -> String? {
        guard let text = bounded(key, required: required, maximum: maximum, minimum: minimum) else {
            return nil
        }
        if isPlainText(text.span) { return String(decoding: text, as: UTF8.self) }
        switch contents(of: text, isRefused: isRefusedInText) {
        case .refused:
            report(key, code: "charset", detail: "control and direction-changing characters are not allowed")
            return nil
        case .blank where minimum > 0:
            report(key, code: "empty", detail: "the field must not be blank")
            return nil
        case .blank, .visible:
            return String(decoding: text, as: UTF8.self)
        }
    }

    /// A name for machines: printable characters without white space and slashes, 1 to `maximum` UTF-8 bytes.
    public mutating func identifier(_ key: String, required: Bool = true, maximum: Int) -> String? {
        guard let text = bounded(key, required: required, maximum: maximum, minimum: 1) else { return nil }
        if let (code, detail) = identifierProblem(text) {
            report(key, code: code, detail: detail)
            return nil
        }
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func bounded(
        _ key: String, required: Bool, maximum: Int, minimum: Int
    ) -> ArraySlice<UInt8>? {
        guard let index = index(of: key, required: required) else { return nil }
        guard let text = value.document.stringBytes(index) else {
            reportType(key, index, due: "a string")
            return nil
        }
        if let (code, detail) = sizeProblem(text, maximum: maximum, minimum: minimum) {
            report(key, code: code, detail: detail)
            return nil
        }
        return text
    }
}

/// The bytes as an identifier, by the rules of ``FieldReader/identifier(_:required:maximum:)``: for what does not come
/// in a document, such as a record's header.
///
/// - Throws: a problem whose pointer is `name`.
public func identifier(
    _ bytes: ArraySlice<UInt8>, maximum: Int, name: String
) throws(FieldProblem) -> String {
    if let (code, detail) = sizeProblem(bytes, maximum: maximum, minimum: 1) {
        throw FieldProblem(pointer: name, code: code, detail: detail)
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
        throw FieldProblem(pointer: name, code: "charset", detail: "the text is not UTF-8")
    }
    if let (code, detail) = identifierProblem(bytes) {
        throw FieldProblem(pointer: name, code: code, detail: detail)
    }
    return text
}

private func sizeProblem(
    _ text: ArraySlice<UInt8>, maximum: Int, minimum: Int
) -> (code: String, detail: String)? {
    if text.count > maximum { return (code: "too-long", detail: "at most \(maximum) bytes of UTF-8") }
    guard text.count < minimum else { return nil }
    let isEmpty = text.isEmpty
    return (
        code: isEmpty ? "empty" : "too-short",
        detail: isEmpty ? "the field must not be empty" : "at least \(minimum) bytes of UTF-8"
    )
}

/// - Precondition: the text is UTF-8.
private func identifierProblem(_ text: ArraySlice<UInt8>) -> (code: String, detail: String)? {
    if isPlainIdentifier(text.span) { return nil }
    return switch contents(of: text, isRefused: isRefusedInIdentifier) {
    case .refused: (code: "charset", detail: "printable characters without spaces and slashes are due")
    case .blank: (code: "empty", detail: "the field must not be blank")
    case .visible: nil
    }
}

private enum TextContents { case blank, visible, refused }

/// Text of spaces only is blank, also where spaces are refused.
private func contents(
    of text: ArraySlice<UInt8>, isRefused: (Unicode.Scalar) -> Bool
) -> TextContents {
    var (hasVisible, hasRefused) = (false, false)
    var isASCII = true
    for byte in text {
        if byte >= 0x80 { isASCII = false }
        if byte > 0x20 { hasVisible = true }
        if byte <= 0x20 || byte == 0x7f || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "\\") {
            hasRefused = hasRefused || isRefused(Unicode.Scalar(byte))
        }
    }
    if !isASCII {
        hasVisible = false
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
            if !scalar.properties.isWhitespace { hasVisible = true }
            if isRefused(scalar) { hasRefused = true }
        }
    }
    if !hasVisible, text.allSatisfy({ $0 == 0x20 || $0 >= 0x80 }) { return .blank }
    return hasRefused ? .refused : hasVisible ? .visible : .blank
}

private func isRefusedInText(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0...0x1f, 0x7f...0x9f: true
    case 0x202a...0x202e, 0x2066...0x2069: true
    default: false
    }
}

/// Slashes would change the meaning of a path. A backslash is one to some of the systems behind us.
private func isRefusedInIdentifier(_ scalar: Unicode.Scalar) -> Bool {
    if scalar == "/" || scalar == "\\" { return true }
    if scalar.value < 0x80 { return scalar.value <= 0x20 || scalar.value == 0x7f }
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
        .spaceSeparator:
        return true
    default:
        return false
    }
}
