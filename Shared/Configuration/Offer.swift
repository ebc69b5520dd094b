// An offer: which purchases it answers, what it awards, and how often. Read by the rule evaluator for every
// purchase; the version goes into each evaluation, so that an award can be explained after the offer has
// changed.

import JSONText
import Primitives

/// One offer of the programme.
public struct Offer: Sendable, Equatable {
    public let id: String
    /// Offset of its record on `config`; 0 before it is published.
    public let version: Int64
    /// For people.
    public let name: String
    public let active: Bool
    public let eventTypes: [OfferEventType]
    /// Held against the event's own time.
    public let validity: ValidityPeriod
    public let conditions: OfferConditions
    public let award: OfferAward
    public let limit: WalletLimit?
    /// Offers are considered in the order of priority, the highest first, then by id.
    public let priority: Int

    public init(
        id: String, version: Int64 = 0, name: String, active: Bool = true,
        eventTypes: [OfferEventType] = [.purchase], validity: ValidityPeriod = ValidityPeriod(),
        conditions: OfferConditions = OfferConditions(), award: OfferAward, limit: WalletLimit? = nil,
        priority: Int = 0
    ) {
        self.id = id
        self.version = version
        self.name = name
        self.active = active
        self.eventTypes = eventTypes
        self.validity = validity
        self.conditions = conditions
        self.award = award
        self.limit = limit
        self.priority = priority
    }

    /// A thousand steps each way order more offers than there may be.
    static let priorities: ClosedRange<Int64> = -1_000...1_000

    static func read(_ fields: inout FieldReader, id: String, version: Int64) -> Offer? {
        fields.refuseOthers(than: [
            "kind", "id", "name", "active", "eventTypes", "validFrom", "validTo", "conditions", "award",
            "limit",
            "priority",
        ])
        let name = fields.text("name", maximum: ConfigurationBounds.textBytes)
        let active = fields.bool("active", required: false) ?? true
        let types = fields.choices("eventTypes", of: OfferEventType.self, required: true)
        let validity = fields.validity()
        let conditions = fields.nested("conditions", required: false, OfferConditions.read)
        let award = fields.nested("award", OfferAward.read)
        let limit = fields.nested("limit", required: false, WalletLimit.read)
        let priority = fields.integer("priority", in: priorities, required: false) ?? 0
        guard fields.problems.isEmpty, let name, let types, let award else { return nil }
        return Offer(
            id: id, version: version, name: name, active: active, eventTypes: types, validity: validity,
            conditions: conditions ?? OfferConditions(), award: award, limit: limit, priority: Int(priority))
    }

    func encode(to writer: inout JSONWriter) {
        writer.field("name", name)
        writer.field("active", active)
        writer.array("eventTypes") { writer in
            for type in eventTypes { writer.string(type.rawValue) }
        }
        validity.encode(to: &writer)
        if conditions != OfferConditions() { writer.object("conditions", conditions.encode) }
        writer.object("award", award.encode)
        if let limit { writer.object("limit", limit.encode) }
        writer.field("priority", Int64(priority))
    }

    /// The order in which offers are considered.
    static func isBefore(_ left: Offer, _ right: Offer) -> Bool {
        left.priority != right.priority ? left.priority > right.priority : left.id < right.id
    }
}

/// The events that an offer can answer.
public enum OfferEventType: String, Sendable, CaseIterable {
    case purchase
}

/// How often and how much an offer awards to one wallet. Periods are those of the event's own time in UTC.
public struct WalletLimit: Sendable, Equatable {
    /// Awards in the period; nil for any number.
    public let times: Int64?
    /// Points in the period; an award is cut to what is left. Nil for any number.
    public let points: Points?
    public let period: CalendarPeriod

    public init(times: Int64? = nil, points: Points? = nil, period: CalendarPeriod) {
        self.times = times
        self.points = points
        self.period = period
    }

    /// More awards in a period than any wallet has events.
    static let maximumTimes: Int64 = 1_000_000

    static func read(_ fields: inout FieldReader) -> WalletLimit? {
        fields.refuseOthers(than: ["times", "points", "period"])
        let times = fields.integer("times", in: 1...maximumTimes, required: false)
        let points = fields.points("points", in: Points(1)...Points.maximum, required: false)
        let period = fields.choice("period", of: CalendarPeriod.self)
        if !fields.has("times"), !fields.has("points") {
            fields.report(
                pointer: fields.value.pointer, code: "missing",
                detail: "at least one of times and points is due")
        }
        return period.map { WalletLimit(times: times, points: points, period: $0) }
    }

    func encode(to writer: inout JSONWriter) {
        if let times { writer.field("times", times) }
        if let points { writer.field("points", points.units) }
        writer.field("period", period.rawValue)
    }
}
