// What the gateway must read from one record of `ingress` or `intake`: an event in canonical form, or why there
// is none. The model's own mapping of foreign records, for the shapes that the workload writes. Used by
// ModelGateway.

import EventLog
import JSONText
import Messages
import Primitives

/// An event whose key is to be decided on.
struct ModelArrival {
    let input: ModelRecord
    let type: MessageType
    let event: EventID
    let wallet: WalletID
    let fingerprint: UInt128
    let occurredAt: Timestamp
    let source: ModelSource
    let body: [UInt8]
    /// As the first of its key is passed on.
    let headers: [(name: String, value: [UInt8])]

    func isSame(as other: ModelArrival) -> Bool {
        type == other.type && wallet == other.wallet && fingerprint == other.fingerprint
    }
}

enum ModelReading {
    case arrival(ModelArrival)
    /// With a code where the model knows which.
    case refused(String?)
}

struct ModelIntake {
    let run: ModelRun

    /// What a record of `ingress` may be read as, under each state that its source's document was in.
    func readings(ofIngress input: ModelRecord) -> [ModelReading] {
        guard let name = input.text("ce_source"), !name.isEmpty else { return [.refused("source-required")] }
        return run.configuration.states(ofSource: name).map { source in
            guard let source else { return .refused("unknown-source") }
            guard source.isActive else { return .refused("inactive-source") }
            return read(input, name, source)
        }
    }

    private func read(_ input: ModelRecord, _ name: String, _ source: ModelSource) -> ModelReading {
        if input.header("ce_type") != nil, input.type != .purchase { return .refused("unknown-type") }
        guard let key = input.header("idempotency-key") ?? input.record.key else { return .refused("key-required") }
        guard (1...255).contains(key.count), key.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            return .refused("key-invalid")
        }
        guard let bytes = input.value else { return .refused("empty-body") }
        let purchase: Purchase
        if let mapping = source.mapping, !isJSON(input, mapping) {
            guard let mapped = ModelMapping(mapping).purchase(from: bytes) else { return .refused(nil) }
            purchase = mapped
        } else {
            if source.mapping == nil, let type = input.text("content-type"), !type.hasPrefix("application/json") {
                return .refused("no-mapping")
            }
            do throws(MessageFailure) {
                purchase = try canonical(bytes)
            } catch {
                return .refused(error.code)
            }
        }
        return .arrival(arrival(input, purchase, key, name, source))
    }

    /// A source whose own shape is text may send canonical JSON too, if it says so.
    private func isJSON(_ input: ModelRecord, _ mapping: JSONValue) -> Bool {
        mapping["format"]?.isText("delimited") ?? false
            && input.text("content-type")?.hasPrefix("application/json") ?? false
    }

    private enum EventType: String, CaseIterable { case purchase }

    private func canonical(_ bytes: [UInt8]) throws(MessageFailure) -> Purchase {
        try decode(bytes) { (fields: inout FieldReader) in
            _ = fields.choice("type", of: EventType.self, code: "unknown-type", required: false)
            return Purchase.read(&fields)
        }
    }

    private func arrival(
        _ input: ModelRecord, _ purchase: Purchase, _ key: [UInt8], _ name: String, _ source: ModelSource
    ) -> ModelArrival {
        var writer = JSONWriter()
        purchase.encode(to: &writer)
        let event = EventID(source: name, idempotencyKey: key)
        var headers: [(name: String, value: [UInt8])] = [
            ("ce_specversion", Array("1.0".utf8)), ("ce_id", event.hex), ("ce_source", Array(name.utf8)),
            ("ce_type", Array("purchase".utf8)), ("ce_time", purchase.occurredAt.rfc3339),
            ("content-type", Array("application/json".utf8)), ("idempotency-key", key),
            ("external-id", Array(purchase.externalID.utf8)),
        ]
        if source.opensWallets { headers.append(("opens-wallet", [0x31])) }
        if let trace = input.header("traceparent") { headers.append(("traceparent", trace)) }
        return ModelArrival(
            input: input, type: .purchase, event: event,
            wallet: WalletID(programme: run.configuration.programme, externalID: purchase.externalID),
            fingerprint: fingerprint(of: writer.bytes, type: .purchase), occurredAt: purchase.occurredAt,
            source: source, body: writer.bytes, headers: headers)
    }

    /// The headers that an event has on `intake`, from those that it is passed on with.
    static func intakeHeaders(_ arrival: ModelArrival) -> [(name: String, value: [UInt8])] {
        var headers = arrival.headers
        let place = headers.firstIndex { $0.name == "traceparent" } ?? headers.count
        headers.insert(
            contentsOf: [("wallet", arrival.wallet.hex), ("fingerprint", hexDigits(arrival.fingerprint))], at: place)
        return headers
    }

    /// What a record of `intake` may be read as.
    func readings(ofIntake input: ModelRecord) -> [ModelReading] {
        guard let type = input.type, type == .purchase || type == .rewardRequest else {
            return [.refused("unknown-type")]
        }
        func problem(_ name: String) -> [ModelReading] {
            [.refused(input.header(name) == nil ? "header-missing" : "header-invalid")]
        }
        guard let id = input.id, id.step == 0 else { return problem("ce_id") }
        let event = EventID(id.value)
        guard run.partitions.partition(ofHash: event.keyHash) == input.partition else {
            return [.refused("wrong-partition")]
        }
        guard let wallet = input.header("wallet").flatMap({ WalletID(hex: $0) }) else { return problem("wallet") }
        guard let print = input.header("fingerprint").flatMap({ parseHex($0) }) else { return problem("fingerprint") }
        guard let time = input.time else { return problem("ce_time") }
        guard let name = input.text("ce_source"), !name.isEmpty else { return [.refused("source-required")] }
        return run.configuration.states(ofSource: name).map { source in
            guard let source else { return .refused("unknown-source") }
            guard source.isActive else { return .refused("inactive-source") }
            guard let body = input.value, !body.isEmpty else { return .refused("empty-body") }
            if input.reply != nil, input.waiter(run.partitions) == nil { return .refused("unknown-partition") }
            return .arrival(
                ModelArrival(
                    input: input, type: type, event: event, wallet: wallet, fingerprint: print, occurredAt: time,
                    source: source, body: body, headers: passedOn(input)))
        }
    }

    private func passedOn(_ input: ModelRecord) -> [(name: String, value: [UInt8])] {
        [
            "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "content-type", "idempotency-key",
            "traceparent", "correlation-id", "reply-partition", "external-id", "opens-wallet",
        ].compactMap { name in input.header(name).map { (name, $0) } }
    }
}

