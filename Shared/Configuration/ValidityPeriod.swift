// When a document is in force, when within a day or a week, and how calendar periods are counted. All of it
// in UTC and by the event's own time, so that a decision does not depend on when or where it is made.

import JSONText
import Primitives

/// From one point in time (included) to another (excluded); a missing end is open.
public struct ValidityPeriod: Sendable, Equatable {
    public let from: Timestamp?
    public let to: Timestamp?

    public init(from: Timestamp? = nil, to: Timestamp? = nil) {
        self.from = from
        self.to = to
    }

    public func contains(_ time: Timestamp) -> Bool {
        if let from, time < from { return false }
        if let to, time >= to { return false }
        return true
    }

    func encode(to writer: inout JSONWriter) {
        if let from { writer.field("validFrom", from) }
        if let to { writer.field("validTo", to) }
    }
}

/// A day of the week in UTC.
public enum Weekday: String, Sendable, CaseIterable {
    case monday, tuesday, wednesday, thursday, friday, saturday, sunday

    public init(of time: Timestamp) {
        /// 1970-01-01 was a Thursday, three days after a Monday.
        let index = ((time.day + 3) % 7 + 7) % 7
        self = Self.allCases[Int(index)]
    }
}

/// A part of every day in UTC: from one minute (included) to another (excluded); over midnight if it ends
/// before it begins.
public struct DailyWindow: Sendable, Equatable {
    static let minutesPerDay = 1_440

    /// Minutes since midnight, 0...1439.
    public let fromMinute: Int
    /// Minutes since midnight, 0...1440.
    public let toMinute: Int

    /// - Returns: nil if a minute lies outside the day or the window is empty.
    public init?(fromMinute: Int, toMinute: Int) {
        guard (0..<Self.minutesPerDay).contains(fromMinute), (0...Self.minutesPerDay).contains(toMinute),
            fromMinute != toMinute
        else { return nil }
        self.fromMinute = fromMinute
        self.toMinute = toMinute
    }

    public func contains(_ time: Timestamp) -> Bool {
        let inDay = time.milliseconds - time.day * Timestamp.millisecondsPerDay
        let minute = Int(inDay / 60_000)
        return fromMinute < toMinute
            ? (fromMinute..<toMinute).contains(minute) : minute >= fromMinute || minute < toMinute
    }

    static func read(_ fields: inout FieldReader) -> DailyWindow? {
        fields.refuseOthers(than: ["from", "to"])
        let (from, end) = (minute(&fields, "from"), minute(&fields, "to"))
        guard let from, let end else { return nil }
        guard let window = DailyWindow(fromMinute: from, toMinute: end) else {
            fields.report(
                "to", code: "range", detail: "must differ from the beginning, which is 23:59 at the latest")
            return nil
        }
        return window
    }

    private static func minute(_ fields: inout FieldReader, _ key: String) -> Int? {
        guard let text = fields.text(key, required: true, maximum: 5) else { return nil }
        let parts = Array(text.utf8)
        let digits = [0, 1, 3, 4].compactMap { index -> Int? in
            index < parts.count && (0x30...0x39).contains(parts[index]) ? Int(parts[index] - 0x30) : nil
        }
        if parts.count == 5, parts[2] == UInt8(ascii: ":"), digits.count == 4 {
            let (hour, minute) = (digits[0] * 10 + digits[1], digits[2] * 10 + digits[3])
            if hour < 24 && minute < 60 || hour == 24 && minute == 0 { return hour * 60 + minute }
        }
        fields.report(key, code: "date", detail: "a time of day in UTC is due, from 00:00 to 24:00")
        return nil
    }

    func encode(to writer: inout JSONWriter) {
        writer.field("from", Self.text(fromMinute))
        writer.field("to", Self.text(toMinute))
    }

    private static func text(_ minute: Int) -> String {
        let (hour, rest) = minute.quotientAndRemainder(dividingBy: 60)
        return "\(hour < 10 ? "0" : "")\(hour):\(rest < 10 ? "0" : "")\(rest)"
    }
}

/// A calendar period in UTC.
public enum CalendarPeriod: String, Sendable, CaseIterable {
    case day, week, month, year, ever

    /// The number of the period that `time` lies in; times have the same number exactly if they share the
    /// period. Weeks begin on Monday.
    public func number(at time: Timestamp) -> Int64 {
        switch self {
        case .day: return time.day
        case .week:
            let days = time.day + 3
            return days >= 0 ? days / 7 : (days - 6) / 7
        case .month:
            let date = time.date
            return Int64(date.year) * 12 + Int64(date.month - 1)
        case .year: return Int64(time.date.year)
        case .ever: return 0
        }
    }
}
