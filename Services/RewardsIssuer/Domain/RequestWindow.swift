// How old a reward request may be, and how long its id is remembered. The second must exceed the first, or a
// request that comes again after its issuance was forgotten would be carried out again.

import Primitives

public enum RequestWindow {
    /// The gateway knows a key for 7 days and `reward-requests` keeps records for 7 days by default; both may
    /// be doubled.
    public static let acceptedDays: Int64 = 28
    /// Clocks that are further ahead are wrong.
    public static let acceptedDaysAhead: Int64 = 1
    /// After the decision; more than all that a request may be old or ahead.
    public static let rememberedDays: Int64 = 35

    public static let rememberedMilliseconds = rememberedDays * Timestamp.millisecondsPerDay

    /// Why a request of this time cannot be taken, as a stable code; nil if it can.
    public static func problem(requestedAt: Timestamp, now: Timestamp) -> String? {
        let age = now.milliseconds - requestedAt.milliseconds
        if age > acceptedDays * Timestamp.millisecondsPerDay { return "too-old" }
        if age < -acceptedDaysAhead * Timestamp.millisecondsPerDay { return "in-the-future" }
        return nil
    }
}
