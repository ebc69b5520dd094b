// The stretch of time that a wallet limit counts in: the calendar period, in UTC, that an event's own time
// lies in. Used by the decision to name counters and by the store to know when a counter is past use. Never
// looks at a clock.

import Configuration
import Primitives

/// One day, week, month or year, or all time.
public struct LimitPeriod: Sendable, Hashable {
    public let kind: CalendarPeriod
    /// Included. 1970-01-01 for `ever`.
    public let start: Timestamp
    /// Excluded; nil if the period never ends (or lies at the end of the year 9999).
    public let end: Timestamp?

    /// The period that `time` lies in. Weeks begin on Monday.
    public init(_ kind: CalendarPeriod, at time: Timestamp) {
        self.kind = kind
        switch kind {
        case .day:
            (start, end) = (midnight(time.day), midnight(time.day + 1))
        case .week:
            let monday = kind.number(at: time) * 7 - Self.daysFromMondayToEpoch
            (start, end) = (midnight(monday), midnight(monday + 7))
        case .month:
            let date = time.date
            start = midnight(time.day - Int64(date.day - 1))
            end =
                date.month == 12
                ? Timestamp(year: date.year + 1, month: 1, day: 1)
                : Timestamp(year: date.year, month: date.month + 1, day: 1)
        case .year:
            let year = time.date.year
            guard let first = Timestamp(year: year, month: 1, day: 1) else {
                preconditionFailure("times lie in the years 1 to 9999")
            }
            (start, end) = (first, Timestamp(year: year + 1, month: 1, day: 1))
        case .ever:
            (start, end) = (.zero, nil)
        }
    }

    /// 1970-01-01 was a Thursday; the week numbered 0 began on the Monday before.
    private static let daysFromMondayToEpoch: Int64 = 3
}

private func midnight(_ day: Int64) -> Timestamp {
    Timestamp(milliseconds: day * Timestamp.millisecondsPerDay)
}
