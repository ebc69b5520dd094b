// WalletTransaction as JSON. Optional fields that are nil are left out.

import JSONText
import Primitives

extension WalletTransaction {
    public func encode(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("transaction", id)
        writer.field("wallet", wallet)
        writer.field("externalId", externalID)
        if let sequence { writer.field("sequence", sequence) }
        writer.field("type", type.rawValue)
        writer.field("outcome", refusal == nil ? "applied" : "refused")
        if let refusal { writer.field("refusal", refusal) }
        if let reason { writer.field("reason", reason) }
        writer.field("asset", asset.text)
        writer.field("points", points.units)
        encodeMovements(to: &writer)
        if let hold { writer.field("hold", hold) }
        if let purpose { writer.field("purpose", purpose) }
        if let reward { writer.field("reward", reward) }
        writer.key("balances")
        balances.encode(to: &writer)
        if let source { writer.field("source", source) }
        writer.field("occurredAt", occurredAt)
        writer.field("recordedAt", recordedAt)
        writer.endObject()
    }

    private func encodeMovements(to writer: inout JSONWriter) {
        if !transfers.isEmpty {
            writer.key("transfers")
            writer.beginArray()
            for transfer in transfers {
                writer.beginObject()
                writer.field("transfer", transfer.id)
                writer.field("debit", transfer.debit.rawValue)
                writer.field("credit", transfer.credit.rawValue)
                writer.field("points", transfer.points.units)
                if let offer = transfer.offer { writer.field("offer", offer) }
                if let version = transfer.offerVersion { writer.field("offerVersion", version) }
                writer.endObject()
            }
            writer.endArray()
        }
        guard !lots.isEmpty else { return }
        writer.key("lots")
        writer.beginArray()
        for lot in lots {
            writer.beginObject()
            writer.field("lot", lot.lot)
            writer.field("points", lot.points.units)
            if let expiresAt = lot.expiresAt { writer.field("expiresAt", expiresAt) }
            writer.endObject()
        }
        writer.endArray()
    }

    public static func decode(
        _ bytes: [UInt8], in range: Range<Int>? = nil
    ) throws(MessageFailure) -> WalletTransaction {
        try Messages.decode(bytes, in: range, canonical: readCanonical) { (fields: inout FieldReader) in read(&fields) }
    }

    /// For the ledger, which reads back what it wrote: it used to take the external id of a wallet that is not there
    /// as the command's header gave it. Such a refusal is as good as any other, but for this field; the wallet's id
    /// stands in for it, and the body is kept as it was published.
    public static func decodeOwn(
        _ bytes: [UInt8], in range: Range<Int>? = nil
    ) throws(MessageFailure) -> WalletTransaction {
        do throws(MessageFailure) {
            return try decode(bytes, in: range)
        } catch {
            guard case .fields = error else { throw error }
            let refused = try Messages.decode(bytes, in: range) { (fields: inout FieldReader) in
                read(&fields, anyExternalID: true)
            }
            guard refused.refusal != nil, refused.sequence == nil else { throw error }
            return refused
        }
    }

    private static func read(_ fields: inout FieldReader, anyExternalID: Bool = false) -> WalletTransaction? {
        let id = fields.message("transaction")
        let wallet = fields.wallet("wallet")
        let externalID =
            anyExternalID
            ? wallet?.description : fields.identifier("externalId", maximum: Purchase.maximumExternalIDBytes)
        let type = fields.choice("type", of: MessageType.words, required: true)
        let points = fields.integer("points", in: 0...Points.maximum.units, required: true)
        let occurredAt = fields.timestamp("occurredAt", required: true)
        let recordedAt = fields.timestamp("recordedAt", required: true)
        let balances = readBalances(&fields)
        guard let id, let wallet, let externalID, let type, let points, let occurredAt, let recordedAt, let balances
        else { return nil }
        var transaction = WalletTransaction(
            id: id, wallet: wallet, externalID: externalID,
            sequence: fields.integer("sequence", in: 1...Int64.max, required: false), type: type,
            points: Points(points), balances: balances, occurredAt: occurredAt, recordedAt: recordedAt)
        readOptional(&fields, into: &transaction)
        return transaction
    }

    private static func readOptional(_ fields: inout FieldReader, into transaction: inout WalletTransaction) {
        let length = OpenWallet.maximumNameBytes
        transaction.refusal = fields.text("refusal", required: false, maximum: length)
        transaction.reason = fields.text("reason", required: false, maximum: length)
        if let asset = fields.text("asset", required: true, maximum: length) {
            transaction.asset = AssetCode(asset)
        }
        transaction.hold = fields.message("hold", required: false)
        transaction.purpose = fields.text("purpose", required: false, maximum: length)
        transaction.reward = fields.text("reward", required: false, maximum: length)
        transaction.source = fields.text("source", required: false, maximum: length)
        transaction.transfers =
            fields.items("transfers", maximum: Step.maximumAwards, required: false, readTransfer) ?? []
        transaction.lots = fields.items("lots", maximum: maximumLots, required: false, readLot) ?? []
    }

    private static func readBalances(_ fields: inout FieldReader) -> Balances? {
        guard let value = fields.object("balances", required: true) else { return nil }
        var nested = FieldReader(value)
        let balances = Balances.read(&nested)
        fields.merge(nested)
        return balances
    }

    private static func readTransfer(_ fields: inout FieldReader) -> Transfer? {
        let id = fields.message("transfer")
        let debit = fields.choice("debit", of: Account.words, required: true)
        let credit = fields.choice("credit", of: Account.words, required: true)
        let points = fields.integer("points", in: 1...Points.maximum.units, required: true)
        let offer = fields.text("offer", required: false, maximum: Purchase.maximumTextBytes)
        let version = fields.integer("offerVersion", in: 0...Int64.max, required: false)
        guard let id, let debit, let credit, let points else { return nil }
        return Transfer(
            id: id, debit: debit, credit: credit, points: Points(points), offer: offer, offerVersion: version)
    }

    private static func readLot(_ fields: inout FieldReader) -> LotMovement? {
        let lot = fields.message("lot")
        let points = fields.integer("points", in: -Points.maximum.units...Points.maximum.units, required: true)
        let expiresAt = fields.timestamp("expiresAt", required: false)
        guard let lot, let points else { return nil }
        return LotMovement(lot: lot, points: Points(points), expiresAt: expiresAt)
    }

    /// A spend takes from at most this many lots; a wallet with more small lots spends in several
    /// steps. Keeps one transaction's record far below a message's size limit.
    public static let maximumLots = 1_000
}
