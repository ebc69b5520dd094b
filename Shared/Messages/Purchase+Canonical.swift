// A purchase read in exactly the form that ``Purchase/encode(to:)`` writes: the evaluator reads each one again that
// the gateway wrote. Holds it to the same rules as ``Purchase/read(_:)``, and leaves whatever breaks one to that.

import JSONText
import Primitives

extension Purchase {
    static func readCanonical(_ body: inout CanonicalScanner) -> Purchase? {
        guard body.take(#"{"type":"purchase","externalId":"#),
            let externalID = body.identifier(maximum: maximumExternalIDBytes),
            body.take(#","occurredAt":"#), let occurredAt = body.timestamp(),
            body.take(#","unit":"#), let unit = body.text(maximum: maximumTextBytes),
            body.take(#","currency":"#), let currency = body.text(maximum: 3, { Currency(utf8: $0) }),
            body.take(#","total":"#), let total = readAmount(&body, currency),
            let discount = body.take(#","discount":"#, orElse: 0, { readAmount(&$0, currency) }),
            let classification = body.optional(#","classification":"#, { $0.text(maximum: maximumTextBytes) }),
            let lines = body.take(#","lines":["#, orElse: [], { readLines(&$0, currency) }),
            body.take(character: "}")
        else { return nil }
        let sum = lines.reduce(Int64(0)) { $0 + $1.total } - discount
        guard lines.isEmpty || total == sum else { return nil }
        return Purchase(
            externalID: externalID, occurredAt: occurredAt, unit: unit, currency: currency, total: total,
            discount: discount, classification: classification, lines: lines)
    }

    private static func readLines(_ body: inout CanonicalScanner, _ currency: Currency) -> [Line]? {
        body.items(maximum: maximumLines) { readLine(&$0, currency) }
    }

    private static func readLine(_ body: inout CanonicalScanner, _ currency: Currency) -> Line? {
        guard body.take(#"{"sku":"#), let sku = body.text(maximum: maximumTextBytes),
            body.take(#","quantity":"#), let quantity = body.integer(in: 1...maximumQuantity),
            let net = body.optional(#","netAmount":"#, { readAmount(&$0, currency) }),
            let vat = body.take(#","vat":"#, orElse: 0, { readAmount(&$0, currency) }),
            body.take(#","total":"#), let total = readAmount(&body, currency),
            body.take(character: "}")
        else { return nil }
        if let net {
            let (gross, overflow) = net.multipliedReportingOverflow(by: quantity)
            guard !overflow, gross <= Money.maximumMinorUnits, total == gross + vat else { return nil }
        }
        return Line(sku: sku, quantity: quantity, netAmount: net, vat: vat, total: total)
    }

    private static func readAmount(_ body: inout CanonicalScanner, _ currency: Currency) -> Int64? {
        body.units(places: currency.exponent).flatMap { $0 <= Money.maximumMinorUnits ? $0 : nil }
    }
}
