// Validity, days, times of day and calendar periods, at their edges.

import Configuration
import Primitives
import Testing

private func time(_ text: String) throws -> Timestamp { try #require(Timestamp(rfc3339: text)) }

@Suite struct `Calendar in UTC` {
    @Test func `a period of validity includes its beginning and not its end`() throws {
        let (from, end) = (try time("2026-01-01T00:00:00Z"), try time("2026-02-01T00:00:00Z"))
        let period = ValidityPeriod(from: from, to: end)
        #expect(period.contains(from))
        #expect(!period.contains(from.adding(milliseconds: -1)))
        #expect(period.contains(end.adding(milliseconds: -1)))
        #expect(!period.contains(end))
        #expect(ValidityPeriod().contains(.zero))
    }

    @Test(arguments: [
        ("1969-12-31T23:59:59.999Z", Weekday.wednesday), ("1970-01-01T00:00:00Z", .thursday),
        ("2026-11-22T23:59:59Z", .sunday), ("2026-11-23T00:00:00Z", .monday),
        ("1900-01-01T12:00:00Z", .monday),
    ]) func `days of the week`(text: String, weekday: Weekday) throws {
        #expect(Weekday(of: try time(text)) == weekday)
    }

    @Test(arguments: [
        (600, 660, "10:00:00.000", true), (600, 660, "10:59:59.999", true), (600, 660, "11:00:00.000", false),
        (600, 660, "09:59:59.999", false), (1_320, 390, "23:00:00.000", true),
        (1_320, 390, "06:29:59.999", true),
        (1_320, 390, "06:30:00.000", false), (1_320, 390, "21:59:59.999", false),
        (0, 1_440, "23:59:59.999", true),
    ]) func `a daily window may pass midnight`(from: Int, end: Int, clock: String, inside: Bool) throws {
        let window = try #require(DailyWindow(fromMinute: from, toMinute: end))
        for day in ["2026-11-21", "1960-02-29"] {
            #expect(window.contains(try time("\(day)T\(clock)Z")) == inside)
        }
    }

    @Test(arguments: [
        (CalendarPeriod.day, "2026-11-21T23:59:59.999Z", "2026-11-22T00:00:00Z"),
        (.week, "2026-11-22T23:59:59.999Z", "2026-11-23T00:00:00Z"),
        (.week, "1969-12-28T23:59:59.999Z", "1969-12-29T00:00:00Z"),
        (.month, "2026-12-31T23:59:59.999Z", "2027-01-01T00:00:00Z"),
        (.year, "2026-12-31T23:59:59.999Z", "2027-01-01T00:00:00Z"),
    ]) func `a period ends where the calendar says, by exactly one number`(
        period: CalendarPeriod, last: String, first: String
    ) throws {
        let (last, first) = (try time(last), try time(first))
        #expect(period.number(at: first) == period.number(at: last) + 1)
        #expect(period.number(at: first) == period.number(at: first.adding(milliseconds: 43_200_000)))
        #expect(CalendarPeriod.ever.number(at: last) == CalendarPeriod.ever.number(at: first))
    }
}