/// A mapping's document, applied field by field.
private struct ModelMapping {
    private let mapping: JSONValue

    init(_ mapping: JSONValue) { self.mapping = mapping }

    func purchase(from bytes: [UInt8]) -> Purchase? {
        let isDelimited = mapping["format"]?.isText("delimited") ?? false
        var columns: [String: String] = [:]
        let root = isDelimited ? nil : parsed(bytes)
        if isDelimited {
            guard var line = String(validating: bytes, as: UTF8.self) else { return nil }
            while let last = line.unicodeScalars.last, last == "\n" || last == "\r" { line.unicodeScalars.removeLast() }
            let names = mapping.texts("columns") ?? []
            let values = line.split(separator: mapping["delimiter"]?.string() ?? ";", omittingEmptySubsequences: false)
            guard names.count == values.count else { return nil }
            for (name, value) in zip(names, values) { columns[name] = String(value) }
        } else if root?.kind != .object {
            return nil
        }
        func value(_ name: String) -> String? {
            guard let field = mapping["fields"]?[name] else { return nil }
            if let constant = field["constant"]?.string() { return constant }
            if let column = field["column"]?.string() { return columns[column] }
            let path = field["pointer"]?.string()?.split(separator: "/").map(String.init) ?? []
            let found = path.reduce(root) { $0?[$1] }
            switch found?.kind {
            case .string: return found?.string()
            case .number: return found.map { String(decoding: $0.rawBytes, as: UTF8.self) }
            default: return nil
            }
        }
        guard let time = value("occurredAt").flatMap({ date($0) }), let who = value("externalId"),
            let unit = value("unit"), let currency = value("currency"), let total = value("total").flatMap(amount)
        else { return nil }
        var writer = JSONWriter()
        writer.beginObject()
        writer.field("externalId", who)
        writer.field("occurredAt", time)
        writer.field("unit", unit)
        writer.field("currency", currency)
        writer.field("total", total)
        if let kind = value("classification") { writer.field("classification", kind) }
        writer.endObject()
        do throws(MessageFailure) {
            return try Purchase.decode(writer.bytes)
        } catch {
            return nil
        }
    }

    private func date(_ text: String) -> Timestamp? {
        guard mapping["fields"]?["occurredAt"]?["date"]?.isText("yyyyMMdd") ?? false else {
            return Timestamp(rfc3339: text)
        }
        guard text.utf8.count == 8, let number = Int(text) else { return nil }
        return Timestamp(year: number / 10_000, month: number / 100 % 100, day: number % 100)
    }

    private func amount(_ text: String) -> ExactDecimal? {
        let hasComma = mapping["fields"]?["total"]?["decimalComma"]?.bool ?? false
        do throws(ExactDecimal.ParseFailure) {
            return try ExactDecimal(hasComma ? text.replacing(",", with: ".") : text)
        } catch {
            return nil
        }
    }
}
