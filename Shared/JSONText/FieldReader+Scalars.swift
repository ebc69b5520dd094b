// Numbers, times, booleans and words from a closed list, read out of an object's fields. Called by the codecs
// of messages that come from outside. Never converts between kinds: `1.0` is no integer, and "5" is an amount
// only where a decimal is due.

import Primitives

extension FieldReader {
    /// A number written with digits only: `1.0` and `1e3` are "type" problems. Outside `range` is "range".
    public mutating func integer(
        _ key: String, in range: ClosedRange<Int64>, required: Bool = true
    ) -> Int64? {
        guard let index = index(of: key, required: required) else { return nil }
        guard let number = value.document.int64(index) else {
            if value.document.nodes[index].kind == .number {
                report(key, code: "type", detail: "an integer is due, written with digits only")
            } else {
                reportType(key, index, due: "an integer")
            }
            return nil
        }
        guard range.contains(number) else {
            report(key, code: "range", detail: "from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    /// A number, or a string that holds one in JSON's grammar; exact, with its places as written.
    public mutating func decimal(
        _ key: String, in range: ClosedRange<ExactDecimal>? = nil, required: Bool = true
    ) -> ExactDecimal? {
        guard let index = index(of: key, required: required) else { return nil }
        guard let number = value.document.decimal(index) ?? decimalText(key, index) else { return nil }
        if let range, !range.contains(number) {
            report(key, code: "range", detail: "from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    private mutating func decimalText(_ key: String, _ index: Int) -> ExactDecimal? {
        guard let text = value.document.stringBytes(index) else {
            reportType(key, index, due: "a number")
            return nil
        }
        do throws(ExactDecimal.ParseFailure) {
            return try ExactDecimal(parsing: text)
        } catch {
            switch error {
            case .malformed: report(key, code: "type", detail: "the string is not a decimal number")
            case .outOfRange: report(key, code: "range", detail: "the number cannot be held exactly")
            }
            return nil
        }
    }

    /// RFC 3339 with a zone.
    public mutating func timestamp(_ key: String, required: Bool = true) -> Timestamp? {
        guard let index = index(of: key, required: required) else { return nil }
        guard let text = value.document.stringBytes(index) else {
            reportType(key, index, due: "a date and time")
            return nil
        }
        guard let time = Timestamp(rfc3339: text) else {
            report(
                key, code: "date",
                detail: "a date and time with its zone is due, such as 2026-11-21T09:30:00Z")
            return nil
        }
        return time
    }

    public mutating func bool(_ key: String, required: Bool = true) -> Bool? {
        guard let index = index(of: key, required: required) else { return nil }
        switch value.document.nodes[index].kind {
        case .yes: return true
        case .no: return false
        default:
            reportType(key, index, due: "true or false")
            return nil
        }
    }

    /// One of the words of `T`, in exactly their spelling.
    public mutating func choice<T: RawRepresentable & CaseIterable>(
        _ key: String, of type: T.Type, code: String = "unknown-value", required: Bool = true
    ) -> T? where T.RawValue == String {
        guard let index = index(of: key, required: required) else { return nil }
        guard value.document.nodes[index].kind == .string else {
            reportType(key, index, due: "a string")
            return nil
        }
        if let choice = T(rawValue: value.document.keyText(index)) { return choice }
        reportChoice(key, of: type, code: code)
        return nil
    }

    /// One of the words of a table, in exactly their spelling.
    public mutating func choice<T>(
        _ key: String, of words: WordTable<T>, code: String = "unknown-value", required: Bool = true
    ) -> T? {
        guard let index = index(of: key, required: required) else { return nil }
        guard let text = value.document.stringBytes(index) else {
            reportType(key, index, due: "a string")
            return nil
        }
        if let choice = words[text.span] { return choice }
        reportChoice(key, of: T.self, code: code)
        return nil
    }

    private mutating func reportChoice<T: RawRepresentable & CaseIterable>(
        _ key: String, of type: T.Type, code: String
    ) where T.RawValue == String {
        let allowed = T.allCases.map(\.rawValue).joined(separator: ", ")
        report(key, code: code, detail: "one of: \(allowed)")
    }

    /// An identifier in its text form: 32 lower-case hex digits.
    public mutating func hex(_ key: String, required: Bool = true) -> UInt128? {
        guard let index = index(of: key, required: required) else { return nil }
        guard let text = value.document.stringBytes(index) else {
            reportType(key, index, due: "a string")
            return nil
        }
        guard let number = parseHex(text) else {
            report(key, code: "charset", detail: "32 lower-case hex digits are due")
            return nil
        }
        return number
    }
}
