// A key that callers of the API present with its secret. Only a salted hash of the secret is published and
// kept; files may hold the secret itself or name a file that does, and the operator's command hashes it. Read
// by the gateway.

import Digests
import JSONText
import Primitives

/// One key: who calls, and what they may do.
public struct APIKey: Sendable, Equatable {
    public enum Role: String, Sendable, CaseIterable {
        case source
        case selfService = "self-service"
        case `operator`
    }

    /// The value of `x-api-key`.
    public let id: String
    /// Offset of its record on `config`; 0 before it is published.
    public let version: Int64
    public let active: Bool
    public let role: Role
    /// The source that the caller's events and requests belong to; always present but for operators.
    public let source: String?
    public let hash: SecretHash

    public init(
        id: String, version: Int64 = 0, active: Bool = true, role: Role, source: String?, hash: SecretHash
    ) {
        self.id = id
        self.version = version
        self.active = active
        self.role = role
        self.source = source
        self.hash = hash
    }

    /// Whether `secret` is this key's, in a time that does not depend on where they differ.
    public func verify(secret: [UInt8]) -> Bool { hash.matches(secret) }

    static func read(
        _ fields: inout FieldReader, id: String, version: Int64, secrets: PlainSecrets?
    ) -> APIKey? {
        var known: Set<String> = ["kind", "id", "active", "role", "source", "secretSHA256", "salt"]
        if secrets != nil { known.formUnion(["secret", "secretFile"]) }
        fields.refuseOthers(than: known)
        if !isAPIKey(id) {
            fields.report("id", code: "charset", detail: "8 to 128 visible ASCII characters are due")
        }
        let active = fields.bool("active", required: false) ?? true
        let role = fields.choice("role", of: Role.self)
        let source = fields.documentID("source", required: role != nil && role != .operator)
        let hash = SecretHash.read(&fields, secrets)
        guard fields.problems.isEmpty, let role, let hash else { return nil }
        return APIKey(id: id, version: version, active: active, role: role, source: source, hash: hash)
    }

    private static func isAPIKey(_ id: String) -> Bool {
        ConfigurationBounds.apiKeyBytes.contains(id.utf8.count)
            && id.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    }

    func encode(to writer: inout JSONWriter, masked: Bool) {
        writer.field("active", active)
        writer.field("role", role.rawValue)
        if let source { writer.field("source", source) }
        writer.field("secretSHA256", masked ? "***" : hexEncode(hash.sha256))
        writer.field("salt", masked ? "***" : hexEncode(hash.salt))
    }
}

/// How plain secrets in files become hashes. Only the operator's command has one.
public struct PlainSecrets {
    /// Fresh for every document, so that equal secrets have different hashes.
    public let salt: [UInt8]
    /// The contents of a secret file, by the path as written in the document; nil if it cannot be read.
    public let contents: (String) -> [UInt8]?

    public init(salt: [UInt8], contents: @escaping (String) -> [UInt8]?) {
        self.salt = salt
        self.contents = contents
    }
}
