// How many points an offer's award comes to, with the arithmetic as text for the evaluation record. Exact
// decimals only; each step that makes the amount smaller adds its words, so that the text alone lets a person
// compute the amount again.

import Configuration
import Messages
import Primitives

/// An amount on its way through the bounds that hold for it.
struct AwardAmount: Equatable {
    private(set) var points: Points
    private(set) var verdict = Verdict.fired
    /// For example `floor(11.77 × 1) = 11, at most 10`.
    private(set) var arithmetic: String

    /// What the award gives for a total, before any bound but one: an amount that no `Int64` holds is
    /// reported as beyond it, and the bounds that follow cut it.
    ///
    /// - Precondition: the total is in the award's currency.
    init(_ award: OfferAward, for purchase: Purchase) {
        switch award.amount {
        case .fixed(let fixed):
            points = fixed
            arithmetic = "fixed \(fixed)"
        case .perCurrencyUnit(let ratio, let currency):
            precondition(currency == purchase.currency, "the conditions have compared the currencies")
            let total = Money(minorUnits: purchase.total, currency: currency).decimal
            let product = total.floorProduct(ratio)
            points = Points(product ?? .max)
            // Every purchase has one for each offer: written in one go.
            arithmetic = String(room: 3 * BytePen.numberRoom + 16) { pen in
                pen.put("floor(")
                pen.put(total)
                pen.put(" × ")
                pen.put(ratio)
                pen.put(product == nil ? ") > " : ") = ")
                pen.put(product ?? .max)
            }
        }
    }

    /// Cuts the amount to a maximum.
    mutating func cap(at maximum: Points) {
        guard points > maximum else { return }
        points = maximum
        verdict = .firedCapped
        arithmetic += ", at most \(maximum)"
    }

    /// Cuts the amount to what is left of a wallet's points in a period.
    mutating func cut(to left: Points, in period: CalendarPeriod) {
        guard points > left else { return }
        points = left
        verdict = left == .zero ? .limitReached : .firedLimited
        arithmetic += ", \(left) left (\(period.rawValue))"
    }

    /// Takes the amount away because the wallet has had the offer often enough.
    mutating func refuse(_ limit: Int64, times: Int64, in period: CalendarPeriod) {
        points = .zero
        verdict = .limitReached
        arithmetic += ", \(times) of \(limit) times (\(period.rawValue))"
    }
}
