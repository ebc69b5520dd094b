// The decision on one purchase: which offers of the configuration fire, what each awards, and why the others
// do not. Called by the processor once for every new event. Pure and total: the same arguments give the same
// decision, so that an evaluation can be computed again; what it needs of the store it asks through
// `counter`, only where a limit asks for it.

import Configuration
import Messages
import Primitives

/// What is known of the wallet when the event arrives.
public enum WalletStanding: Sendable, Equatable, CaseIterable {
    case unknown, active, blocked
}

/// How often and how much an offer has given a wallet in a period.
public struct OfferCounter: Sendable, Equatable {
    public var times: Int64
    public var points: Points

    public init(times: Int64, points: Points) {
        self.times = times
        self.points = points
    }

    public static let zero = OfferCounter(times: 0, points: .zero)

    /// With one more award. Stays at the maximum: a limit is never larger.
    func adding(_ award: Points) -> OfferCounter {
        OfferCounter(times: times + 1, points: min(points + award, Points.maximum))
    }
}

/// Which of a wallet's counters.
public struct CounterKey: Sendable, Hashable {
    public let offer: String
    public let period: LimitPeriod

    public init(offer: String, period: LimitPeriod) {
        self.offer = offer
        self.period = period
    }
}

/// A counter that changes, with its new value.
public struct CounterChange: Sendable, Equatable {
    public let key: CounterKey
    public let value: OfferCounter

    public init(key: CounterKey, value: OfferCounter) {
        self.key = key
        self.value = value
    }
}

/// What is decided on one event.
public struct EvaluationDecision: Sendable, Equatable {
    /// The wallet is opened by this event.
    public var opensWallet = false
    /// In the order in which the offers were considered; at most ``Step/maximumAwards``.
    public var awards: [AwardCommand.Line] = []
    /// Every offer of the configuration, in its order; none if the wallet may not earn.
    public var considered: [Evaluation.Considered] = []
    /// Why nothing is awarded; nil if something is.
    public var reason: AwardCommand.Reason?
    /// At most one for an offer.
    public var counters: [CounterChange] = []
    /// The awards together, at most `Points.maximum`.
    public var points = Points.zero
}

/// Decides on a purchase.
///
/// - Parameters:
///   - opensWallet: whether an unknown wallet is opened by the event.
///   - offers: in the order in which they are considered.
///   - now: the time of the award; the days until its points expire count from it, so that a purchase that
///     arrives late gives points for as long as one that arrives at once. Conditions and periods go by the
///     event's own time.
///   - counter: the wallet's counter, ``OfferCounter/zero`` if there is none. Asked at most once for an
///     offer, and only if the offer has a limit and meets every other condition.
/// - Throws: what `counter` throws.
public func decide<Failure: Error>(
    _ purchase: Purchase, wallet: WalletStanding, opensWallet: Bool, offers: [Offer], now: Timestamp,
    counter: (CounterKey) throws(Failure) -> OfferCounter
) throws(Failure) -> EvaluationDecision {
    var decision = EvaluationDecision()
    switch wallet {
    case .blocked:
        decision.reason = .walletBlocked
        return decision
    case .unknown where !opensWallet:
        decision.reason = .unknownWallet
        return decision
    case .unknown: decision.opensWallet = true
    case .active: break
    }
    decision.considered.reserveCapacity(offers.count)
    for offer in offers { try decision.consider(offer, purchase, now, counter) }
    if decision.awards.isEmpty { decision.reason = .noOfferFired }
    return decision
}

extension EvaluationDecision {
    fileprivate mutating func consider<Failure: Error>(
        _ offer: Offer, _ purchase: Purchase, _ now: Timestamp,
        _ counter: (CounterKey) throws(Failure) -> OfferCounter
    ) throws(Failure) {
        guard awards.count < Step.maximumAwards else { return note(offer, .notConsidered) }
        if let verdict = offer.conditionNotMet(by: purchase) { return note(offer, verdict) }
        var amount = AwardAmount(offer.award, for: purchase)
        amount.cap(at: offer.award.maximumPoints ?? Points.maximum)
        amount.cap(at: Points.maximum - points)
        guard amount.points > .zero else { return note(offer, .noPoints, amount.arithmetic) }
        if let limit = offer.limit {
            let key = CounterKey(offer: offer.id, period: LimitPeriod(limit.period, at: purchase.occurredAt))
            let used = try counter(key)
            amount.apply(limit, used)
            guard amount.points > .zero else { return note(offer, amount.verdict, amount.arithmetic) }
            counters.append(CounterChange(key: key, value: used.adding(amount.points)))
        }
        fire(offer, amount, now)
    }

    private mutating func fire(_ offer: Offer, _ amount: AwardAmount, _ now: Timestamp) {
        let expiresAt = offer.award.expiresAfterDays.map { days in
            now.adding(milliseconds: Int64(days) * Timestamp.millisecondsPerDay)
        }
        awards.append(
            AwardCommand.Line(
                offer: offer.id, offerVersion: offer.version, asset: offer.award.asset, points: amount.points,
                expiresAt: expiresAt, inflight: offer.award.inflight))
        points += amount.points
        note(offer, amount.verdict, amount.arithmetic, amount.points)
    }

    private mutating func note(
        _ offer: Offer, _ verdict: Verdict, _ arithmetic: String? = nil, _ points: Points = .zero
    ) {
        considered.append(
            Evaluation.Considered(
                offer: offer.id, version: offer.version, points: points, verdict: verdict.rawValue,
                arithmetic: arithmetic))
    }
}

extension AwardAmount {
    /// Holds the amount against what the wallet has had in the period.
    fileprivate mutating func apply(_ limit: WalletLimit, _ used: OfferCounter) {
        if let times = limit.times, used.times >= times {
            return refuse(times, times: used.times, in: limit.period)
        }
        if let most = limit.points { cut(to: max(most - used.points, .zero), in: limit.period) }
    }
}
