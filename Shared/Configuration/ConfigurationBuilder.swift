// Follows the topic `config` record by record and keeps what is in force. A document that is refused changes
// nothing: the former one stays in force, and the failure tells an operator what is wrong. Every service and
// the operator's command use it, so all of them agree on what is in force. Belongs to one thread.

/// Collects documents by key.
public struct ConfigurationBuilder: Sendable {
    private var documents: [ConfigurationKind: [String: ConfigurationDocument]] = [:]
    /// Offset behind the last record taken in, refused ones included.
    public private(set) var version: Int64 = 0

    public init() {}

    /// Takes in one record.
    ///
    /// - Parameter value: nil for a tombstone, which removes the document.
    /// - Throws: kind, id and every problem of a refused document; the version has moved on nevertheless.
    public mutating func apply(
        key: ArraySlice<UInt8>, value: ArraySlice<UInt8>?, offset: Int64
    ) throws(ConfigurationFailure) {
        version = offset + 1
        let (kindText, id) = Self.split(key)
        guard let kind = ConfigurationKind(rawValue: kindText) else {
            let allowed = ConfigurationKind.allCases.map(\.rawValue).joined(separator: ", ")
            throw ConfigurationFailure(
                kind: kindText, id: id, code: "unknown-kind",
                detail: "a key kind/id is due, the kind one of: \(allowed)")
        }
        guard let value else {
            documents[kind]?.removeValue(forKey: id)
            return
        }
        let document: ConfigurationDocument
        do throws(ConfigurationFailure) {
            document = try ConfigurationDocument(parsing: Array(value), version: offset)
        } catch {
            throw ConfigurationFailure(kind: kindText, id: id, problems: error.problems)
        }
        guard document.kind == kind, document.id == id else {
            let detail = "the document is \(document.kind.rawValue)/\(document.id)"
            throw ConfigurationFailure(kind: kindText, id: id, code: "key-mismatch", detail: detail)
        }
        try put(document)
    }

    private mutating func put(_ document: ConfigurationDocument) throws(ConfigurationFailure) {
        let former = documents[document.kind] ?? [:]
        if former[document.id] == nil, former.count >= ConfigurationBounds.documentsPerKind {
            let detail = "at most \(ConfigurationBounds.documentsPerKind) documents of a kind"
            throw ConfigurationFailure(
                kind: document.kind.rawValue, id: document.id, code: "too-many-documents", detail: detail)
        }
        documents[document.kind, default: [:]][document.id] = document
    }

    /// What is in force now.
    public func snapshot() -> Configuration {
        Configuration(version: version, documents: all)
    }

    /// What is in force now, ordered by kind and id.
    public var all: [ConfigurationDocument] {
        ConfigurationKind.allCases.flatMap { kind in
            (documents[kind] ?? [:]).values.sorted { $0.id < $1.id }
        }
    }

    /// Kind and id of a key; an id may contain slashes.
    private static func split(_ key: ArraySlice<UInt8>) -> (kind: String, id: String) {
        let parts = key.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
        let texts = parts.map { String(decoding: $0, as: UTF8.self) }
        return (texts.first ?? "", texts.count == 2 ? texts[1] : "")
    }
}
