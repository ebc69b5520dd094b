// One configuration document of any kind: reading it from a record or from an operator's file, and writing it
// in the one form in which it is published. The same checks hold in both places.

import JSONText

/// A valid document.
public enum ConfigurationDocument: Sendable, Equatable {
    case source(Source)
    case offer(Offer)
    case reward(Reward)
    case subscription(Subscription)
    case apikey(APIKey)
    case programme(Programme)

    public var kind: ConfigurationKind {
        switch self {
        case .source: .source
        case .offer: .offer
        case .reward: .reward
        case .subscription: .subscription
        case .apikey: .apikey
        case .programme: .programme
        }
    }

    public var id: String {
        switch self {
        case .source(let source): source.id
        case .offer(let offer): offer.id
        case .reward(let reward): reward.id
        case .subscription(let subscription): subscription.id
        case .apikey(let key): key.id
        case .programme: Programme.id
        }
    }

    /// The record's key on `config`.
    public var key: [UInt8] { Self.key(kind, id) }

    public static func key(_ kind: ConfigurationKind, _ id: String) -> [UInt8] {
        Array("\(kind.rawValue)/\(id)".utf8)
    }

    // MARK: Reading

    /// Reads a record's value.
    ///
    /// - Parameter version: the record's offset.
    public init(parsing bytes: [UInt8], version: Int64 = 0) throws(ConfigurationFailure) {
        var limits = JSONLimits()
        limits.bytes = ConfigurationBounds.documentBytes
        let document: JSONDocument
        do throws(JSONError) {
            document = try JSONDocument(parsing: bytes, limits: limits)
        } catch {
            let detail = "\(error.detail) at line \(error.line), column \(error.column)"
            throw ConfigurationFailure(
                kind: "", id: "", pointer: error.pointer, code: error.code.rawValue, detail: detail)
        }
        try self.init(reading: document.root, version: version)
    }

    /// Reads a document that may be part of a file; the problems' pointers begin at the file's root.
    ///
    /// - Parameter secrets: with it, documents may hold plain secrets.
    public init(
        reading value: JSONValue, version: Int64 = 0, secrets: PlainSecrets? = nil
    ) throws(ConfigurationFailure) {
        var fields = FieldReader(value)
        let kind = fields.choice("kind", of: ConfigurationKind.self)
        let id =
            kind == .apikey
            ? fields.text("id", maximum: ConfigurationBounds.apiKeyBytes.upperBound) : fields.documentID("id")
        let written = (kind: value["kind"]?.string() ?? "", id: value["id"]?.string() ?? "")
        if value.rawBytes.count > ConfigurationBounds.documentBytes {
            fields.report(
                pointer: value.pointer, code: "too-large",
                detail: "at most \(ConfigurationBounds.documentBytes) bytes")
        }
        guard let kind else {
            throw ConfigurationFailure(kind: written.kind, id: written.id, problems: fields.problems)
        }
        let document = Self.read(&fields, kind, id: id ?? "", version: version, secrets)
        guard fields.problems.isEmpty, let document else {
            throw ConfigurationFailure(kind: written.kind, id: written.id, problems: fields.problems)
        }
        self = document
    }

    private static func read(
        _ fields: inout FieldReader, _ kind: ConfigurationKind, id: String, version: Int64,
        _ secrets: PlainSecrets?
    ) -> ConfigurationDocument? {
        switch kind {
        case .source: Source.read(&fields, id: id, version: version).map(Self.source)
        case .offer: Offer.read(&fields, id: id, version: version).map(Self.offer)
        case .reward: Reward.read(&fields, id: id, version: version).map(Self.reward)
        case .subscription: Subscription.read(&fields, id: id, version: version).map(Self.subscription)
        case .apikey: APIKey.read(&fields, id: id, version: version, secrets: secrets).map(Self.apikey)
        case .programme: Programme.read(&fields, id: id, version: version).map(Self.programme)
        }
    }

    // MARK: Writing

    /// The record's value: every field with its value in force, in a fixed order, so that equal documents
    /// have equal bytes.
    public func encoded() -> [UInt8] { encoded(masked: false) }

    /// As published, but with secrets and their hashes replaced by `***`; for people.
    public func maskedText() -> String { String(decoding: encoded(masked: true), as: UTF8.self) }

    private func encoded(masked: Bool) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.field("kind", kind.rawValue)
        writer.field("id", id)
        switch self {
        case .source(let source): source.encode(to: &writer)
        case .offer(let offer): offer.encode(to: &writer)
        case .reward(let reward): reward.encode(to: &writer)
        case .subscription(let subscription): subscription.encode(to: &writer, masked: masked)
        case .apikey(let key): key.encode(to: &writer, masked: masked)
        case .programme(let programme): programme.encode(to: &writer)
        }
        writer.endObject()
        return writer.bytes
    }
}
