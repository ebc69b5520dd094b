// What becomes of a delivery after an attempt. Called by the processor for every result that comes back;
// pure. Never decides on anything but the answer's status: what a receiver writes into its body is not read.

import Configuration
import Primitives

/// How an attempt ended.
public enum AttemptOutcome: Sendable, Equatable {
    /// - Parameter retryAfterSeconds: as the receiver asked for, if it did.
    case answered(status: Int, retryAfterSeconds: Int64?)
    case failed(AttemptFailure)

    public var status: Int? { if case .answered(let status, _) = self { status } else { nil } }

    /// A stable code for headers and metrics.
    public var code: String {
        switch self {
        case .answered(let status, _): "http-\(status)"
        case .failed(let failure): failure.rawValue
        }
    }
}

/// Why there was no answer.
public enum AttemptFailure: String, Sendable, CaseIterable {
    case nameNotFound = "name-not-found"
    /// The name resolves to an address of a private network, which the subscription does not allow.
    case forbiddenAddress = "forbidden-address"
    case connectionFailed = "connection-failed"
    /// The certificate is not valid for the host, or the two do not understand each other.
    case tls
    case timeout
    /// The connection ended within the answer.
    case connectionLost = "connection-lost"
    /// What came back is no HTTP.
    case malformedAnswer = "malformed-answer"
}

/// What to do with a delivery now.
public enum DeliveryDecision: Sendable, Equatable {
    case delivered
    case retry(at: Timestamp)
    case abandon(AbandonReason)
}

/// Why a delivery is given up.
public enum AbandonReason: String, Sendable, CaseIterable {
    /// The last attempt failed.
    case attemptsExhausted = "delivery-attempts-exhausted"
    /// The receiver answered 410: it wants no more of this.
    case gone = "delivery-gone"
    /// The subscription was removed or set inactive.
    case unsubscribed
}

/// How often and when a subscription's deliveries are tried.
public struct RetryPolicy: Sendable, Equatable {
    /// A receiver that is down is looked for at least this often, whatever the doubling says.
    public static let maximumPauseMilliseconds: Int64 = 86_400_000
    /// A receiver can ask for no longer a pause than this: its other notices wait behind the one.
    public static let maximumRetryAfterSeconds: Int64 = 3_600

    /// Of a subscription that is no more.
    public static let none = RetryPolicy(maximumAttempts: 0, firstRetryMilliseconds: 0)

    public let maximumAttempts: Int
    public let firstRetryMilliseconds: Int64

    public init(maximumAttempts: Int, firstRetryMilliseconds: Int64) {
        self.maximumAttempts = maximumAttempts
        self.firstRetryMilliseconds = firstRetryMilliseconds
    }

    public init(_ subscription: Subscription) {
        self.init(
            maximumAttempts: subscription.maximumAttempts,
            firstRetryMilliseconds: Int64(subscription.firstRetryMilliseconds))
    }

    /// The pause after the nth failed attempt without jitter: the first, doubled each time, up to the
    /// maximum.
    public func pauseMilliseconds(afterAttempt attempt: Int) -> Int64 {
        let doublings = min(max(attempt - 1, 0), 20)
        return min(firstRetryMilliseconds << Int64(doublings), Self.maximumPauseMilliseconds)
    }
}

/// Decides on a delivery after its nth attempt.
///
///   waiting ──(turn of its wallet, pause over)──> in flight ──2xx──> delivered
///      ^                                              │
///      └──────── retry: attempts are left ────────────┤
///                                                     └─ 410, or the last attempt ──> abandoned
///   waiting, in flight ──(subscription removed or inactive)──> abandoned
///
/// | answer | decision |
/// |---|---|
/// | 2xx | delivered |
/// | 410 | abandoned at once |
/// | any other (redirects are not followed), or none | retry, or abandoned after the last attempt |
///
/// The pause gets up to a quarter longer by chance, so that a receiver that comes back does not get all at
/// once; never shorter than `Retry-After` asks for, within its bound.
public func decideDelivery(
    attempt: Int, outcome: AttemptOutcome, policy: RetryPolicy, now: Timestamp, entropy: inout some Entropy
) -> DeliveryDecision {
    var askedSeconds: Int64 = 0
    if case .answered(let status, let retryAfter) = outcome {
        if (200...299).contains(status) { return .delivered }
        if status == 410 { return .abandon(.gone) }
        askedSeconds = min(max(retryAfter ?? 0, 0), RetryPolicy.maximumRetryAfterSeconds)
    }
    guard attempt < policy.maximumAttempts else { return .abandon(.attemptsExhausted) }
    let pause = max(policy.pauseMilliseconds(afterAttempt: attempt), askedSeconds * 1_000)
    let jitter = Int64(entropy.below(UInt64(pause / 4) + 1))
    return .retry(at: now.adding(milliseconds: pause + jitter))
}
