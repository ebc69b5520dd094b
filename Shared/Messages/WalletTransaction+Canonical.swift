// A transaction read in exactly the form that ``WalletTransaction/encode(to:)`` writes: a store is restored from
// millions of them. Whatever is not of that form is left to ``WalletTransaction/decode(_:in:)``'s full reading.

import JSONText
import Primitives

extension WalletTransaction {
    static func readCanonical(_ body: inout CanonicalScanner) -> WalletTransaction? {
        let length = OpenWallet.maximumNameBytes
        guard body.take(#"{"transaction":"#), let id = body.hex(),
            body.take(#","wallet":"#), let wallet = body.hex(),
            body.take(#","externalId":"#),
            let externalID = body.identifier(maximum: Purchase.maximumExternalIDBytes),
            let sequence = body.optional(#","sequence":"#, { $0.integer(in: 1...Int64.max) }),
            body.take(#","type":"#), let type = body.word(MessageType.words),
            body.take(#","outcome":"applied""#) || body.take(#","outcome":"refused""#),
            let refusal = body.optional(#","refusal":"#, { $0.text(maximum: length) }),
            let reason = body.optional(#","reason":"#, { $0.text(maximum: length) }),
            body.take(#","asset":"#), let asset = body.text(maximum: length),
            body.take(#","points":"#), let points = body.integer(in: 0...Points.maximum.units),
            let transfers = body.take(#","transfers":["#, orElse: [], readTransfers),
            let lots = body.take(#","lots":["#, orElse: [], readLots),
            let hold = body.optional(#","hold":"#, { $0.hex() }),
            let purpose = body.optional(#","purpose":"#, { $0.text(maximum: length) }),
            let reward = body.optional(#","reward":"#, { $0.text(maximum: length) }),
            body.take(#","balances":"#), let balances = readBalances(&body),
            let source = body.optional(#","source":"#, { $0.text(maximum: length) }),
            body.take(#","occurredAt":"#), let occurredAt = body.timestamp(),
            body.take(#","recordedAt":"#), let recordedAt = body.timestamp(),
            body.take(character: "}")
        else { return nil }
        return WalletTransaction(
            id: MessageID(id), wallet: WalletID(wallet), externalID: externalID, sequence: sequence, type: type,
            refusal: refusal, reason: reason, asset: AssetCode(asset), points: Points(points), transfers: transfers,
            lots: lots, hold: hold.map(MessageID.init), purpose: purpose, reward: reward, balances: balances,
            source: source, occurredAt: occurredAt, recordedAt: recordedAt)
    }

    private static func readTransfers(_ body: inout CanonicalScanner) -> [Transfer]? {
        body.items(maximum: Step.maximumAwards, readTransfer)
    }

    private static func readLots(_ body: inout CanonicalScanner) -> [LotMovement]? {
        body.items(maximum: maximumLots, readLot)
    }

    private static func readTransfer(_ body: inout CanonicalScanner) -> Transfer? {
        guard body.take(#"{"transfer":"#), let id = body.hex(),
            body.take(#","debit":"#), let debit = body.word(Account.words),
            body.take(#","credit":"#), let credit = body.word(Account.words),
            body.take(#","points":"#), let points = body.integer(in: 1...Points.maximum.units),
            let offer = body.optional(#","offer":"#, { $0.text(maximum: Purchase.maximumTextBytes) }),
            let version = body.optional(#","offerVersion":"#, { $0.integer(in: 0...Int64.max) }),
            body.take(character: "}")
        else { return nil }
        return Transfer(
            id: MessageID(id), debit: debit, credit: credit, points: Points(points), offer: offer,
            offerVersion: version)
    }

    private static func readLot(_ body: inout CanonicalScanner) -> LotMovement? {
        let range = -Points.maximum.units...Points.maximum.units
        guard body.take(#"{"lot":"#), let lot = body.hex(),
            body.take(#","points":"#), let points = body.integer(in: range),
            let expiresAt = body.optional(#","expiresAt":"#, { $0.timestamp() }),
            body.take(character: "}")
        else { return nil }
        return LotMovement(lot: MessageID(lot), points: Points(points), expiresAt: expiresAt)
    }

    /// What is available follows from the others, and is not read.
    private static func readBalances(_ body: inout CanonicalScanner) -> Balances? {
        let range = -Points.maximum.units...Points.maximum.units
        guard body.take(#"{"settled":"#), let settled = body.integer(in: range),
            body.take(#","held":"#), let held = body.integer(in: range),
            body.take(#","pending":"#), let pending = body.integer(in: range),
            body.take(#","available":"#), body.integer(in: Int64.min...Int64.max) != nil,
            body.take(character: "}")
        else { return nil }
        return Balances(settled: Points(settled), held: Points(held), pending: Points(pending))
    }
}
