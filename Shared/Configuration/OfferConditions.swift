// What a purchase must meet for an offer to answer it. All conditions that are given must hold. Evaluated by
// the rule evaluator; nothing here looks at a clock.

import JSONText
import Primitives

/// Conditions of an offer; nil or empty means any.
public struct OfferConditions: Sendable, Equatable {
    /// The purchase's unit is one of these.
    public let units: [String]?
    /// The purchase's classification is one of these.
    public let classifications: [String]?
    /// The purchase's total is at least this, in the same currency.
    public let minimumTotal: Money?
    /// The purchase's day in UTC is one of these.
    public let daysOfWeek: [Weekday]?
    /// The purchase's time of day in UTC lies in this.
    public let timeOfDay: DailyWindow?

    public init(
        units: [String]? = nil, classifications: [String]? = nil, minimumTotal: Money? = nil,
        daysOfWeek: [Weekday]? = nil, timeOfDay: DailyWindow? = nil
    ) {
        self.units = units
        self.classifications = classifications
        self.minimumTotal = minimumTotal
        self.daysOfWeek = daysOfWeek
        self.timeOfDay = timeOfDay
    }

    static func read(_ fields: inout FieldReader) -> OfferConditions? {
        fields.refuseOthers(than: [
            "units", "classifications", "minimumTotal", "currency", "daysOfWeek", "timeOfDay",
        ])
        return OfferConditions(
            units: fields.texts("units"), classifications: fields.texts("classifications"),
            minimumTotal: readMinimum(&fields), daysOfWeek: fields.choices("daysOfWeek", of: Weekday.self),
            timeOfDay: fields.nested("timeOfDay", required: false, DailyWindow.read))
    }

    private static func readMinimum(_ fields: inout FieldReader) -> Money? {
        guard fields.has("minimumTotal") else {
            fields.refuse("currency", because: "it belongs to minimumTotal")
            return nil
        }
        let amount = fields.decimal("minimumTotal", in: nil)
        let currency = fields.currency("currency")
        guard let amount, let currency else { return nil }
        guard let units = amount.units(places: currency.exponent) else {
            fields.report(
                "minimumTotal", code: "scale",
                detail: "\(currency.code) has \(currency.exponent) decimal places")
            return nil
        }
        guard (1...Money.maximumMinorUnits).contains(units) else {
            fields.report(
                "minimumTotal", code: "range", detail: "1 to \(Money.maximumMinorUnits) minor units")
            return nil
        }
        return Money(minorUnits: units, currency: currency)
    }

    func encode(to writer: inout JSONWriter) {
        if let units { encode("units", units, to: &writer) }
        if let classifications { encode("classifications", classifications, to: &writer) }
        if let minimumTotal {
            writer.field("minimumTotal", minimumTotal.decimal)
            writer.field("currency", minimumTotal.currency.code)
        }
        if let daysOfWeek { encode("daysOfWeek", daysOfWeek.map(\.rawValue), to: &writer) }
        if let timeOfDay { writer.object("timeOfDay", timeOfDay.encode) }
    }

    private func encode(_ key: StaticString, _ list: [String], to writer: inout JSONWriter) {
        writer.array(key) { writer in
            for text in list { writer.string(text) }
        }
    }
}
