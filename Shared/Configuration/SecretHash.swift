// The salted hash that stands for an API key's secret. Secrets are long and drawn by machines, so one round
// of SHA-256 is enough, and a gateway can check thousands of them in a second. Never holds or prints the
// secret.

import Digests
import JSONText

/// SHA-256 over salt and secret.
public struct SecretHash: Sendable, Equatable {
    public static let saltBytes = 16
    /// Salts of other tools.
    static let saltByteCounts = 8...64
    /// Shorter secrets could be guessed, since one round of hashing is cheap.
    static let secretBytes = 16...256

    public let sha256: [UInt8]
    public let salt: [UInt8]

    public init(secret: [UInt8], salt: [UInt8]) {
        sha256 = Digests.sha256(salt, secret)
        self.salt = salt
    }

    init(sha256: [UInt8], salt: [UInt8]) {
        self.sha256 = sha256
        self.salt = salt
    }

    func matches(_ secret: [UInt8]) -> Bool { constantTimeEquals(Digests.sha256(salt, secret), sha256) }

    static func read(_ fields: inout FieldReader, _ plain: PlainSecrets?) -> SecretHash? {
        let places = plain == nil ? ["secretSHA256"] : ["secretSHA256", "secret", "secretFile"]
        let given = places.filter { fields.has($0) }
        guard given.count == 1 || plain == nil else {
            fields.report(
                given.first ?? "secret", code: given.isEmpty ? "missing" : "not-applicable",
                detail: "exactly one of secret, secretFile, and secretSHA256 with salt is due")
            return nil
        }
        guard let plain, given != ["secretSHA256"] else { return readHash(&fields) }
        fields.refuse("salt", because: "a plain secret gets a fresh one")
        guard let key = given.first, let secret = readSecret(&fields, key, plain) else { return nil }
        guard secretBytes.contains(secret.count) else {
            let detail = "a secret of \(secretBytes.lowerBound) to \(secretBytes.upperBound) bytes is due"
            fields.report(
                key, code: secret.count > secretBytes.upperBound ? "too-long" : "too-short", detail: detail)
            return nil
        }
        return SecretHash(secret: secret, salt: plain.salt)
    }

    private static func readHash(_ fields: inout FieldReader) -> SecretHash? {
        let hash = readHex(&fields, "secretSHA256", 32...32)
        let salt = readHex(&fields, "salt", saltByteCounts)
        guard let hash, let salt else { return nil }
        return SecretHash(sha256: hash, salt: salt)
    }

    private static func readSecret(_ fields: inout FieldReader, _ key: String, _ plain: PlainSecrets)
        -> [UInt8]?
    {
        guard let text = fields.text(key, maximum: 4_096) else { return nil }
        guard key == "secretFile" else { return Array(text.utf8) }
        guard let contents = plain.contents(text) else {
            fields.report(key, code: "unreadable", detail: "the file cannot be read")
            return nil
        }
        /// Editors end a file with a line feed that is no part of the secret.
        let end = contents.lastIndex { $0 != 0x0a && $0 != 0x0d }
        return end.map { Array(contents[...$0]) } ?? []
    }

    private static func readHex(
        _ fields: inout FieldReader, _ key: String, _ counts: ClosedRange<Int>
    ) -> [UInt8]? {
        guard let text = fields.text(key, maximum: ConfigurationBounds.textBytes) else { return nil }
        if let bytes = bytes(hex: text), counts.contains(bytes.count) { return bytes }
        let digits =
            counts.lowerBound == counts.upperBound
            ? "\(counts.lowerBound * 2)" : "\(counts.lowerBound * 2) to \(counts.upperBound * 2)"
        fields.report(key, code: "charset", detail: "\(digits) lower-case hex digits are due")
        return nil
    }
}

/// The bytes of lower-case hex digits, two each; nil for anything else.
private func bytes(hex text: String) -> [UInt8]? {
    let digits = text.utf8.compactMap { digit -> UInt8? in
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x61...0x66: digit - 0x57
        default: nil
        }
    }
    guard digits.count == text.utf8.count, digits.count % 2 == 0 else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}
