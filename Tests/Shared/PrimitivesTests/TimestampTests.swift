// RFC 3339 in and out, against instants known from elsewhere.

import Primitives
import Testing

@Suite struct `Timestamps` {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2000-02-29T12:00:00Z", 951_825_600_000),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000), ("2100-03-01T00:00:00Z", 4_107_542_400_000),
            ("1969-12-31T23:59:59.999Z", -1), ("2026-11-21T10:30:00.1+01:00", 1_795_253_400_100),
            ("2026-11-21T00:00:00-05:30", 1_795_239_000_000),
            ("2026-11-21t09:30:00.123456789z", 1_795_253_400_123),
            ("2026-11-21 09:30:00-00:00", 1_795_253_400_000), ("1996-12-31T23:59:60Z", 852_076_799_000),
            ("1996-12-31T15:59:60-08:00", 852_076_799_000), ("0001-01-01T00:00:00Z", -62_135_596_800_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ] as [(String, Int64)])
    func `are read to the millisecond`(_ text: String, _ milliseconds: Int64) {
        let time = Timestamp(rfc3339: text)
        #expect(time?.milliseconds == milliseconds)
        #expect(time.flatMap { Timestamp(rfc3339: $0.description) } == time)
    }

    @Test(arguments: [
        "", "1996-12-31", "2026-11-21T09:30:00", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
        "2026-02-31T00:00:00Z", "2026-04-31T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T23:60:00Z", "2026-01-01T23:59:61Z",
        "2026-01-01T23:59:59.Z", "2026-01-01T23:59:59.1234567890Z", "2026-01-01T23:59:59+24:00",
        "2026-01-01T23:59:59+0100", "2026-01-01T23:59:59Zx", " 2026-01-01T23:59:59Z", "26-01-01T23:59:59Z",
        "0000-01-01T00:00:00Z", "2026-1-01T00:00:00Z", "2026-01-01T9:30:00Z", "+2026-01-01T00:00:00Z",
        // Within the year as written, outside of it in UTC, where it could not be written again.
        "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01",
    ])
    func `are refused in any other form`(_ text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] as [(Int64, String)])
    func `are written in UTC with milliseconds`(_ milliseconds: Int64, _ text: String) {
        #expect(Timestamp(milliseconds: milliseconds).description == text)
    }

    @Test func `count every day of four centuries once`() throws {
        var expected = try #require(Timestamp(year: 1900, month: 1, day: 1)).day
        #expect(expected == -25_567)
        for year in 1900..<2300 {
            for month in 1...12 {
                for day in 1...31 {
                    guard let time = Timestamp(year: year, month: month, day: day) else { continue }
                    #expect(time.day == expected)
                    #expect(time.date == (year, month, day))
                    expected += 1
                }
            }
        }
        #expect(expected == -25_567 + 146_097)
    }
}
