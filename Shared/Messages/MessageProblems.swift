// Why a message was not accepted: every problem found in it, each with the place and a stable code.
// The gateway shows them to callers, the dead-letter headers carry them to operators.

import JSONText

/// A message that is no message: not JSON, or JSON with wrong or missing fields.
public enum MessageFailure: Error, Sendable, Equatable {
    case document(JSONError)
    case fields([FieldProblem])

    /// A stable code: the document's, or that of the first field.
    public var code: String {
        switch self {
        case .document(let error): error.code.rawValue
        case .fields(let problems): problems.first?.code ?? "invalid"
        }
    }

    /// One line for people.
    public var detail: String {
        switch self {
        case .document(let error):
            (error.pointer.isEmpty ? "" : error.pointer + ": ")
                + "\(error.detail) at line \(error.line), column \(error.column)"
        case .fields(let problems):
            problems.map { $0.pointer.isEmpty ? $0.detail : "\($0.pointer): \($0.detail)" }.joined(separator: "; ")
        }
    }
}

/// Parses a body and reads an object from it.
public func decode<Message>(
    _ bytes: [UInt8], in range: Range<Int>? = nil,
    _ read: (inout FieldReader) -> Message?
) throws(MessageFailure) -> Message {
    let document: JSONDocument
    do throws(JSONError) {
        document = try JSONDocument(parsing: bytes, in: range)
    } catch {
        throw .document(error)
    }
    var fields = FieldReader(document.root)
    let message = read(&fields)
    guard fields.problems.isEmpty, let message else { throw .fields(fields.problems) }
    return message
}

/// Reads a body in the form that this platform writes. One of any other form, and one that is wrong, is read by
/// `read`, which knows what is wrong with it.
public func decode<Message>(
    _ bytes: [UInt8], in range: Range<Int>? = nil, canonical: (inout CanonicalScanner) -> Message?,
    _ read: (inout FieldReader) -> Message?
) throws(MessageFailure) -> Message {
    if let message = CanonicalScanner.read(bytes, in: range, canonical) { return message }
    return try decode(bytes, in: range, read)
}
