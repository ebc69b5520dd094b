// A receipt on `notices`: a webhook that was delivered, or was given up after its last attempt.

import JSONText
import Primitives

/// What became of one notice to one subscription.
public struct DeliveryReceipt: Sendable, Equatable {
    /// The `webhook-id`, the same in all attempts.
    public var notice: String
    public var subscription: String
    public var wallet: WalletID
    public var type: String
    public var outcome: Outcome
    /// 0 if the subscription ended before the first one.
    public var attempts: Int64
    /// Of the last answer; nil if there was none.
    public var httpStatus: Int64?
    public var decidedAt: Timestamp

    public enum Outcome: String, Sendable, CaseIterable { case delivered, abandoned }

    public init(
        notice: String, subscription: String, wallet: WalletID, type: String, outcome: Outcome, attempts: Int64,
        httpStatus: Int64?, decidedAt: Timestamp
    ) {
        self.notice = notice
        self.subscription = subscription
        self.wallet = wallet
        self.type = type
        self.outcome = outcome
        self.attempts = attempts
        self.httpStatus = httpStatus
        self.decidedAt = decidedAt
    }

    public static func decode(
        _ bytes: [UInt8], in range: Range<Int>? = nil
    ) throws(MessageFailure) -> DeliveryReceipt {
        try Messages.decode(bytes, in: range) { (fields: inout FieldReader) in
            let notice = fields.text("notice", required: true, maximum: Purchase.maximumTextBytes)
            let subscription = fields.text("subscription", required: true, maximum: Purchase.maximumTextBytes)
            let wallet = fields.wallet("wallet")
            let type = fields.text("type", required: true, maximum: Purchase.maximumTextBytes)
            let outcome = fields.choice("outcome", of: Outcome.self, required: true)
            let attempts = fields.integer("attempts", in: 0...Int64.max, required: true)
            let status = fields.integer("httpStatus", in: 100...599, required: false)
            let decidedAt = fields.timestamp("decidedAt", required: true)
            guard let notice, let subscription, let wallet, let type, let outcome, let attempts, let decidedAt
            else { return nil }
            return DeliveryReceipt(
                notice: notice, subscription: subscription, wallet: wallet, type: type, outcome: outcome,
                attempts: attempts, httpStatus: status, decidedAt: decidedAt)
        }
    }

    public func encode(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("notice", notice)
        writer.field("subscription", subscription)
        writer.field("wallet", wallet)
        writer.field("type", type)
        writer.field("outcome", outcome.rawValue)
        writer.field("attempts", attempts)
        if let httpStatus { writer.field("httpStatus", httpStatus) }
        writer.field("decidedAt", decidedAt)
        writer.endObject()
    }
}
