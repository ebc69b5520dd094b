// Turns a record in a source's own shape into a canonical purchase, by the source's mapping (K18). The mapped
// values are written as canonical JSON and read like any other canonical event, so that one set of checks
// holds for every door; a problem is told with the column or pointer that the value came from.

import Configuration
import JSONText
import Messages
import Primitives

/// - Throws: every problem found; the pointer is that of the canonical field, the detail begins with its
///   place in the record.
public func mapRecord(
    _ bytes: [UInt8], in range: Range<Int>, _ mapping: SourceMapping, _ writer: inout JSONWriter
) throws(MessageFailure) -> Purchase {
    var mapper = RecordMapper(try RecordShape(bytes, in: range, mapping.format))
    writer.clear()
    mapper.write(mapping.fields, to: &writer)
    guard mapper.problems.isEmpty else { throw .fields(mapper.problems) }
    do throws(MessageFailure) {
        return try Purchase.decode(writer.bytes)
    } catch {
        throw mapper.located(error, mapping.fields)
    }
}

/// A record as its format reads it.
private enum RecordShape {
    case columns(DelimitedRecord)
    case json(JSONValue)

    init(_ bytes: [UInt8], in range: Range<Int>, _ format: SourceMapping.Format) throws(MessageFailure) {
        switch format {
        case .delimited(let format): self = .columns(try DelimitedRecord(bytes, in: range, format))
        case .json:
            do throws(JSONError) {
                self = .json(try JSONDocument(parsing: bytes, in: range).root)
            } catch {
                throw .document(error)
            }
        }
    }
}

private struct RecordMapper {
    private let shape: RecordShape
    private(set) var problems: [FieldProblem] = []

    init(_ shape: RecordShape) { self.shape = shape }

    mutating func write(_ fields: PurchaseMapping, to writer: inout JSONWriter) {
        writer.beginObject()
        text(fields.externalID, "externalId", "", &writer)
        time(fields.occurredAt, "occurredAt", &writer)
        text(fields.unit, "unit", "", &writer)
        text(fields.currency, "currency", "", &writer)
        amount(fields.total, "total", "", &writer)
        if let classification = fields.classification {
            text(classification, "classification", "", required: false, &writer)
        }
        if !fields.lines.isEmpty {
            writer.key("lines")
            writer.beginArray()
            for (index, line) in fields.lines.enumerated() { write(line, "/lines/\(index)", &writer) }
            writer.endArray()
        }
        writer.endObject()
    }

    private mutating func write(_ line: LineMapping, _ base: String, _ writer: inout JSONWriter) {
        writer.beginObject()
        text(line.sku, "sku", base, &writer)
        if let quantity = line.quantity { count(quantity, "quantity", base, &writer) }
        if let net = line.netAmount { amount(net, "netAmount", base, required: line.total == nil, &writer) }
        if let vat = line.vat { amount(vat, "vat", base, required: false, &writer) }
        if let total = line.total { amount(total, "total", base, required: line.netAmount == nil, &writer) }
        writer.endObject()
    }

    // MARK: One field

    private mutating func text(
        _ field: FieldMapping, _ key: String, _ base: String, required: Bool = true,
        _ writer: inout JSONWriter
    ) {
        guard let bytes = value(field, key, base, required: required, wholeNumbers: true) else { return }
        writer.key(text: key)
        writer.string(utf8: bytes)
    }

    private mutating func time(_ field: FieldMapping, _ key: String, _ writer: inout JSONWriter) {
        guard let bytes = value(field, key, "", required: true, wholeNumbers: true) else { return }
        guard let time = field.date.timestamp(from: bytes) else {
            return report(field, key, "", "date", "a date in the form \(field.date.rawValue) is due")
        }
        writer.key(text: key)
        writer.timestamp(time)
    }

    private mutating func amount(
        _ field: FieldMapping, _ key: String, _ base: String, required: Bool = true,
        _ writer: inout JSONWriter
    ) {
        guard let bytes = value(field, key, base, required: required, wholeNumbers: false),
            let number = decimal(bytes, field, key, base)
        else { return }
        writer.key(text: key)
        writer.decimal(number)
    }

    /// Quantities are whole; without one the canonical form has 1 (O40).
    private mutating func count(
        _ field: FieldMapping, _ key: String, _ base: String, _ writer: inout JSONWriter
    ) {
        guard let bytes = value(field, key, base, required: false, wholeNumbers: true),
            let number = decimal(bytes, field, key, base)
        else { return }
        guard number.scale == 0 else { return report(field, key, base, "type", "a whole number is due") }
        writer.key(text: key)
        writer.integer(number.mantissa)
    }

