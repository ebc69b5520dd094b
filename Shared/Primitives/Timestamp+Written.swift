// Times in the one form that this platform writes, and in that form without milliseconds: nearly all that it reads.
// Called by Timestamp's own reading, which takes every other form, and by the reader of canonical messages. Never
// accepts what the general reading refuses: it says nil and leaves it to that.

extension Timestamp {
    /// Reads `2026-11-21T09:30:00.000Z` or `2026-11-21T09:30:00Z`; anything else is nil.
    @inlinable public init?(written text: Span<UInt8>) {
        if text.count == 24 {
            self.init(text.eightBytes(at: 0), text.eightBytes(at: 8), text.eightBytes(at: 16))
        } else if text.count == 20 {
            // ":00Z" becomes ":00.000Z".
            let end = text.eightBytes(at: 12).bits >> 32
            guard end >> 24 == UInt64(UInt8(ascii: "Z")) else { return nil }
            self.init(
                text.eightBytes(at: 0), text.eightBytes(at: 8), EightBytes(end & 0xff_ffff | 0x5a30_3030_2e00_0000))
        } else {
            return nil
        }
    }

    /// `2026-11-`, `21T09:30` and `:00.000Z`.
    @usableFromInline init?(_ first: EightBytes, _ second: EightBytes, _ third: EightBytes) {
        guard let date = first.digits(between: 0x2d00_002d_0000_0000, at: 0xff00_00ff_0000_0000),
            let time = second.digits(between: 0x0000_3a00_0054_0000, at: 0x0000_ff00_00ff_0000),
            let rest = third.digits(between: 0x5a00_0000_2e00_003a, at: 0xff00_0000_ff00_00ff)
        else { return nil }
        let (year, month) = (date.pair(at: 0) * 100 + date.pair(at: 2), date.pair(at: 5))
        let (hour, minute, second) = (time.pair(at: 3), time.pair(at: 6), rest.pair(at: 1))
        // A leap second is left to the general reading.
        guard hour < 24, minute < 60, second < 60,
            let day = Timestamp(year: year, month: month, day: time.pair(at: 0))
        else { return nil }
        let inDay = (hour * 60 + minute) * 60 + second
        self.init(
            milliseconds: day.milliseconds + Int64(inDay * 1_000 + rest.digit(at: 4) * 100 + rest.pair(at: 5)))
    }
}
