// Follows the topic `config` record by record and keeps what is in force. Only the newest record of a key
// counts, also when it is refused: compaction keeps no other, and an instance that starts later must decide as
// those do that have run all along. Every service and the operator's command use it. Belongs to one thread.

/// Collects documents by key.
public struct ConfigurationBuilder: Sendable {
    private var documents: [ConfigurationKind: [String: ConfigurationDocument]] = [:]
    /// Offset behind the last record taken in, refused ones included.
    public private(set) var version: Int64 = 0

    public init() {}

    /// Takes in one record.
    ///
    /// - Parameter value: nil for a tombstone, which removes the document.
    /// - Throws: kind, id and every problem of a refused document. The version has moved on nevertheless, and
    ///   no document of that key is in force any more.
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
        let former = documents[kind]?.removeValue(forKey: id)
        guard let value else { return }
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
        if former == nil, documents[kind, default: [:]].count >= ConfigurationBounds.documentsPerKind {
            let detail = "at most \(ConfigurationBounds.documentsPerKind) documents of a kind"
            throw ConfigurationFailure(kind: kindText, id: id, code: "too-many-documents", detail: detail)
        }
        documents[kind, default: [:]][id] = document
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
