// Why each offer fired or did not: one record for every event that was decided on, also when
// nothing fired (K16). Carries the versions and the arithmetic, so that a decision can be explained
// and computed again.

import JSONText
import Primitives

/// The record of one event's evaluation.
public struct Evaluation: Sendable, Equatable {
    public var event: EventID
    public var wallet: WalletID
    public var source: String
    public var occurredAt: Timestamp
    public var evaluatedAt: Timestamp
    /// Position in `config` of the configuration that was in force.
    public var configurationVersion: Int64
    public var points: Points
    public var reason: AwardCommand.Reason?
    public var offers: [Considered]

    /// One offer and what came of it.
    public struct Considered: Sendable, Equatable {
        public var offer: String
        public var version: Int64
        public var points: Points
        /// `fired`, or the condition that was not met.
        public var verdict: String
        /// For example `floor(11.77 × 1) = 11`.
        public var arithmetic: String?

        public init(offer: String, version: Int64, points: Points, verdict: String, arithmetic: String? = nil) {
            self.offer = offer
            self.version = version
            self.points = points
            self.verdict = verdict
            self.arithmetic = arithmetic
        }
    }

    public init(
        event: EventID, wallet: WalletID, source: String, occurredAt: Timestamp, evaluatedAt: Timestamp,
        configurationVersion: Int64, points: Points, reason: AwardCommand.Reason?, offers: [Considered]
    ) {
        self.event = event
        self.wallet = wallet
        self.source = source
        self.occurredAt = occurredAt
        self.evaluatedAt = evaluatedAt
        self.configurationVersion = configurationVersion
        self.points = points
        self.reason = reason
        self.offers = offers
    }

    /// As many as a configuration can hold.
    public static let maximumOffers = 1_000

    public static func decode(
        _ bytes: [UInt8], in range: Range<Int>? = nil
    ) throws(MessageFailure) -> Evaluation {
        try Messages.decode(bytes, in: range, canonical: readCanonical) { (fields: inout FieldReader) in
            let event = fields.event("event")
            let wallet = fields.wallet("wallet")
            let source = fields.text("source", required: true, maximum: Purchase.maximumTextBytes)
            let occurredAt = fields.timestamp("occurredAt", required: true)
            let evaluatedAt = fields.timestamp("evaluatedAt", required: true)
            let version = fields.integer("configurationVersion", in: 0...Int64.max, required: true)
            let points = fields.integer("points", in: 0...Points.maximum.units, required: true)
            let reason = fields.choice("reason", of: AwardCommand.Reason.words, required: false)
            let offers = fields.items("offers", maximum: maximumOffers, required: true, readOffer)
            guard let event, let wallet, let source, let occurredAt, let evaluatedAt, let version, let points,
                let offers
            else { return nil }
            return Evaluation(
                event: event, wallet: wallet, source: source, occurredAt: occurredAt, evaluatedAt: evaluatedAt,
                configurationVersion: version, points: Points(points), reason: reason, offers: offers)
        }
    }

    private static func readOffer(_ fields: inout FieldReader) -> Considered? {
        let offer = fields.text("offer", required: true, maximum: Purchase.maximumTextBytes)
        let version = fields.integer("version", in: 0...Int64.max, required: true)
        let points = fields.integer("points", in: 0...Points.maximum.units, required: true)
        let verdict = fields.text("verdict", required: true, maximum: Purchase.maximumTextBytes)
        let arithmetic = fields.text("arithmetic", required: false, maximum: OpenWallet.maximumNameBytes)
        guard let offer, let version, let points, let verdict else { return nil }
        return Considered(
            offer: offer, version: version, points: Points(points), verdict: verdict, arithmetic: arithmetic)
    }

    public func encode(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("event", event)
        writer.field("wallet", wallet)
        writer.field("source", source)
        writer.field("occurredAt", occurredAt)
        writer.field("evaluatedAt", evaluatedAt)
        writer.field("configurationVersion", configurationVersion)
        writer.field("points", points.units)
        if let reason { writer.field("reason", reason.rawValue) }
        writer.key("offers")
        writer.beginArray()
        for offer in offers {
            writer.beginObject()
            writer.field("offer", offer.offer)
            writer.field("version", offer.version)
            writer.field("points", offer.points.units)
            writer.field("verdict", offer.verdict)
            if let arithmetic = offer.arithmetic { writer.field("arithmetic", arithmetic) }
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
    }
}
