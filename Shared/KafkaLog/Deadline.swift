// A point on the monotonic clock: one that a bounded wait must not pass, or one from which on something may be done.
// Never reaches a decision of the domain.

import Dispatch

struct Deadline {
    private let nanoseconds: UInt64

    init(milliseconds: Int) {
        nanoseconds = DispatchTime.now().uptimeNanoseconds + UInt64(max(0, milliseconds)) * 1_000_000
    }

    /// So long from now as half of what has passed since a moment.
    init(halfOfTimeSince start: Moment) {
        let now = DispatchTime.now().uptimeNanoseconds
        nanoseconds = now + (now - min(start.nanoseconds, now)) / 2
    }

    /// A moment that was.
    struct Moment {
        fileprivate let nanoseconds = DispatchTime.now().uptimeNanoseconds
    }

    /// Rounded up, so that a wait does not end early and spin; 0 when the time is up.
    var remainingMilliseconds: Int32 {
        let now = DispatchTime.now().uptimeNanoseconds
        guard now < nanoseconds else { return 0 }
        return Int32(clamping: (nanoseconds - now + 999_999) / 1_000_000)
    }

    var isPast: Bool { remainingMilliseconds == 0 }
}
