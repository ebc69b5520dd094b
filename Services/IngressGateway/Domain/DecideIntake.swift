// Decides what an event's idempotency key means: first of its key, a repeat of it, another event under a used key, or an
// event whose own time is out of bounds. Called by the processor for every event, with what the store knows of the key.
// Reads no body: the fingerprint stands for it.

import Configuration
import Messages
import Primitives

/// What is known of a key that was decided before.
public struct KnownKey: Sendable, Equatable {
    public var type: MessageType
    public var wallet: WalletID
    public var fingerprint: UInt128

    public init(type: MessageType, wallet: WalletID, fingerprint: UInt128) {
        self.type = type
        self.wallet = wallet
        self.fingerprint = fingerprint
    }
}

/// An event or a request, as far as deciding on its key needs it.
public struct IntakeItem: Sendable, Equatable {
    public var event: EventID
    public var type: MessageType
    public var wallet: WalletID
    public var fingerprint: UInt128
    public var occurredAt: Timestamp

    public init(
        event: EventID, type: MessageType, wallet: WalletID, fingerprint: UInt128, occurredAt: Timestamp
    ) {
        self.event = event
        self.type = type
        self.wallet = wallet
        self.fingerprint = fingerprint
        self.occurredAt = occurredAt
    }
}

public enum IntakeDecision: Sendable, Equatable {
    /// To be remembered until `expiry`, and passed on.
    case first(bucket: KeyBucket, expiry: Timestamp)
    /// The first outcome holds.
    case repeated
    /// Another payload or another wallet under a key that is in use: nothing is done.
    case conflict
    /// Not remembered: the key stays free.
    case refused(TimeRefusal)
}

/// Why an event's own time is not accepted.
public enum TimeRefusal: String, Sendable, CaseIterable {
    /// Older than the window in which keys are remembered: a forgotten key could award twice.
    case tooOld = "too-old"
    /// Further ahead than clocks differ.
    case futureEvent = "future-event"

    /// Nil for a time within the bounds.
    public init?(of occurredAt: Timestamp, source: Source, now: Timestamp) {
        let age = now.milliseconds - occurredAt.milliseconds
        if age > source.repeatWindowMilliseconds {
            self = .tooOld
        } else if -age > source.futureToleranceMilliseconds {
            self = .futureEvent
        } else {
            return nil
        }
    }

    public func detail(for source: Source) -> String {
        switch self {
        case .tooOld: "occurredAt is more than \(source.repeatWindowDays) days ago"
        case .futureEvent: "occurredAt is more than \(source.futureToleranceMinutes) minutes ahead"
        }
    }
}

/// A known key keeps its outcome whatever the event's time; only a new one is held against the bounds of time.
public func decideIntake(
    _ known: KnownKey?, _ item: IntakeItem, source: Source, now: Timestamp
) -> IntakeDecision {
    if let known {
        let isSame =
            known.type == item.type && known.wallet == item.wallet && known.fingerprint == item.fingerprint
        return isSame ? .repeated : .conflict
    }
    if let refusal = TimeRefusal(of: item.occurredAt, source: source, now: now) { return .refused(refusal) }
    let expiry = source.keyExpiry(occurredAt: item.occurredAt, now: now)
    return .first(bucket: source.bucket(ofExpiry: expiry), expiry: expiry)
}
