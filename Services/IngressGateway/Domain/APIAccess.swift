// Who may do what at the API. Called for every request before its body is read. A wrong key costs the same
// work as a wrong secret, and both have the same answer, so that nobody learns which keys exist.

import Configuration

extension Configuration {
    /// The key that the caller has shown to be theirs; nil if there is none, it is switched off, or the
    /// secret is wrong.
    public func caller(key: String, secret: [UInt8]) -> APIKey? {
        let known = apiKeys[key]
        let isRight = (known ?? unknownKey).verify(secret: secret)
        guard let known, isRight, known.active else { return nil }
        return known
    }
}

/// Stands for keys that do not exist; no secret has this hash but by accident, and then the key is still
/// unknown.
private let unknownKey = APIKey(
    id: "unknown", role: .selfService, source: nil,
    hash: SecretHash(secret: [], salt: [UInt8](repeating: 0, count: SecretHash.saltBytes)))

extension APIKey {
    /// Sources report what happened; members serve themselves; operators do everything.
    public func may(_ route: APIRoute) -> Bool {
        switch route {
        case .wallet, .balance, .transactions, .event, .issueReward: true
        case .openWallet, .postEvent: role != .selfService
        }
    }
}

/// How long a caller wants to wait for the outcome (RFC 7240, section 4.3).
public struct WaitPreference: Sendable, Equatable {
    public let seconds: Int

    /// Reads all `Prefer` fields; the first `wait` counts. Nil if there is none, or it is malformed, which
    /// the RFC tells to ignore.
    public init?(fields: [String]) {
        for field in fields {
            for preference in field.split(separator: ",") {
                let words = preference.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1).map(
                    Self.trimmed)
                guard words.first?.lowercased() == "wait" else { continue }
                guard words.count == 2, let seconds = Self.seconds(words[1]) else { return nil }
                self.seconds = seconds
                return
            }
        }
        return nil
    }

    private static func seconds(_ word: String) -> Int? {
        let digits =
            word.hasPrefix("\"") && word.hasSuffix("\"") && word.count > 2
            ? String(word.dropFirst().dropLast()) : word
        guard (1...9).contains(digits.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int(digits)
    }

    private static func trimmed(_ text: Substring) -> String {
        String(text.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}
