// A purchase in the canonical form that every door turns its input into: the API, canonical records
// on `ingress`, and mapped foreign ones. Checked completely at the door; the evaluator reads the
// same bytes again. Its encoding is the payload whose fingerprint tells a repeat from a conflict,
// so the order of its fields is fixed.

import JSONText
import Primitives

/// What was bought, by whom, where and when. Amounts are in one currency.
public struct Purchase: Sendable, Equatable {
    /// Lines of a basket; the largest real baskets have a few hundred.
    public static let maximumLines = 1_000
    /// Bytes of an external id: card, policy and customer numbers are far shorter.
    public static let maximumExternalIDBytes = 128
    public static let maximumTextBytes = 128
    public static let maximumQuantity: Int64 = 1_000_000

    public var externalID: String
    public var occurredAt: Timestamp
    public var unit: String
    public var currency: Currency
    /// What was paid, in minor units: the lines' totals less the discount.
    public var total: Int64
    public var discount: Int64
    public var classification: String?
    public var lines: [Line]

    public init(
        externalID: String, occurredAt: Timestamp, unit: String, currency: Currency, total: Int64,
        discount: Int64 = 0, classification: String? = nil, lines: [Line] = []
    ) {
        self.externalID = externalID
        self.occurredAt = occurredAt
        self.unit = unit
        self.currency = currency
        self.total = total
        self.discount = discount
        self.classification = classification
        self.lines = lines
    }

    /// One product of the basket. `total` = quantity × net amount + VAT where the net amount is known.
    public struct Line: Sendable, Equatable {
        public var sku: String
        public var quantity: Int64
        public var netAmount: Int64?
        public var vat: Int64
        public var total: Int64

        public init(sku: String, quantity: Int64 = 1, netAmount: Int64? = nil, vat: Int64 = 0, total: Int64) {
            self.sku = sku
            self.quantity = quantity
            self.netAmount = netAmount
            self.vat = vat
            self.total = total
        }
    }
}

// MARK: Reading

extension Purchase {
    public static func decode(_ bytes: [UInt8], in range: Range<Int>? = nil) throws(MessageFailure) -> Purchase {
        try Messages.decode(bytes, in: range, canonical: readCanonical) { (fields: inout FieldReader) in read(&fields) }
    }

    /// Reads a purchase's fields; nil, with the problems noted, if any is wrong.
    public static func read(_ fields: inout FieldReader) -> Purchase? {
        _ = fields.choice("state", of: PostedState.words, required: false)
        let externalID = fields.identifier("externalId", maximum: maximumExternalIDBytes)
        let occurredAt = fields.timestamp("occurredAt", required: true)
        let unit = fields.text("unit", required: true, maximum: maximumTextBytes)
        let classification = fields.text("classification", required: false, maximum: maximumTextBytes)
        guard let currency = readCurrency(&fields) else {
            // Without a currency no amount can be read; that one is missing can be said at once nevertheless.
            _ = fields.decimal("total", in: nil, required: fields.value["lines"] == nil)
            return nil
        }
        let discount = readAmount(&fields, "discount", currency, required: false)
        let lines =
            fields.items("lines", maximum: maximumLines, required: false) { readLine(&$0, currency) } ?? []
        let stated = readAmount(&fields, "total", currency, required: lines.isEmpty)
        guard fields.problems.isEmpty, let externalID, let occurredAt, let unit else { return nil }
        // No overflow: a thousand lines of the largest amount still fit.
        let sum = lines.reduce(Int64(0)) { $0 + $1.total } - (discount ?? 0)
        let total = stated ?? sum
        guard total <= Money.maximumMinorUnits else {
            fields.report("total", code: "range", detail: "the lines less the discount come to too much")
            return nil
        }
        if !lines.isEmpty, total != sum || total < 0 {
            fields.report(
                "total", code: "inconsistent-total", detail: "the lines less the discount come to \(sum) minor units")
            return nil
        }
        return Purchase(
            externalID: externalID, occurredAt: occurredAt, unit: unit, currency: currency, total: total,
            discount: discount ?? 0, classification: classification, lines: lines)
    }

