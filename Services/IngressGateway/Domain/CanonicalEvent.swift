// An event or request in the one form that the platform passes on, whichever door it came through and however
// it was written: encoded anew from what was read, so that spaces, the order of fields and ways to write a
// number make no difference to its fingerprint. Made by both doors; the stages behind them see only these
// bytes.

import Configuration
import JSONText
import Messages
import Primitives

/// A checked event with its canonical body.
public struct CanonicalEvent: Sendable, Equatable {
    public let type: MessageType
    public let externalID: String
    public let occurredAt: Timestamp
    public let body: [UInt8]

    init(type: MessageType, externalID: String, occurredAt: Timestamp, body: [UInt8]) {
        self.type = type
        self.externalID = externalID
        self.occurredAt = occurredAt
        self.body = body
    }

    public init(_ purchase: Purchase, _ writer: inout JSONWriter) {
        writer.clear()
        purchase.encode(to: &writer)
        self.init(
            type: .purchase, externalID: purchase.externalID, occurredAt: purchase.occurredAt,
            body: writer.bytes)
    }

    /// A reward is asked for when the request arrives.
    public init(_ request: RewardRequest, now: Timestamp, _ writer: inout JSONWriter) {
        writer.clear()
        request.encode(to: &writer)
        self.init(type: .rewardRequest, externalID: request.externalID, occurredAt: now, body: writer.bytes)
    }

    public func fingerprint() -> UInt128 { Messages.fingerprint(of: body, type: type) }
}

/// The types of event that exist; others are refused by name.
public enum EventType: String, Sendable, CaseIterable {
    case purchase

    static let words = WordTable<EventType>()
}

/// Reads an event in canonical JSON. `type` may be left out: there is one so far.
public func readCanonicalPurchase(_ bytes: [UInt8], in range: Range<Int>? = nil) throws(MessageFailure)
    -> Purchase
{
    try decode(bytes, in: range) { (fields: inout FieldReader) in
        _ = fields.choice("type", of: EventType.words, code: "unknown-type", required: false)
        return Purchase.read(&fields)
    }
}

/// Reads a record of a source: canonical JSON, or the source's own shape by its mapping.
///
/// A source whose own shape is text in columns may send canonical JSON too, if it says so by the content
/// type.
public func readSourceRecord(
    _ bytes: [UInt8], in range: Range<Int>, contentType: String?, source: Source, _ writer: inout JSONWriter
) throws(MessageFailure) -> Purchase {
    let isJSON = contentType.map(isJSONMediaType)
    guard let mapping = source.mapping else {
        guard isJSON ?? true else {
            throw .fields([
                FieldProblem(
                    pointer: "", code: "no-mapping",
                    detail: "source \(source.id) has no mapping for other than JSON")
            ])
        }
        return try readCanonicalPurchase(bytes, in: range)
    }
    if case .delimited = mapping.format, isJSON == true { return try readCanonicalPurchase(bytes, in: range) }
    return try mapRecord(bytes, in: range, mapping, &writer)
}

/// `application/json`, whatever its parameters.
private func isJSONMediaType(_ text: String) -> Bool {
    text.prefix { $0 != ";" }.filter { $0 != " " }.lowercased() == "application/json"
}
