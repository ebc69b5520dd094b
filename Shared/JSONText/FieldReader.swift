// Reads the fields of one object and notes every problem instead of stopping at the first, so that an answer
// can name all of them. Called by the codecs of messages that come from outside. A field with a problem reads
// as nil, so a caller builds its value only when `problems` is empty. Never repairs a value and never quotes
// one.

/// One thing that is wrong with one field.
public struct FieldProblem: Error, Equatable {
    /// RFC 6901 pointer from the document's root.
    public let pointer: String
    /// A stable word: "missing", "type", "range", "too-long", "charset", "empty", "unknown-value" and so on.
    public let code: String
    /// For people; it may change between versions.
    public let detail: String

    public init(pointer: String, code: String, detail: String) {
        self.pointer = pointer
        self.code = code
        self.detail = detail
    }
}

/// Reads one object, field by field. A null stands for an absent field.
public struct FieldReader: Sendable {
    /// Who has more wrong fields than this repairs these first; it bounds the answer to a thousand bad lines.
    public static let maximumProblems = 256

    /// In the order in which the fields were asked for; at most ``maximumProblems``.
    public private(set) var problems: [FieldProblem] = []
    public let value: JSONValue
    /// Where the member found last ended; see ``JSONDocument/find(_:in:hint:)``.
    private var hint = 0
    /// The object's own pointer, once a problem has asked for it: finding it walks over all that is before.
    private var base: String?

    /// Notes a "type" problem, and nothing more, if `value` is no object.
    public init(_ value: JSONValue) {
        self.value = value
        if value.kind != .object {
            report(pointer: value.pointer, code: "type", detail: "an object is due, not \(value.kind.noun)")
        }
    }

    /// The field's index in the document, or nil after noting what is wrong.
    mutating func index(of key: String, required: Bool) -> Int? {
        let found = value.document.find(key, in: value.index, hint: hint)
        guard let found, value.document.nodes[found].kind != .null else {
            if required, value.kind == .object {
                let detail =
                    found == nil ? "the field is required" : "the field is required and must not be null"
                report(key, code: "missing", detail: detail)
            }
            return nil
        }
        hint = Int(value.document.nodes[found].next)
        return found
    }

    mutating func reportType(_ key: String, _ index: Int, due: String) {
        let actual = JSONValue(document: value.document, index: index).kind.noun
        report(key, code: "type", detail: "\(due) is due, not \(actual)")
    }

    // MARK: Structure

    public mutating func object(_ key: String, required: Bool = true) -> JSONValue? {
        guard let index = index(of: key, required: required) else { return nil }
        guard value.document.nodes[index].kind == .object else {
            reportType(key, index, due: "an object")
            return nil
        }
        return JSONValue(document: value.document, index: index)
    }

    /// The array's items, if there are at most `maximum`.
    public mutating func array(_ key: String, maximum: Int, required: Bool = true) -> [JSONValue]? {
        bounded(key, maximum: maximum, required: required).map { Array($0.items) }
    }

    /// What `read` makes of each item of an array, with a reader of its own whose problems are taken over; nil if it
    /// makes nil of one of them, without an array, or with more than `maximum` items.
    public mutating func items<Item>(
        _ key: String, maximum: Int, required: Bool = true, _ read: (inout FieldReader) -> Item?
    ) -> [Item]? {
        guard let array = bounded(key, maximum: maximum, required: required) else { return nil }
        var items: [Item] = []
        items.reserveCapacity(array.count)
        for value in array.items {
            var fields = FieldReader(value)
            if let item = read(&fields) { items.append(item) }
            if !fields.problems.isEmpty { merge(fields) }
        }
        return items.count == array.count ? items : nil
    }

    private mutating func bounded(_ key: String, maximum: Int, required: Bool) -> JSONValue? {
        guard let index = index(of: key, required: required) else { return nil }
        guard value.document.nodes[index].kind == .array else {
            reportType(key, index, due: "an array")
            return nil
        }
        let array = JSONValue(document: value.document, index: index)
        guard array.count <= maximum else {
            report(key, code: "too-many-items", detail: "at most \(maximum) items")
            return nil
        }
        return array
    }

    /// Notes "unknown-field" for every member that is not in `known`: the strict mode for extra fields.
    public mutating func refuseOthers(than known: Set<String>) {
        for (key, _) in value.members where !known.contains(key) {
            report(key, code: "unknown-field", detail: "the field is not known here")
        }
    }

    // MARK: Problems

    /// Notes a problem that the caller found with one of this object's fields.
    public mutating func report(_ key: String, code: String, detail: String) {
        guard problems.count < Self.maximumProblems else { return }
        let base = self.base ?? value.pointer
        self.base = base
        report(pointer: base + "/" + pointerToken(Array(key.utf8)), code: code, detail: detail)
    }

    /// Notes a problem anywhere in the document.
    public mutating func report(pointer: String, code: String, detail: String) {
        guard problems.count < Self.maximumProblems else { return }
        problems.append(FieldProblem(pointer: pointer, code: code, detail: detail))
    }

    /// Takes over the problems of a reader of an object within this one.
    public mutating func merge(_ nested: FieldReader) {
        problems.append(contentsOf: nested.problems.prefix(Self.maximumProblems - problems.count))
    }
}

extension JSONValue.Kind {
    /// For sentences.
    var noun: String {
        switch self {
        case .object: "an object"
        case .array: "an array"
        case .string: "a string"
        case .number: "a number"
        case .bool: "a boolean"
        case .null: "null"
        }
    }
}
