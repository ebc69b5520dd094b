// Where one canonical field comes from, and in which of its written forms. Constants are held against their
// field when the document is read: a currency that does not exist is refused there, not with every record.

import JSONText
import Primitives

/// A column, a part of a JSON record, or a constant; with the form it is written in.
public struct FieldMapping: Sendable, Equatable {
    public enum Place: Sendable, Equatable {
        /// `index` counts from 0 in the source's columns.
        case column(name: String, index: Int)
        case pointer(JSONPointer)
        case constant(String)
    }

    public let place: Place
    /// For times; a date without a time of day means 00:00:00Z.
    public let date: DateForm
    /// For amounts: whether the decimal places stand behind a comma.
    public let decimalComma: Bool

    public init(_ place: Place, date: DateForm = .rfc3339, decimalComma: Bool = false) {
        self.place = place
        self.date = date
        self.decimalComma = decimalComma
    }

    /// What the canonical field holds.
    enum Content { case text, time, currency, amount, count }

    static func read(
        _ fields: inout FieldReader, _ format: SourceMapping.Format, _ content: Content
    ) -> FieldMapping? {
        fields.refuseOthers(than: ["column", "pointer", "constant", "date", "decimalComma"])
        if content != .time { fields.refuse("date", because: "only a time has a form of date") }
        if content != .amount { fields.refuse("decimalComma", because: "only an amount has decimal places") }
        let date = fields.choice("date", of: DateForm.self, required: false)
        let comma = fields.bool("decimalComma", required: false)
        guard let place = readPlace(&fields, format) else { return nil }
        let mapping = FieldMapping(place, date: date ?? .rfc3339, decimalComma: comma ?? false)
        mapping.checkConstant(&fields, content)
        return mapping
    }

    private static func readPlace(_ fields: inout FieldReader, _ format: SourceMapping.Format) -> Place? {
        let given = ["column", "pointer", "constant"].filter { fields.has($0) }
        guard given.count == 1 else {
            fields.report(
                pointer: fields.value.pointer, code: given.isEmpty ? "missing" : "not-applicable",
                detail: "exactly one of column, pointer and constant is due")
            return nil
        }
        if given == ["constant"] {
            return fields.text("constant", maximum: ConfigurationBounds.textBytes).map(Place.constant)
        }
        switch format {
        case .delimited(let delimited):
            fields.refuse("pointer", because: "records in columns have no pointers")
            return readColumn(&fields, delimited.columns)
        case .json:
            fields.refuse("column", because: "JSON records have no columns")
            return readPointer(&fields)
        }
    }

    private static func readColumn(_ fields: inout FieldReader, _ columns: [String]) -> Place? {
        guard let name = fields.text("column", required: false, maximum: ConfigurationBounds.textBytes)
        else { return nil }
        guard let index = columns.firstIndex(of: name) else {
            fields.report(
                "column", code: "unknown-column", detail: "one of: \(columns.joined(separator: ", "))")
            return nil
        }
        return .column(name: name, index: index)
    }

    private static func readPointer(_ fields: inout FieldReader) -> Place? {
        guard let text = fields.text("pointer", required: false, maximum: JSONPointer.maximumBytes)
        else { return nil }
        guard let pointer = JSONPointer(text) else {
            fields.report(
                "pointer", code: "pointer", detail: "a JSON pointer (RFC 6901) is due, such as /total/amount")
            return nil
        }
        return .pointer(pointer)
    }

    private func checkConstant(_ fields: inout FieldReader, _ content: Content) {
        guard case .constant(let text) = place else { return }
        switch content {
        case .text: return
        case .time:
            if date.timestamp(from: text.utf8) != nil { return }
            fields.report("constant", code: "date", detail: "a date in the form \(date.rawValue) is due")
        case .currency:
            if Currency(text) != nil { return }
            fields.report("constant", code: "unknown-currency", detail: "not an ISO 4217 code in upper case")
        case .amount, .count:
            let number = exactDecimal(decimalComma ? text.replacing(",", with: ".") : text)
            if let number, content == .amount || number.units(places: 0) != nil { return }
            let due = content == .amount ? "a decimal number" : "a whole number"
            fields.report("constant", code: "type", detail: "\(due) is due")
        }
    }

    func encode(to writer: inout JSONWriter) {
        switch place {
        case .column(let name, _): writer.field("column", name)
        case .pointer(let pointer): writer.field("pointer", pointer.description)
        case .constant(let text): writer.field("constant", text)
        }
        if date != .rfc3339 { writer.field("date", date.rawValue) }
        if decimalComma { writer.field("decimalComma", true) }
    }
}

private func exactDecimal(_ text: String) -> ExactDecimal? {
    do throws(ExactDecimal.ParseFailure) {
        return try ExactDecimal(text)
    } catch {
        return nil
    }
}

/// How a time is written in a source's records.
public enum DateForm: String, Sendable, CaseIterable {
    case compact = "yyyyMMdd"
    case dashed = "yyyy-MM-dd"
    case rfc3339

    /// The time, or nil for another form and for dates that do not exist. A date alone is its first moment in
    /// UTC.
    public func timestamp(from text: some Collection<UInt8>) -> Timestamp? {
        switch self {
        case .rfc3339: return Timestamp(rfc3339: text)
        case .compact: return midnight(Array(text))
        case .dashed:
            let bytes = Array(text)
            let dash = UInt8(ascii: "-")
            guard bytes.count == 10, bytes[4] == dash, bytes[7] == dash else { return nil }
            return midnight(Array(bytes[0..<4] + bytes[5..<7] + bytes[8...]))
        }
    }

    private func midnight(_ digits: [UInt8]) -> Timestamp? {
        guard digits.count == 8, digits.allSatisfy(isDigit) else { return nil }
        func number(_ range: Range<Int>) -> Int { digits[range].reduce(0) { $0 * 10 + Int($1 - 0x30) } }
        return Timestamp(year: number(0..<4), month: number(4..<6), day: number(6..<8))
    }
}
