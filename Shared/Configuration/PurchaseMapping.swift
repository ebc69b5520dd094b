// Where each field of a canonical purchase comes from. The required ones must be mapped, so that a source
// whose records can never be accepted is refused when it is configured.

import JSONText

/// The fields of a purchase and of its lines.
public struct PurchaseMapping: Sendable, Equatable {
    public let externalID: FieldMapping
    public let occurredAt: FieldMapping
    public let unit: FieldMapping
    public let currency: FieldMapping
    public let total: FieldMapping
    public let classification: FieldMapping?
    /// One canonical line each, in this order.
    public let lines: [LineMapping]

    public init(
        externalID: FieldMapping, occurredAt: FieldMapping, unit: FieldMapping, currency: FieldMapping,
        total: FieldMapping, classification: FieldMapping? = nil, lines: [LineMapping] = []
    ) {
        self.externalID = externalID
        self.occurredAt = occurredAt
        self.unit = unit
        self.currency = currency
        self.total = total
        self.classification = classification
        self.lines = lines
    }

    static func read(_ fields: inout FieldReader, _ format: SourceMapping.Format) -> PurchaseMapping? {
        fields.refuseOthers(than: [
            "externalId", "occurredAt", "unit", "currency", "total", "classification", "lines",
        ])
        func field(
            _ key: String, _ content: FieldMapping.Content = .text, required: Bool = true
        ) -> FieldMapping? {
            fields.nested(key, required: required) { FieldMapping.read(&$0, format, content) }
        }
        let externalID = field("externalId")
        let occurredAt = field("occurredAt", .time)
        let unit = field("unit")
        let currency = field("currency", .currency)
        let total = field("total", .amount)
        let classification = field("classification", required: false)
        let lines = LineMapping.readAll(&fields, format)
        guard fields.problems.isEmpty, let externalID, let occurredAt, let unit, let currency, let total
        else { return nil }
        return PurchaseMapping(
            externalID: externalID, occurredAt: occurredAt, unit: unit, currency: currency, total: total,
            classification: classification, lines: lines)
    }

    func encode(to writer: inout JSONWriter) {
        writer.object("externalId", externalID.encode)
        writer.object("occurredAt", occurredAt.encode)
        writer.object("unit", unit.encode)
        writer.object("currency", currency.encode)
        writer.object("total", total.encode)
        if let classification { writer.object("classification", classification.encode) }
        guard !lines.isEmpty else { return }
        writer.array("lines") { writer in
            for line in lines { line.encode(to: &writer) }
        }
    }
}

/// The fields of one line of a purchase.
public struct LineMapping: Sendable, Equatable {
    public let sku: FieldMapping
    /// 1 if it is not mapped.
    public let quantity: FieldMapping?
    public let netAmount: FieldMapping?
    public let vat: FieldMapping?
    /// Present if `netAmount` is not.
    public let total: FieldMapping?

    public init(
        sku: FieldMapping, quantity: FieldMapping? = nil, netAmount: FieldMapping? = nil,
        vat: FieldMapping? = nil,
        total: FieldMapping? = nil
    ) {
        self.sku = sku
        self.quantity = quantity
        self.netAmount = netAmount
        self.vat = vat
        self.total = total
    }

    static func readAll(_ fields: inout FieldReader, _ format: SourceMapping.Format) -> [LineMapping] {
        let values = fields.array("lines", maximum: SourceMapping.maximumLines, required: false) ?? []
        return values.compactMap { value in
            var line = FieldReader(value)
            let mapping = read(&line, format)
            fields.merge(line)
            return mapping
        }
    }

    private static func read(_ fields: inout FieldReader, _ format: SourceMapping.Format) -> LineMapping? {
        fields.refuseOthers(than: ["sku", "quantity", "netAmount", "vat", "total"])
        func field(_ key: String, _ content: FieldMapping.Content, required: Bool = false) -> FieldMapping? {
            fields.nested(key, required: required) { FieldMapping.read(&$0, format, content) }
        }
        let sku = field("sku", .text, required: true)
        let quantity = field("quantity", .count)
        let net = field("netAmount", .amount)
        let vat = field("vat", .amount)
        let total = field("total", .amount, required: !fields.has("netAmount"))
        guard fields.problems.isEmpty, let sku else { return nil }
        return LineMapping(sku: sku, quantity: quantity, netAmount: net, vat: vat, total: total)
    }

    func encode(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.object("sku", sku.encode)
        if let quantity { writer.object("quantity", quantity.encode) }
        if let netAmount { writer.object("netAmount", netAmount.encode) }
        if let vat { writer.object("vat", vat.encode) }
        if let total { writer.object("total", total.encode) }
        writer.endObject()
    }
}
