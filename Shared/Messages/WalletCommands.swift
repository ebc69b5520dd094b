// Commands to the ledger beside AwardCommand: opening and blocking wallets, and holds. Written by
// the evaluator and the issuer; systems that are trusted may write them directly, the ids make that
// safe to repeat.

import JSONText
import Primitives

/// Opens a wallet if there is none for the external id; otherwise its answer is the wallet that exists.
public struct OpenWallet: Sendable, Equatable {
    public var externalID: String
    public var name: String?

    public init(externalID: String, name: String?) {
        self.externalID = externalID
        self.name = name
    }

    /// A name is shown, never interpreted; longer ones are no names.
    public static let maximumNameBytes = 256

    public static func decode(_ bytes: [UInt8], in range: Range<Int>? = nil) throws(MessageFailure) -> OpenWallet {
        try Messages.decode(bytes, in: range) { (fields: inout FieldReader) in
            let externalID = fields.identifier("externalId", maximum: Purchase.maximumExternalIDBytes)
            let name = fields.text("name", required: false, maximum: maximumNameBytes)
            return externalID.map { OpenWallet(externalID: $0, name: name) }
        }
    }

    public func encode(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("externalId", externalID)
        if let name { writer.field("name", name) }
        writer.endObject()
    }
}

/// Stops a wallet from earning and spending, or lets it go on.
public struct BlockWallet: Sendable, Equatable {
    public var reason: String
    public init(reason: String) { self.reason = reason }

    public static func decode(_ bytes: [UInt8], in range: Range<Int>? = nil) throws(MessageFailure) -> BlockWallet {
        try Messages.decode(bytes, in: range) { (fields: inout FieldReader) in
            fields.text("reason", required: true, maximum: OpenWallet.maximumNameBytes).map(BlockWallet.init)
        }
    }

    public func encode(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("reason", reason)
        writer.endObject()
    }
}

/// Sets points aside: of the balance (debit), or announced and not yet earned (credit).
public struct OpenHold: Sendable, Equatable {
    public enum Direction: String, Sendable, CaseIterable { case debit, credit }

    public var hold: MessageID
    public var direction: Direction
    public var asset: AssetCode
    public var points: Points
    /// Points that must remain available after a debit.
    public var minimumRemaining: Points
    public var expiresAt: Timestamp
    /// What it is for, for example `reward cd-voucher`.
    public var purpose: String

    public init(
        hold: MessageID, direction: Direction = .debit, asset: AssetCode = .points, points: Points,
        minimumRemaining: Points = .zero, expiresAt: Timestamp, purpose: String
    ) {
        self.hold = hold
        self.direction = direction
        self.asset = asset
        self.points = points
        self.minimumRemaining = minimumRemaining
        self.expiresAt = expiresAt
        self.purpose = purpose
    }

    public static func decode(_ bytes: [UInt8], in range: Range<Int>? = nil) throws(MessageFailure) -> OpenHold {
        try Messages.decode(bytes, in: range) { (fields: inout FieldReader) in
            let hold = fields.message("hold")
            let direction = fields.choice("direction", of: Direction.self, required: true)
            let asset = fields.text("asset", required: true, maximum: Purchase.maximumTextBytes)
            let points = fields.integer("points", in: 1...Points.maximum.units, required: true)
            let remaining = fields.integer("minimumRemaining", in: 0...Points.maximum.units, required: false)
            let expiresAt = fields.timestamp("expiresAt", required: true)
            let purpose = fields.text("purpose", required: true, maximum: OpenWallet.maximumNameBytes)
            guard let hold, let direction, let asset, let points, let expiresAt, let purpose else { return nil }
            return OpenHold(
                hold: hold, direction: direction, asset: AssetCode(asset), points: Points(points),
                minimumRemaining: Points(remaining ?? 0), expiresAt: expiresAt, purpose: purpose)
        }
    }

    public func encode(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("hold", hold)
        writer.field("direction", direction.rawValue)
        writer.field("asset", asset.text)
        writer.field("points", points.units)
        if minimumRemaining > .zero { writer.field("minimumRemaining", minimumRemaining.units) }
        writer.field("expiresAt", expiresAt)
        writer.field("purpose", purpose)
        writer.endObject()
    }
}

/// Ends a hold: commit carries it out, void gives it back. Without `points` a commit takes all that
/// is held; with fewer, the rest stays held.
public struct EndHold: Sendable, Equatable {
    public var hold: MessageID
    public var points: Points?
    /// The reward that is paid for, shown on the spend.
    public var reward: String?
    public var reason: String?

    public init(hold: MessageID, points: Points? = nil, reward: String? = nil, reason: String? = nil) {
        self.hold = hold
        self.points = points
        self.reward = reward
        self.reason = reason
    }

    public static func decode(_ bytes: [UInt8], in range: Range<Int>? = nil) throws(MessageFailure) -> EndHold {
        try Messages.decode(bytes, in: range) { (fields: inout FieldReader) in
            let hold = fields.message("hold")
            let points = fields.integer("points", in: 1...Points.maximum.units, required: false)
            let reward = fields.text("reward", required: false, maximum: Purchase.maximumTextBytes)
            let reason = fields.text("reason", required: false, maximum: OpenWallet.maximumNameBytes)
            return hold.map { EndHold(hold: $0, points: points.map { Points($0) }, reward: reward, reason: reason) }
        }
    }

    public func encode(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("hold", hold)
        if let points { writer.field("points", points.units) }
        if let reward { writer.field("reward", reward) }
        if let reason { writer.field("reason", reason) }
        writer.endObject()
    }
}
