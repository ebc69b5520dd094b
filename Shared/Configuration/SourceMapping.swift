// How a record in a source's own shape becomes a canonical purchase: where each canonical field comes from.
// Read from the source's document, applied by the gateway. Every reference is checked when the document is
// read, not when a record arrives.

import JSONText

/// The mapping of one source.
public struct SourceMapping: Sendable, Equatable {
    /// Columns of a line; the widest exports have fewer than two hundred.
    public static let maximumColumns = 256
    /// Canonical lines that one record can state.
    public static let maximumLines = 32

    public enum Format: Sendable, Equatable {
        case delimited(DelimitedFormat)
        /// One JSON object, its parts named by pointers.
        case json
    }

    public let format: Format
    public let fields: PurchaseMapping

    public init(format: Format, fields: PurchaseMapping) {
        self.format = format
        self.fields = fields
    }

    static func read(_ fields: inout FieldReader) -> SourceMapping? {
        fields.refuseOthers(than: ["format", "delimiter", "quoted", "columns", "fields"])
        guard let format = readFormat(&fields) else { return nil }
        let purchase = fields.nested("fields") { inner in PurchaseMapping.read(&inner, format) }
        return purchase.map { SourceMapping(format: format, fields: $0) }
    }

    private static func readFormat(_ fields: inout FieldReader) -> Format? {
        switch fields.choice("format", of: FormatName.self) {
        case .delimited: return DelimitedFormat.read(&fields).map(Format.delimited)
        case .json:
            for key in ["delimiter", "quoted", "columns"] {
                fields.refuse(key, because: "JSON records have no columns")
            }
            return .json
        case nil: return nil
        }
    }

    func encode(to writer: inout JSONWriter) {
        switch format {
        case .delimited(let format):
            writer.field("format", FormatName.delimited.rawValue)
            format.encode(to: &writer)
        case .json: writer.field("format", FormatName.json.rawValue)
        }
        writer.object("fields", fields.encode)
    }
}

private enum FormatName: String, CaseIterable { case delimited, json }

/// Lines of text in columns.
public struct DelimitedFormat: Sendable, Equatable {
    public enum Delimiter: String, Sendable, CaseIterable {
        /// Runs of spaces and tabs; leading ones do not begin a column.
        case spaces
        case comma = ","
        case semicolon = ";"
        case bar = "|"
        case tab
    }

    public let delimiter: Delimiter
    /// Whether columns may stand in quotes as in RFC 4180.
    public let quoted: Bool
    /// Names in the order of the line.
    public let columns: [String]

    public init(delimiter: Delimiter, quoted: Bool, columns: [String]) {
        self.delimiter = delimiter
        self.quoted = quoted
        self.columns = columns
    }

    static func read(_ fields: inout FieldReader) -> DelimitedFormat? {
        let delimiter = fields.choice("delimiter", of: Delimiter.self)
        let quoted = fields.bool("quoted", required: false) ?? false
        if delimiter == .spaces, quoted {
            fields.report("quoted", code: "not-applicable", detail: "columns between spaces have no quotes")
        }
        let columns = fields.texts("columns", required: true)
        if let columns, columns.count > SourceMapping.maximumColumns {
            fields.report(
                "columns", code: "too-many-items", detail: "at most \(SourceMapping.maximumColumns) items")
        }
        guard let delimiter, let columns else { return nil }
        return DelimitedFormat(delimiter: delimiter, quoted: quoted, columns: columns)
    }

    func encode(to writer: inout JSONWriter) {
        writer.field("delimiter", delimiter.rawValue)
        writer.field("quoted", quoted)
        writer.array("columns") { writer in
            for column in columns { writer.string(column) }
        }
    }
}