    private static func readLine(_ fields: inout FieldReader, _ currency: Currency) -> Line? {
        let sku = fields.text("sku", required: true, maximum: maximumTextBytes)
        let quantity = fields.integer("quantity", in: 1...maximumQuantity, required: false) ?? 1
        let net = readAmount(&fields, "netAmount", currency, required: false)
        let vat = readAmount(&fields, "vat", currency, required: false) ?? 0
        let stated = readAmount(&fields, "total", currency, required: net == nil)
        guard fields.problems.isEmpty, let sku else { return nil }
        guard let net else { return Line(sku: sku, quantity: quantity, vat: vat, total: stated ?? 0) }
        let (gross, overflow) = net.multipliedReportingOverflow(by: quantity)
        guard !overflow, gross <= Money.maximumMinorUnits else {
            fields.report("quantity", code: "range", detail: "quantity × net amount is too large")
            return nil
        }
        let computed = gross + vat
        guard computed <= Money.maximumMinorUnits else {
            fields.report("total", code: "range", detail: "quantity × net amount + VAT is too large")
            return nil
        }
        if let stated, stated != computed {
            fields.report(
                "total", code: "inconsistent-total", detail: "quantity × net amount + VAT is \(computed) minor units")
            return nil
        }
        return Line(sku: sku, quantity: quantity, netAmount: net, vat: vat, total: computed)
    }

    private static func readCurrency(_ fields: inout FieldReader) -> Currency? {
        guard let code = fields.text("currency", required: true, maximum: 3) else { return nil }
        guard let currency = Currency(code) else {
            fields.report("currency", code: "unknown-currency", detail: "not an ISO 4217 code in upper case")
            return nil
        }
        return currency
    }

    private static func readAmount(
        _ fields: inout FieldReader, _ key: String, _ currency: Currency, required: Bool
    ) -> Int64? {
        guard let decimal = fields.decimal(key, in: nil, required: required) else { return nil }
        guard let units = decimal.units(places: currency.exponent) else {
            fields.report(
                key, code: "scale", detail: "\(currency.code) has \(currency.exponent) decimal places")
            return nil
        }
        guard (0...Money.maximumMinorUnits).contains(units) else {
            fields.report(key, code: "range", detail: "0 to \(Money.maximumMinorUnits) minor units")
            return nil
        }
        return units
    }
}

/// An event is created as posted; only a cancellation moves it (O32).
private enum PostedState: String, CaseIterable {
    case posted

    static let words = WordTable<PostedState>()
}

// MARK: Writing

extension Purchase {
    public func encode(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("type", MessageType.purchase.rawValue)
        writer.field("externalId", externalID)
        writer.field("occurredAt", occurredAt)
        writer.field("unit", unit)
        writer.field("currency", currency.code)
        writeAmount(&writer, "total", total)
        if discount != 0 { writeAmount(&writer, "discount", discount) }
        if let classification { writer.field("classification", classification) }
        if !lines.isEmpty {
            writer.key("lines")
            writer.beginArray()
            for line in lines { encode(line, to: &writer) }
            writer.endArray()
        }
        writer.endObject()
    }

    private func encode(_ line: Line, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("sku", line.sku)
        writer.field("quantity", line.quantity)
        if let net = line.netAmount { writeAmount(&writer, "netAmount", net) }
        if line.vat != 0 { writeAmount(&writer, "vat", line.vat) }
        writeAmount(&writer, "total", line.total)
        writer.endObject()
    }

    private func writeAmount(_ writer: inout JSONWriter, _ key: StaticString, _ minorUnits: Int64) {
        writer.field(key, ExactDecimal(mantissa: minorUnits, scale: currency.exponent))
    }
}
