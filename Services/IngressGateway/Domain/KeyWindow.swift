// How long a source's keys are remembered, and where their rows lie. Rows are clustered by the day on which they can be
// forgotten, because keys that are random within the whole table halve SQLite's speed (RELIABILITY, finding 11), and
// because forgetting then takes rows from the table's beginning without looking for them.

import Configuration
import Primitives

/// The days behind which rows of the same cluster have all expired, counted from 1970-01-01.
public struct KeyBucket: Sendable, Hashable, Comparable {
    public let day: Int64
    public init(day: Int64) { self.day = day }
    public static func < (left: Self, right: Self) -> Bool { left.day < right.day }

    /// From then on every row of the bucket may be deleted.
    public var end: Timestamp { Timestamp(milliseconds: day * Timestamp.millisecondsPerDay) }
}

extension Source {
    /// A window is spread over about so many buckets: an id whose bucket is unknown is sought in each of them.
    private static let bucketsPerWindow = 7

    /// When a key that arrives now may be forgotten: not before events of that time are refused as too old, and not
    /// before the published window has passed since it arrived.
    public func keyExpiry(occurredAt: Timestamp, now: Timestamp) -> Timestamp {
        max(occurredAt, now).adding(milliseconds: repeatWindowMilliseconds)
    }

    /// The bucket of a key that expires then.
    public func bucket(ofExpiry expiry: Timestamp) -> KeyBucket {
        let width = Int64(max(1, (repeatWindowDays + Self.bucketsPerWindow - 1) / Self.bucketsPerWindow))
        return KeyBucket(day: (expiry.day / width + 1) * width)
    }
}