    private mutating func decimal(
        _ bytes: ArraySlice<UInt8>, _ field: FieldMapping, _ key: String, _ base: String
    ) -> ExactDecimal? {
        do throws(ExactDecimal.ParseFailure) {
            return try ExactDecimal(parsing: plain(bytes, decimalComma: field.decimalComma))
        } catch {
            switch error {
            case .malformed: report(field, key, base, "type", "a decimal number is due")
            case .outOfRange:
                report(field, key, base, "number-out-of-range", "the number cannot be held exactly")
            }
            return nil
        }
    }

    /// As JSON writes numbers: a point, and no zeros in front, which exports of fixed width have.
    private func plain(_ bytes: ArraySlice<UInt8>, decimalComma: Bool) -> [UInt8] {
        var digits = Array(bytes)
        if decimalComma {
            let (comma, point) = (UInt8(ascii: ","), UInt8(ascii: "."))
            // Swapped, not replaced: a point is then refused, it would be a separator of thousands.
            digits = digits.map { $0 == comma ? point : $0 == point ? comma : $0 }
        }
        let sign = digits.first == UInt8(ascii: "-") ? 1 : 0
        while digits.count > sign + 1, digits[sign] == 0x30, (0x30...0x39).contains(digits[sign + 1]) {
            digits.remove(at: sign)
        }
        return digits
    }

    // MARK: Places

    /// The text at the field's place; nil if it is absent or empty, noted if it is required.
    private mutating func value(
        _ field: FieldMapping, _ key: String, _ base: String, required: Bool, wholeNumbers: Bool
    ) -> ArraySlice<UInt8>? {
        let found: ArraySlice<UInt8>?
        switch (field.place, shape) {
        case (.constant(let text), _): found = Array(text.utf8)[...]
        case (.column(_, let index), .columns(let record)): found = record.columns[index]
        case (.pointer(let pointer), .json(let root)):
            let value = pointer.value(in: root)
            guard isScalar(value, wholeNumbers: wholeNumbers) else {
                report(field, key, base, "type", "a string or a number is due")
                return nil
            }
            found = value.flatMap { $0.stringBytes ?? ($0.isNull ? nil : $0.rawBytes) }
        case (.column, .json), (.pointer, .columns): found = nil
        }
        guard let found, !found.isEmpty else {
            if required { report(field, key, base, "missing", "the field is required") }
            return nil
        }
        return found
    }

    /// A number is taken for text only where it has one spelling.
    private func isScalar(_ value: JSONValue?, wholeNumbers: Bool) -> Bool {
        switch value?.kind {
        case nil, .null, .string: true
        case .number: !wholeNumbers || value?.int64 != nil
        case .bool, .object, .array: false
        }
    }

    // MARK: Problems

    private mutating func report(
        _ field: FieldMapping, _ key: String, _ base: String, _ code: String, _ detail: String
    ) {
        guard problems.count < FieldReader.maximumProblems else { return }
        problems.append(
            FieldProblem(pointer: base + "/" + key, code: code, detail: "\(field.place.words): \(detail)"))
    }

    /// A failure of the canonical form, told with the places of the values.
    func located(_ failure: MessageFailure, _ fields: PurchaseMapping) -> MessageFailure {
        guard case .fields(let problems) = failure else { return failure }
        return .fields(
            problems.map { problem in
                guard let field = fields.field(at: problem.pointer) else { return problem }
                return FieldProblem(
                    pointer: problem.pointer, code: problem.code,
                    detail: "\(field.place.words): \(problem.detail)")
            })
    }
}

extension FieldMapping.Place {
    /// For sentences.
    fileprivate var words: String {
        switch self {
        case .column(let name, _): "column '\(name)'"
        case .pointer(let pointer): "\(pointer)"
        case .constant: "constant"
        }
    }
}

extension PurchaseMapping {
    /// Where the canonical field with that pointer comes from.
    fileprivate func field(at pointer: String) -> FieldMapping? {
        let parts = pointer.split(separator: "/").map(String.init)
        switch (parts.first, parts.count) {
        case ("externalId", 1): return externalID
        case ("occurredAt", 1): return occurredAt
        case ("unit", 1): return unit
        case ("currency", 1): return currency
        case ("total", 1): return total
        case ("classification", 1): return classification
        case ("lines", 3):
            guard let index = Int(parts[1]), lines.indices.contains(index) else { return nil }
            return lines[index].field(named: parts[2])
        default: return nil
        }
    }
}

extension LineMapping {
    fileprivate func field(named name: String) -> FieldMapping? {
        switch name {
        case "sku": sku
        case "quantity": quantity
        case "netAmount": netAmount
        case "vat": vat
        case "total": total
        default: nil
        }
    }
}
