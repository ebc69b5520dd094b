// What downstream systems want to know, each in one self-contained message: the outcome of an event
// (`awards`, one for each event, also when nothing was awarded) and a spend (`spends`). Both are
// views of a WalletTransaction; an award is also what the API answers for an event.

import JSONText
import Primitives

extension WalletTransaction {
    /// Writes the outcome of the event that this transaction answers.
    public func encodeAward(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("event", id.cause)
        writer.field("state", "posted")
        if let source { writer.field("source", source) }
        writer.field("wallet", wallet)
        writer.field("externalId", externalID)
        if let sequence { writer.field("sequence", sequence) }
        writer.field("outcome", awardOutcome.rawValue)
        if let why = refusal ?? reason { writer.field("reason", why) }
        writer.field("asset", asset.text)
        writer.field("points", points.units)
        writer.key("awards")
        writer.beginArray()
        for (index, transfer) in transfers.enumerated() {
            writer.beginObject()
            writer.field("award", transfer.id)
            if let offer = transfer.offer { writer.field("offer", offer) }
            if let version = transfer.offerVersion { writer.field("offerVersion", version) }
            writer.field("points", transfer.points.units)
            if index < lots.count, let expiresAt = lots[index].expiresAt { writer.field("expiresAt", expiresAt) }
            writer.endObject()
        }
        writer.endArray()
        writer.key("balances")
        balances.encode(to: &writer)
        writer.field("occurredAt", occurredAt)
        writer.field("recordedAt", recordedAt)
        writer.endObject()
    }

    /// What became of an event.
    public enum AwardOutcome: String, Sendable, CaseIterable {
        case awarded
        /// Points are announced by a hold and credited when it is committed.
        case pending
        case nothing
        case refused
    }

    public var awardOutcome: AwardOutcome {
        if refusal != nil { return .refused }
        if points == .zero { return .nothing }
        return transfers.isEmpty ? .pending : .awarded
    }

    /// Writes a committed hold of a balance as a spend.
    public func encodeSpend(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("spend", id)
        writer.field("wallet", wallet)
        writer.field("externalId", externalID)
        if let sequence { writer.field("sequence", sequence) }
        if let hold { writer.field("hold", hold) }
        if let reward { writer.field("reward", reward) }
        writer.field("asset", asset.text)
        writer.field("points", points.units)
        writer.key("lots")
        writer.beginArray()
        for movement in lots {
            writer.beginObject()
            writer.field("lot", movement.lot)
            writer.field("points", -movement.points.units)
            writer.endObject()
        }
        writer.endArray()
        writer.key("balances")
        balances.encode(to: &writer)
        writer.field("recordedAt", recordedAt)
        writer.endObject()
    }
}
