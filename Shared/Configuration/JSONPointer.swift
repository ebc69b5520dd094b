// JSON pointers (RFC 6901): which part of a source's JSON record a field comes from. Parsed when the source's
// document is read, followed by the gateway for every record.

import JSONText

/// A path of keys and indexes into a JSON value.
public struct JSONPointer: Sendable, Equatable, CustomStringConvertible {
    static let maximumBytes = 256

    public let description: String
    /// Keys or indexes, escapes resolved.
    public let tokens: [String]

    /// - Returns: nil unless the text is empty or begins with '/', with '~' only in `~0` and `~1`.
    public init?(_ text: String) {
        var tokens: [String] = []
        if !text.isEmpty {
            guard text.hasPrefix("/") else { return nil }
            for part in text.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
                let unescaped = part.replacing("~1", with: "").replacing("~0", with: "")
                guard !unescaped.contains("~") else { return nil }
                tokens.append(part.replacing("~1", with: "/").replacing("~0", with: "~").description)
            }
        }
        description = text
        self.tokens = tokens
    }

    /// The part of `value` that the pointer names, or nil if there is none.
    public func value(in value: JSONValue) -> JSONValue? {
        var current = value
        for token in tokens {
            switch current.kind {
            case .object:
                guard let member = current[token] else { return nil }
                current = member
            case .array:
                guard let index = Self.index(token),
                    let item = current.items.dropFirst(index).first(where: { _ in true })
                else { return nil }
                current = item
            default: return nil
            }
        }
        return current
    }

    /// Digits without a leading zero.
    private static func index(_ token: String) -> Int? {
        guard token.utf8.allSatisfy(isDigit), token == "0" || !token.hasPrefix("0") else { return nil }
        return Int(token)
    }
}
