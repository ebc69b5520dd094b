// Asking for a reward, and what became of it.

import JSONText
import Primitives

/// A request to issue a reward, as posted and as it lies on `reward-requests`. The request's id
/// becomes the issuance's.
public struct RewardRequest: Sendable, Equatable {
    public var externalID: String
    public var reward: String

    public init(externalID: String, reward: String) {
        self.externalID = externalID
        self.reward = reward
    }

    public static func decode(
        _ bytes: [UInt8], in range: Range<Int>? = nil
    ) throws(MessageFailure) -> RewardRequest {
        try Messages.decode(bytes, in: range) { (fields: inout FieldReader) in
            let externalID = fields.identifier("externalId", maximum: Purchase.maximumExternalIDBytes)
            let reward = fields.identifier("reward", maximum: Purchase.maximumTextBytes)
            guard let externalID, let reward else { return nil }
            return RewardRequest(externalID: externalID, reward: reward)
        }
    }

    public func encode(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("externalId", externalID)
        writer.field("reward", reward)
        writer.endObject()
    }
}

/// A reward that was issued, or was refused with the reason.
public struct RewardIssue: Sendable, Equatable {
    public var issuance: EventID
    public var wallet: WalletID
    public var externalID: String
    public var reward: String
    /// Of the reward's configuration document, which fixed the price; nil if there was none.
    public var rewardVersion: Int64?
    public var paymentMode: String?
    public var points: Points
    public var status: Status
    /// Why it was refused: `unknown-reward`, `insufficient-balance`, `unknown-wallet`, ...
    public var reason: String?
    public var requestedAt: Timestamp
    public var decidedAt: Timestamp?

    public enum Status: String, Sendable, CaseIterable { case pending, issued, refused }

    public init(
        issuance: EventID, wallet: WalletID, externalID: String, reward: String, rewardVersion: Int64? = nil,
        paymentMode: String? = nil, points: Points = .zero, status: Status, reason: String? = nil,
        requestedAt: Timestamp, decidedAt: Timestamp? = nil
    ) {
        self.issuance = issuance
        self.wallet = wallet
        self.externalID = externalID
        self.reward = reward
        self.rewardVersion = rewardVersion
        self.paymentMode = paymentMode
        self.points = points
        self.status = status
        self.reason = reason
        self.requestedAt = requestedAt
        self.decidedAt = decidedAt
    }

    public static func decode(
        _ bytes: [UInt8], in range: Range<Int>? = nil
    ) throws(MessageFailure) -> RewardIssue {
        try Messages.decode(bytes, in: range) { (fields: inout FieldReader) in
            let issuance = fields.event("issuance")
            let wallet = fields.wallet("wallet")
            let externalID = fields.identifier("externalId", maximum: Purchase.maximumExternalIDBytes)
            let reward = fields.identifier("reward", maximum: Purchase.maximumTextBytes)
            let version = fields.integer("rewardVersion", in: 0...Int64.max, required: false)
            let mode = fields.text("paymentMode", required: false, maximum: Purchase.maximumTextBytes)
            let points = fields.integer("points", in: 0...Points.maximum.units, required: true)
            let status = fields.choice("status", of: Status.self, required: true)
            let reason = fields.text("reason", required: false, maximum: OpenWallet.maximumNameBytes)
            let requestedAt = fields.timestamp("requestedAt", required: true)
            let decidedAt = fields.timestamp("decidedAt", required: false)
            guard let issuance, let wallet, let externalID, let reward, let points, let status, let requestedAt
            else { return nil }
            return RewardIssue(
                issuance: issuance, wallet: wallet, externalID: externalID, reward: reward, rewardVersion: version,
                paymentMode: mode, points: Points(points), status: status, reason: reason,
                requestedAt: requestedAt, decidedAt: decidedAt)
        }
    }

    public func encode(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("issuance", issuance)
        writer.field("wallet", wallet)
        writer.field("externalId", externalID)
        writer.field("reward", reward)
        if let rewardVersion { writer.field("rewardVersion", rewardVersion) }
        if let paymentMode { writer.field("paymentMode", paymentMode) }
        writer.field("points", points.units)
        writer.field("status", status.rawValue)
        if let reason { writer.field("reason", reason) }
        writer.field("requestedAt", requestedAt)
        if let decidedAt { writer.field("decidedAt", decidedAt) }
        writer.endObject()
    }
}
