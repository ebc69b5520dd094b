// What came of one offer for one event, and the conditions of an offer held against a purchase. The words go
// into every evaluation record and are part of its contract: people and systems read why an offer fired or
// did not.

import Configuration
import Messages
import Primitives

/// What came of an offer: fired, or the first thing that kept it from firing.
public enum Verdict: String, Sendable, CaseIterable {
    case fired
    /// Fired; the award's own maximum, or the largest amount there may be, cut it.
    case firedCapped = "fired-capped"
    /// Fired; the wallet's limit cut it to what was left of the period.
    case firedLimited = "fired-limited"
    /// Switched off.
    case inactive
    case eventType = "event-type"
    case notYetValid = "not-yet-valid"
    case validityOver = "validity-over"
    case unit
    case classification
    case dayOfWeek = "day-of-week"
    case timeOfDay = "time-of-day"
    /// The purchase's currency is not that of the award or of the minimum total.
    case currency
    case minimumTotal = "minimum-total"
    /// All conditions are met, and the award comes to nothing.
    case noPoints = "no-points"
    /// The wallet has had all that the offer gives in the period.
    case limitReached = "limit-reached"
    /// The event had fired as many offers as an event may.
    case notConsidered = "not-considered"
}

extension Offer {
    /// The first condition that a purchase does not meet, in the order of ``Verdict``; nil if it meets all.
    /// Validity, day and time of day are those of the event's own time, in UTC.
    func conditionNotMet(by purchase: Purchase) -> Verdict? {
        let time = purchase.occurredAt
        if !active { return .inactive }
        if !eventTypes.contains(.purchase) { return .eventType }
        if let from = validity.from, time < from { return .notYetValid }
        if let to = validity.to, time >= to { return .validityOver }
        if let units = conditions.units, !units.contains(purchase.unit) { return .unit }
        if let allowed = conditions.classifications {
            guard let classification = purchase.classification, allowed.contains(classification) else {
                return .classification
            }
        }
        if let days = conditions.daysOfWeek, !days.contains(Weekday(of: time)) { return .dayOfWeek }
        if let window = conditions.timeOfDay, !window.contains(time) { return .timeOfDay }
        if case .perCurrencyUnit(_, let currency) = award.amount, currency != purchase.currency {
            return .currency
        }
        if let minimum = conditions.minimumTotal {
            if minimum.currency != purchase.currency { return .currency }
            if purchase.total < minimum.minorUnits { return .minimumTotal }
        }
        return nil
    }
}
