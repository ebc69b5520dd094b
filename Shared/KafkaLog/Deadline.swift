// A point on the monotonic clock that a bounded wait must not pass. Never reaches a decision of the domain.

import Dispatch

struct Deadline {
    private let nanoseconds: UInt64

    init(milliseconds: Int) {
        nanoseconds = DispatchTime.now().uptimeNanoseconds + UInt64(max(0, milliseconds)) * 1_000_000
    }

    /// As far from now as now is from a moment before.
    init(asFarAs start: Moment) {
        let now = DispatchTime.now().uptimeNanoseconds
        nanoseconds = now + (now - min(start.nanoseconds, now))
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
