// An award command read in exactly the form that ``AwardCommand/encode(to:)`` writes, as the ledger gets it from the
// evaluator. Whatever is not of that form is left to ``AwardCommand/decode(_:in:)``'s full reading.

import JSONText
import Primitives

extension AwardCommand {
    static func readCanonical(_ body: inout CanonicalScanner) -> AwardCommand? {
        guard body.take(#"{"event":"#), let event = body.hex(),
            body.take(#","source":"#), let source = body.text(maximum: Purchase.maximumTextBytes),
            body.take(#","eventType":"#), let type = body.word(MessageType.words),
            body.take(#","externalId":"#),
            let externalID = body.identifier(maximum: Purchase.maximumExternalIDBytes)
        else { return nil }
        let opens = body.take(#","opensWallet":true"#)
        guard body.take(#","occurredAt":"#), let occurredAt = body.timestamp(), body.take(#","awards":["#),
            let awards = body.take(character: "]") ? [] : body.items(maximum: Step.maximumAwards, readLine),
            let reason = body.optional(#","reason":"#, { $0.word(Reason.words) }),
            body.take(character: "}")
        else { return nil }
        return AwardCommand(
            event: EventID(event), source: source, eventType: type, externalID: externalID, opensWallet: opens,
            occurredAt: occurredAt, awards: awards, reason: reason)
    }

    private static func readLine(_ body: inout CanonicalScanner) -> Line? {
        guard body.take(#"{"offer":"#), let offer = body.text(maximum: Purchase.maximumTextBytes),
            body.take(#","offerVersion":"#), let version = body.integer(in: 0...Int64.max),
            body.take(#","asset":"#), let asset = body.text(maximum: Purchase.maximumTextBytes),
            body.take(#","points":"#), let points = body.integer(in: 1...Points.maximum.units),
            let expiresAt = body.optional(#","expiresAt":"#, { $0.timestamp() })
        else { return nil }
        let inflight = body.take(#","inflight":true"#)
        guard body.take(character: "}") else { return nil }
        return Line(
            offer: offer, offerVersion: version, asset: AssetCode(asset), points: Points(points),
            expiresAt: expiresAt, inflight: inflight)
    }
}
