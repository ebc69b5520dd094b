// A reward that points are spent on: its price, and what must remain in the wallet. Read by the rewards
// issuer when a request arrives; the price is fixed then, by the version it used.

import JSONText
import Primitives

/// One reward of the catalogue.
public struct Reward: Sendable, Equatable {
    public let id: String
    /// Offset of its record on `config`; 0 before it is published.
    public let version: Int64
    /// For people.
    public let name: String
    public let active: Bool
    public let paymentMode: PaymentMode
    /// The price, more than 0.
    public let points: Points
    /// How long the points are held for a request that is neither fulfilled nor refused.
    public let holdMinutes: Int
    /// Points that must remain after the spend; exactly so many may (K23).
    public let minimumBalanceAfter: Points
    /// Held against the time of the request.
    public let validity: ValidityPeriod

    public init(
        id: String, version: Int64 = 0, name: String, active: Bool = true, paymentMode: PaymentMode = .points,
        points: Points, holdMinutes: Int = 15, minimumBalanceAfter: Points = .zero,
        validity: ValidityPeriod = ValidityPeriod()
    ) {
        self.id = id
        self.version = version
        self.name = name
        self.active = active
        self.paymentMode = paymentMode
        self.points = points
        self.holdMinutes = holdMinutes
        self.minimumBalanceAfter = minimumBalanceAfter
        self.validity = validity
    }

    public var holdMilliseconds: Int64 { Int64(holdMinutes) * 60_000 }

    /// A hold keeps points from being spent; longer than a day it would outlive any fulfilment.
    static let holdMinutesBounds: ClosedRange<Int64> = 1...1_440

    static func read(_ fields: inout FieldReader, id: String, version: Int64) -> Reward? {
        fields.refuseOthers(than: [
            "kind", "id", "name", "active", "paymentMode", "points", "holdMinutes", "minimumBalanceAfter",
            "validFrom", "validTo",
        ])
        let name = fields.text("name", maximum: ConfigurationBounds.textBytes)
        let active = fields.bool("active", required: false) ?? true
        let mode = fields.choice("paymentMode", of: PaymentMode.self)
        let points = fields.points("points", in: Points(1)...Points.maximum)
        let hold = fields.integer("holdMinutes", in: holdMinutesBounds, required: false) ?? 15
        let remaining = fields.points("minimumBalanceAfter", in: .zero...Points.maximum, required: false)
        let validity = fields.validity()
        guard fields.problems.isEmpty, let name, let mode, let points else { return nil }
        return Reward(
            id: id, version: version, name: name, active: active, paymentMode: mode, points: points,
            holdMinutes: Int(hold), minimumBalanceAfter: remaining ?? .zero, validity: validity)
    }

    func encode(to writer: inout JSONWriter) {
        writer.field("name", name)
        writer.field("active", active)
        writer.field("paymentMode", paymentMode.rawValue)
        writer.field("points", points.units)
        writer.field("holdMinutes", Int64(holdMinutes))
        writer.field("minimumBalanceAfter", minimumBalanceAfter.units)
        validity.encode(to: &writer)
    }
}

/// How a reward is paid.
public enum PaymentMode: String, Sendable, CaseIterable {
    case points = "POINTS"
}
