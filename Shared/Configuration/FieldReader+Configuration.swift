// Reading of what several kinds of documents have in common: ids, lists, points, currencies, periods of
// validity. Called by the documents' readers. As with the reader's own functions, a field with a problem
// reads as nil.

import JSONText
import Primitives

extension FieldReader {
    /// Lower-case letters, digits, '.', '_' and '-': safe in a key, a folder's name and a metric's label.
    mutating func documentID(_ key: String, required: Bool = true) -> String? {
        guard let id = text(key, required: required, maximum: ConfigurationBounds.idBytes) else { return nil }
        if id.utf8.allSatisfy(isIDCharacter) { return id }
        report(key, code: "charset", detail: "lower-case letters, digits, '.', '_' and '-' are due")
        return nil
    }

    /// A list of different texts, neither empty nor longer than the common bound; nil if absent.
    mutating func texts(_ key: String, required: Bool = false) -> [String]? {
        list(key, maximum: ConfigurationBounds.listItems, required: required) { item in
            guard let text = item.string() else {
                return .failure(.init(code: "type", detail: "a string is due"))
            }
            guard (1...ConfigurationBounds.textBytes).contains(text.utf8.count) else {
                let detail = "1 to \(ConfigurationBounds.textBytes) bytes of UTF-8"
                return .failure(.init(code: text.isEmpty ? "empty" : "too-long", detail: detail))
            }
            guard text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
                return .failure(.init(code: "charset", detail: "control characters are not allowed"))
            }
            return .success(text)
        }
    }

    /// A list of different words of `T`; nil if absent.
    mutating func choices<T: RawRepresentable & CaseIterable & Hashable>(
        _ key: String, of type: T.Type, required: Bool = false
    ) -> [T]? where T.RawValue == String {
        list(key, maximum: ConfigurationBounds.listItems, required: required) { item in
            if let choice = item.string().flatMap(T.init(rawValue:)) { return .success(choice) }
            let allowed = T.allCases.map(\.rawValue).joined(separator: ", ")
            return .failure(.init(code: "unknown-value", detail: "one of: \(allowed)"))
        }
    }

    private mutating func list<Item: Hashable>(
        _ key: String, maximum: Int, required: Bool, _ read: (JSONValue) -> Result<Item, ItemProblem>
    ) -> [Item]? {
        guard let values = array(key, maximum: maximum, required: required) else { return nil }
        if values.isEmpty {
            report(key, code: "empty", detail: "the list must not be empty; leave the field out instead")
            return nil
        }
        var items: [Item] = []
        var seen: Set<Item> = []
        for value in values {
            switch read(value) {
            case .success(let item) where seen.insert(item).inserted: items.append(item)
            case .success:
                report(pointer: value.pointer, code: "duplicate", detail: "stands in the list twice")
            case .failure(let problem):
                report(pointer: value.pointer, code: problem.code, detail: problem.detail)
            }
        }
        return items.count == values.count ? items : nil
    }

    /// Whole points, as a number or a string.
    mutating func points(_ key: String, in range: ClosedRange<Points>, required: Bool = true) -> Points? {
        guard let number = decimal(key, in: nil, required: required) else { return nil }
        guard let units = number.units(places: 0) else {
            report(key, code: "scale", detail: "whole points are due")
            return nil
        }
        guard range.contains(Points(units)) else {
            report(key, code: "range", detail: "from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return Points(units)
    }

    mutating func currency(_ key: String, required: Bool = true) -> Currency? {
        guard let code = text(key, required: required, maximum: ConfigurationBounds.textBytes) else {
            return nil
        }
        if let currency = Currency(code) { return currency }
        report(key, code: "unknown-currency", detail: "not an ISO 4217 code in upper case")
        return nil
    }

    /// `validFrom` and `validTo`, both optional.
    mutating func validity() -> ValidityPeriod {
        let (from, end) = (timestamp("validFrom", required: false), timestamp("validTo", required: false))
        if let from, let end, end <= from {
            report("validTo", code: "range", detail: "must be later than validFrom")
        }
        return ValidityPeriod(from: from, to: end)
    }

    /// Whether the field is there, right or wrong; a null stands for an absent field.
    func has(_ key: String) -> Bool { value[key].map { !$0.isNull } ?? false }

    /// Reads the object under `key` with a reader of its own and takes over its problems.
    mutating func nested<Value>(
        _ key: String, required: Bool = true, _ read: (inout FieldReader) -> Value?
    ) -> Value? {
        guard let object = object(key, required: required) else { return nil }
        var inner = FieldReader(object)
        let value = read(&inner)
        merge(inner)
        return inner.problems.isEmpty ? value : nil
    }

    /// Notes a field that has no meaning beside the others.
    mutating func refuse(_ key: String, because reason: String) {
        guard has(key) else { return }
        report(key, code: "not-applicable", detail: reason)
    }
}

/// What is wrong with one item of a list.
private struct ItemProblem: Error {
    let code: String
    let detail: String
}

private func isIDCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x61...0x7a, UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
    default: false
    }
}

/// Whether a byte is one of the ASCII digits.
func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
