// What a request of the API asks for: its method and path taken apart. Paths are decoded once, segment by segment and only
// after they were split, so that an escaped slash never becomes a separator; whatever is not exactly a route is none.

import JSONText
import Messages
import Primitives

/// A request's target.
public enum APIRoute: Sendable, Equatable {
    case openWallet
    case wallet(externalID: String)
    case balance(externalID: String)
    case transactions(externalID: String)
    case postEvent
    case event(EventID)
    case issueReward

    public enum Failure: Error, Sendable, Equatable {
        case notFound
        /// The path exists with this method.
        case methodNotAllowed(allowed: String)
    }

    /// - Parameter path: as sent, not decoded.
    public init(method: String, path: String) throws(Failure) {
        let segments = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .dropFirst().map { String(Substring($0)) }
        guard segments.first == "v1" else { throw .notFound }
        let (route, allowed) = try Self.find(Array(segments.dropFirst()))
        guard method == allowed else { throw .methodNotAllowed(allowed: allowed) }
        self = route
    }

    private static func find(_ segments: [String]) throws(Failure) -> (APIRoute, method: String) {
        switch (segments.first, segments.count) {
        case ("wallets", 1): return (.openWallet, "POST")
        case ("wallets", 2): return (.wallet(externalID: try externalID(segments[1])), "GET")
        case ("wallets", 3) where segments[2] == "balance":
            return (.balance(externalID: try externalID(segments[1])), "GET")
        case ("wallets", 3) where segments[2] == "transactions":
            return (.transactions(externalID: try externalID(segments[1])), "GET")
        case ("events", 1): return (.postEvent, "POST")
        case ("events", 2):
            guard let id = EventID(segments[1]), id.caused(.event).cause == id else { throw .notFound }
            return (.event(id), "GET")
        case ("reward-issues", 1): return (.issueReward, "POST")
        default: throw .notFound
        }
    }

    /// What could not have been the external id of a wallet names none.
    private static func externalID(_ segment: String) throws(Failure) -> String {
        guard let text = percentDecoded(segment), text != ".", text != ".." else { throw .notFound }
        var writer = JSONWriter(capacity: 64)
        writer.beginObject()
        writer.field("id", text)
        writer.endObject()
        do throws(MessageFailure) {
            return try decode(writer.bytes) { (fields: inout FieldReader) in
                fields.identifier("id", maximum: Purchase.maximumExternalIDBytes)
            }
        } catch {
            throw .notFound
        }
    }

    /// For metrics and logs: the same for all ids.
    public var name: String {
        switch self {
        case .openWallet: "POST /v1/wallets"
        case .wallet: "GET /v1/wallets/{externalId}"
        case .balance: "GET /v1/wallets/{externalId}/balance"
        case .transactions: "GET /v1/wallets/{externalId}/transactions"
        case .postEvent: "POST /v1/events"
        case .event: "GET /v1/events/{id}"
        case .issueReward: "POST /v1/reward-issues"
        }
    }

    /// Whether it carries a body.
    public var hasBody: Bool {
        switch self {
        case .openWallet, .postEvent, .issueReward: true
        case .wallet, .balance, .transactions, .event: false
        }
    }
}

/// Nil for an escape that is cut short or is not hexadecimal, and for bytes that are not UTF-8.
func percentDecoded(_ segment: String) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(segment.utf8)[...]
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "%") else {
            bytes.append(byte)
            continue
        }
        guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else { return nil }
        bytes.append(high << 4 | low)
    }
    return String(validating: bytes, as: UTF8.self)
}

/// A segment of a path that ``percentDecoded(_:)`` reads back.
public func percentEncoded(_ text: String) -> String {
    var encoded = ""
    for byte in text.utf8 {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            encoded.unicodeScalars.append(Unicode.Scalar(byte))
        default:
            let digits = String(byte, radix: 16, uppercase: true)
            encoded += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
        }
    }
    return encoded
}

private func hexValue(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x41...0x46: digit - 0x37
    case 0x61...0x66: digit - 0x57
    default: nil
    }
}
