// Points in time as milliseconds since 1970 in UTC, read from and written as RFC 3339. Calendar
// arithmetic is done here (proleptic Gregorian, days since 1970) so that no locale, time-zone
// database or wall clock reaches a decision.

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
public struct Timestamp: Sendable, Hashable, Comparable {
    public let milliseconds: Int64
    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    public static func < (left: Self, right: Self) -> Bool { left.milliseconds < right.milliseconds }
    public static let zero = Timestamp(milliseconds: 0)

    /// Later (or earlier, if negative) by a duration in milliseconds.
    public func adding(milliseconds delta: Int64) -> Timestamp {
        Timestamp(milliseconds: milliseconds + delta)
    }

    /// Days since 1970-01-01 in UTC, rounded toward the past.
    public var day: Int64 { floorDivide(milliseconds, Self.millisecondsPerDay) }
    public static let millisecondsPerDay: Int64 = 86_400_000

    /// - Returns: nil for a date that does not exist (31 February) or a year outside 1...9999.
    public init?(year: Int, month: Int, day: Int) {
        guard (1...9999).contains(year), (1...12).contains(month),
            (1...daysIn(month: month, year: year)).contains(day)
        else { return nil }
        milliseconds = daysSinceEpoch(year: year, month: month, day: day) * Self.millisecondsPerDay
    }

    /// Year, month and day in UTC.
    public var date: (year: Int, month: Int, day: Int) { civil(fromDay: day) }
}

extension Timestamp: CustomStringConvertible {
    /// RFC 3339 in UTC with milliseconds: `2026-11-21T09:30:00.000Z`.
    public var description: String { String(decoding: rfc3339, as: UTF8.self) }

    /// The text form as 24 ASCII bytes (years 1 to 9999).
    public var rfc3339: [UInt8] {
        var text: [UInt8] = []
        text.append(room: BytePen.timestampRoom) { $0.put(self) }
        return text
    }

    /// Reads RFC 3339 with a zone (`Z` or an offset). A leap second (`:60`) reads as `:59`; more
    /// than three digits of a second are cut. Anything else, 24:00 and dates without a zone
    /// included, is nil, and so is a time whose offset takes it out of the years 1 to 9999.
    @inlinable public init?(rfc3339 text: some Collection<UInt8>) {
        let found = text.withContiguousStorageIfAvailable { text in
            let text = unsafe text.span
            return Timestamp(written: text)
        }
        guard let time = (found ?? nil) ?? Timestamp(bytes: Array(text)) else { return nil }
        self = time
    }

    @usableFromInline init?(bytes: [UInt8]) {
        var reader = DigitReader(bytes)
        guard let year = reader.number(4), reader.take("-"), let month = reader.number(2), reader.take("-"),
            let day = reader.number(2), reader.take("T") || reader.take("t") || reader.take(" "),
            let hour = reader.number(2), hour < 24, reader.take(":"), let minute = reader.number(2), minute < 60,
            reader.take(":"), let second = reader.number(2), second <= 60,
            let start = Timestamp(year: year, month: month, day: day),
            let fraction = reader.fraction(), let offset = reader.zoneMinutes(), reader.isAtEnd
        else { return nil }
        let seconds = Int64(hour) * 3600 + Int64(minute) * 60 + Int64(min(second, 59))
        milliseconds = start.milliseconds + (seconds - offset * 60) * 1_000 + fraction
        guard (Self.earliest...Self.latest).contains(milliseconds) else { return nil }
    }

    /// 0001-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z: what can be written with four digits of a year.
    private static let earliest: Int64 = -62_135_596_800_000
    private static let latest: Int64 = 253_402_300_799_999

    public init?(rfc3339 text: String) { self.init(rfc3339: text.utf8) }
}

private struct DigitReader {
    private let text: [UInt8]
    private var position = 0
    init(_ text: [UInt8]) { self.text = text }

    var isAtEnd: Bool { position == text.count }

    mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard position < text.count, text[position] == UInt8(ascii: scalar) else { return false }
        position += 1
        return true
    }

    mutating func number(_ digits: Int) -> Int? {
        guard position + digits <= text.count else { return nil }
        var value = 0
        for _ in 0..<digits {
            guard (0x30...0x39).contains(text[position]) else { return nil }
            value = value * 10 + Int(text[position] - 0x30)
            position += 1
        }
        return value
    }

    /// Milliseconds behind an optional point; at most nine digits.
    mutating func fraction() -> Int64? {
        guard take(".") else { return 0 }
        var (value, digits) = (Int64(0), 0)
        while position < text.count, (0x30...0x39).contains(text[position]) {
            if digits < 3 { value = value * 10 + Int64(text[position] - 0x30) }
            digits += 1
            position += 1
        }
        guard (1...9).contains(digits) else { return nil }
        return digits < 3 ? value * powerOfTen(3 - digits) : value
    }

    mutating func zoneMinutes() -> Int64? {
        if take("Z") || take("z") { return 0 }
        let sign: Int64 = take("+") ? 1 : take("-") ? -1 : 0
        guard sign != 0, let hours = number(2), hours < 24, take(":"), let minutes = number(2), minutes < 60
        else { return nil }
        return sign * Int64(hours * 60 + minutes)
    }
}

func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
}

private func daysIn(month: Int, year: Int) -> Int {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    switch month {
    case 2: return leap ? 29 : 28
    case 4, 6, 9, 11: return 30
    default: return 31
    }
}

/// Counts from a year that starts in March, so that the leap day is the last of its year.
private func daysSinceEpoch(year: Int, month: Int, day: Int) -> Int64 {
    let shifted = Int64(month <= 2 ? year - 1 : year)
    let era = floorDivide(shifted, 400)
    let yearOfEra = shifted - era * 400
    let dayOfYear = Int64((153 * ((month + 9) % 12) + 2) / 5 + day - 1)
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
}

private func civil(fromDay days: Int64) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719_468
    let era = floorDivide(shifted, 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let day = Int(dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    let month = Int(monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9)
    return (Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0), month, day)
}
