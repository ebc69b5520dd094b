// Offers and purchases for the tests of the evaluator: a plain one of each, and the changes that a test is
// about.

import Configuration
import Messages
import Primitives
import RuleEvaluatorDomain
import Testing

func time(_ text: String) throws -> Timestamp { try #require(Timestamp(rfc3339: text)) }

/// An offer of 10 fixed points without conditions.
func offer(
    _ id: String = "plain", active: Bool = true, validity: ValidityPeriod = ValidityPeriod(),
    conditions: OfferConditions? = nil, award: OfferAward? = nil, limit: WalletLimit? = nil
) -> Offer {
    Offer(
        id: id, version: 3, name: id, active: active, validity: validity,
        conditions: conditions ?? OfferConditions(), award: award ?? OfferAward(amount: .fixed(Points(10))),
        limit: limit)
}

/// An offer of so many points for each euro.
func perEuro(
    _ ratio: String, id: String = "per-euro", maximum: Int64? = nil, limit: WalletLimit? = nil
) throws -> Offer {
    let euro = try #require(Currency("EUR"))
    return offer(
        id,
        award: OfferAward(
            amount: .perCurrencyUnit(pointsPerUnit: try ExactDecimal(ratio), currency: euro),
            maximumPoints: maximum.map { Points($0) }), limit: limit)
}

/// A purchase for 11.77 euros on Monday, 2026-11-02, at 09:00 UTC.
func purchase(
    at time: Timestamp = Timestamp(milliseconds: 1_793_610_000_000), unit: String = "store-1",
    total: Int64 = 1_177,
    classified: String? = nil, by externalID: String = "customer-1"
) -> Purchase {
    guard let euro = Currency("EUR") else { preconditionFailure("the euro is a currency") }
    return Purchase(
        externalID: externalID, occurredAt: time, unit: unit, currency: euro, total: total,
        classification: classified)
}

func purchase(at text: String, unit: String = "store-1", total: Int64 = 1_177) throws -> Purchase {
    purchase(at: try time(text), unit: unit, total: total)
}

/// The decision for an active wallet that has had nothing yet.
func decided(
    _ purchase: Purchase, _ offers: [Offer], now: Timestamp = Timestamp(milliseconds: 1_793_610_000_000)
) -> EvaluationDecision {
    decide(purchase, wallet: .active, opensWallet: false, offers: offers, now: now) { _ in .zero }
}
