// What an offer awards: how many points, of which asset, for how long, and whether they are credited at once
// or held. Computed by the rule evaluator, in exact decimals.

import JSONText
import Primitives

/// The award of an offer.
public struct OfferAward: Sendable, Equatable {
    public enum Amount: Sendable, Equatable {
        case fixed(Points)
        /// `floor(total × pointsPerUnit)` of a total in that currency's major unit.
        case perCurrencyUnit(pointsPerUnit: ExactDecimal, currency: Currency)
    }

    public let amount: Amount
    public let asset: AssetCode
    /// Days from the time of the award; nil for points that do not expire.
    public let expiresAfterDays: Int?
    /// Whether the points are announced by a hold and credited when it is committed.
    public let inflight: Bool
    /// The most that one event is awarded.
    public let maximumPoints: Points?

    public init(
        amount: Amount, asset: AssetCode = .points, expiresAfterDays: Int? = nil, inflight: Bool = false,
        maximumPoints: Points? = nil
    ) {
        self.amount = amount
        self.asset = asset
        self.expiresAfterDays = expiresAfterDays
        self.inflight = inflight
        self.maximumPoints = maximumPoints
    }

    private static let anyPoints = Points(1)...Points.maximum
    /// A million points for one yen is beyond any programme.
    private static let maximumRatio = ExactDecimal(mantissa: 1_000_000)

    static func read(_ fields: inout FieldReader) -> OfferAward? {
        fields.refuseOthers(than: [
            "kind", "points", "pointsPerUnit", "currency", "rounding", "asset", "expiresAfterDays",
            "inflight",
            "maximumPoints",
        ])
        let amount = readAmount(&fields)
        let asset = fields.documentID("asset", required: false).map { AssetCode($0) } ?? .points
        let days = fields.integer("expiresAfterDays", in: ConfigurationBounds.days, required: false)
        let inflight = fields.bool("inflight", required: false) ?? false
        let maximum = fields.points("maximumPoints", in: anyPoints, required: false)
        guard fields.problems.isEmpty, let amount else { return nil }
        return OfferAward(
            amount: amount, asset: asset, expiresAfterDays: days.map { Int($0) }, inflight: inflight,
            maximumPoints: maximum)
    }

    private static func readAmount(_ fields: inout FieldReader) -> Amount? {
        switch fields.choice("kind", of: AmountKind.self) {
        case .fixed:
            for key in ["pointsPerUnit", "currency", "rounding"] {
                fields.refuse(key, because: "a fixed award does not depend on the total")
            }
            return fields.points("points", in: anyPoints).map(Amount.fixed)
        case .perCurrencyUnit:
            fields.refuse("points", because: "the award depends on the total")
            let ratio = fields.decimal("pointsPerUnit", in: nil)
            let currency = fields.currency("currency")
            _ = fields.choice("rounding", of: Rounding.self, required: false)
            guard let ratio, let currency else { return nil }
            guard ratio > .zero, ratio <= maximumRatio else {
                fields.report("pointsPerUnit", code: "range", detail: "more than 0, at most \(maximumRatio)")
                return nil
            }
            return .perCurrencyUnit(pointsPerUnit: ratio.normalized, currency: currency)
        case nil: return nil
        }
    }

    func encode(to writer: inout JSONWriter) {
        switch amount {
        case .fixed(let points):
            writer.field("kind", AmountKind.fixed.rawValue)
            writer.field("points", points.units)
        case .perCurrencyUnit(let ratio, let currency):
            writer.field("kind", AmountKind.perCurrencyUnit.rawValue)
            writer.field("pointsPerUnit", ratio)
            writer.field("currency", currency.code)
            writer.field("rounding", Rounding.floor.rawValue)
        }
        writer.field("asset", asset.text)
        if let expiresAfterDays { writer.field("expiresAfterDays", Int64(expiresAfterDays)) }
        writer.field("inflight", inflight)
        if let maximumPoints { writer.field("maximumPoints", maximumPoints.units) }
    }
}

private enum AmountKind: String, CaseIterable { case fixed, perCurrencyUnit }
private enum Rounding: String, CaseIterable { case floor }
