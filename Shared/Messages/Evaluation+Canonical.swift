// An evaluation read in exactly the form that ``Evaluation/encode(to:)`` writes. Whatever is not of that form is left
// to ``Evaluation/decode(_:in:)``'s full reading.

import JSONText
import Primitives

extension Evaluation {
    static func readCanonical(_ body: inout CanonicalScanner) -> Evaluation? {
        guard body.take(#"{"event":"#), let event = body.hex(), body.take(#","wallet":"#), let wallet = body.hex(),
            body.take(#","source":"#), let source = body.text(maximum: Purchase.maximumTextBytes),
            body.take(#","occurredAt":"#), let occurredAt = body.timestamp(),
            body.take(#","evaluatedAt":"#), let evaluatedAt = body.timestamp(),
            body.take(#","configurationVersion":"#), let version = body.integer(in: 0...Int64.max),
            body.take(#","points":"#), let points = body.integer(in: 0...Points.maximum.units),
            let reason = body.optional(#","reason":"#, { $0.word(AwardCommand.Reason.words) }),
            body.take(#","offers":["#),
            let offers = body.take(character: "]") ? [] : body.items(maximum: maximumOffers, readOffer),
            body.take(character: "}")
        else { return nil }
        return Evaluation(
            event: EventID(event), wallet: WalletID(wallet), source: source, occurredAt: occurredAt,
            evaluatedAt: evaluatedAt, configurationVersion: version, points: Points(points), reason: reason,
            offers: offers)
    }

    private static func readOffer(_ body: inout CanonicalScanner) -> Considered? {
        guard body.take(#"{"offer":"#), let offer = body.text(maximum: Purchase.maximumTextBytes),
            body.take(#","version":"#), let version = body.integer(in: 0...Int64.max),
            body.take(#","points":"#), let points = body.integer(in: 0...Points.maximum.units),
            body.take(#","verdict":"#), let verdict = body.text(maximum: Purchase.maximumTextBytes),
            let arithmetic = body.optional(#","arithmetic":"#, { $0.text(maximum: OpenWallet.maximumNameBytes) }),
            body.take(character: "}")
        else { return nil }
        return Considered(
            offer: offer, version: version, points: Points(points), verdict: verdict, arithmetic: arithmetic)
    }
}
