// What the evaluator tells the ledger about one event: the credits its offers gave, or why there
// are none. One command an event, also when nothing fired, so that every event has an outcome in
// the wallet's order.

import JSONText
import Primitives

/// The evaluator's decision on one event, for the ledger to carry out.
public struct AwardCommand: Sendable, Equatable {
    public var event: EventID
    /// The source that sent the event.
    public var source: String
    public var eventType: MessageType
    public var externalID: String
    /// The wallet is opened if it does not exist yet.
    public var opensWallet: Bool
    public var occurredAt: Timestamp
    public var awards: [Line]
    /// Why nothing is awarded, or why the event is refused.
    public var reason: Reason?

    /// One offer's award.
    public struct Line: Sendable, Equatable {
        public var offer: String
        public var offerVersion: Int64
        public var asset: AssetCode
        public var points: Points
        public var expiresAt: Timestamp?
        /// Pending until its hold is committed.
        public var inflight: Bool

        public init(
            offer: String, offerVersion: Int64, asset: AssetCode = .points, points: Points,
            expiresAt: Timestamp? = nil, inflight: Bool = false
        ) {
            self.offer = offer
            self.offerVersion = offerVersion
            self.asset = asset
            self.points = points
            self.expiresAt = expiresAt
            self.inflight = inflight
        }
    }

    public enum Reason: String, Sendable, CaseIterable {
        /// No offer's conditions were met, or each came to nothing.
        case noOfferFired = "no-offer-fired"
        case unknownWallet = "unknown-wallet"
        case walletBlocked = "wallet-blocked"

        public var isRefusal: Bool { self != .noOfferFired }

        public static let words = WordTable<Reason>()
    }

    public init(
        event: EventID, source: String, eventType: MessageType = .purchase, externalID: String, opensWallet: Bool,
        occurredAt: Timestamp, awards: [Line], reason: Reason? = nil
    ) {
        self.event = event
        self.source = source
        self.eventType = eventType
        self.externalID = externalID
        self.opensWallet = opensWallet
        self.occurredAt = occurredAt
        self.awards = awards
        self.reason = reason
    }
}

extension AwardCommand {
    public static func decode(
        _ bytes: [UInt8], in range: Range<Int>? = nil
    ) throws(MessageFailure) -> AwardCommand {
        try Messages.decode(bytes, in: range, canonical: readCanonical) { (fields: inout FieldReader) in
            let event = fields.event("event")
            let source = fields.text("source", required: true, maximum: Purchase.maximumTextBytes)
            let type = fields.choice("eventType", of: MessageType.words, required: true)
            let externalID = fields.identifier("externalId", maximum: Purchase.maximumExternalIDBytes)
            let opens = fields.bool("opensWallet", required: false) ?? false
            let occurredAt = fields.timestamp("occurredAt", required: true)
            let reason = fields.choice("reason", of: Reason.words, required: false)
            let lines = fields.items("awards", maximum: Step.maximumAwards, required: true, readLine)
            guard let event, let source, let type, let externalID, let occurredAt, let lines else { return nil }
            return AwardCommand(
                event: event, source: source, eventType: type, externalID: externalID, opensWallet: opens,
                occurredAt: occurredAt, awards: lines, reason: reason)
        }
    }

    private static func readLine(_ fields: inout FieldReader) -> Line? {
        let offer = fields.text("offer", required: true, maximum: Purchase.maximumTextBytes)
        let version = fields.integer("offerVersion", in: 0...Int64.max, required: true)
        let asset = fields.text("asset", required: true, maximum: Purchase.maximumTextBytes)
        let points = fields.integer("points", in: 1...Points.maximum.units, required: true)
        let expiresAt = fields.timestamp("expiresAt", required: false)
        let inflight = fields.bool("inflight", required: false) ?? false
        guard let offer, let version, let asset, let points else { return nil }
        return Line(
            offer: offer, offerVersion: version, asset: AssetCode(asset), points: Points(points),
            expiresAt: expiresAt, inflight: inflight)
    }

    public func encode(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("event", event)
        writer.field("source", source)
        writer.field("eventType", eventType.rawValue)
        writer.field("externalId", externalID)
        if opensWallet { writer.field("opensWallet", true) }
        writer.field("occurredAt", occurredAt)
        writer.key("awards")
        writer.beginArray()
        for line in awards {
            writer.beginObject()
            writer.field("offer", line.offer)
            writer.field("offerVersion", line.offerVersion)
            writer.field("asset", line.asset.text)
            writer.field("points", line.points.units)
            if let expiresAt = line.expiresAt { writer.field("expiresAt", expiresAt) }
            if line.inflight { writer.field("inflight", true) }
            writer.endObject()
        }
        writer.endArray()
        if let reason { writer.field("reason", reason.rawValue) }
        writer.endObject()
    }
}
