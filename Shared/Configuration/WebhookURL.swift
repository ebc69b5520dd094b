// The address that notices are posted to. Literal addresses of the platform's own network are refused unless
// the document allows them, so that a subscription cannot be used to reach what only the platform can reach.
// What a name resolves to is not known here; the notifier has to hold the address it connects to against
// NetworkAddress too.

import Foundation
import JSONText

/// An absolute http or https URL without user, password or fragment.
public struct WebhookURL: Sendable, Equatable, CustomStringConvertible {
    /// What servers and proxies take at least.
    static let maximumBytes = 2_048

    public let description: String
    /// Lower case, without the brackets of an IPv6 address.
    public let host: String
    /// Whether loopback and private addresses may be connected to.
    public let allowPrivateNetwork: Bool

    /// Why a text is no address to post to.
    public enum Refusal: String, Error, Sendable {
        case malformed = "an absolute http or https URL without user and fragment is due"
        case privateNetwork = "loopback and private addresses need \"allowPrivateNetwork\": true"
    }

    public init(_ text: String, allowPrivateNetwork: Bool) throws(Refusal) {
        guard text.utf8.count <= Self.maximumBytes, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }),
            let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            ["http", "https"].contains(scheme), parts.user == nil, parts.password == nil,
            parts.fragment == nil,
            let encodedHost = parts.encodedHost, !encodedHost.isEmpty, !encodedHost.contains("%"),
            (1...65_535).contains(parts.port ?? 443)
        else { throw .malformed }
        let isBracketed = encodedHost.hasPrefix("[") && encodedHost.hasSuffix("]")
        let host = (isBracketed ? String(encodedHost.dropFirst().dropLast()) : encodedHost).lowercased()
        switch NetworkAddress(host: host) {
        case .invalid: throw .malformed
        case .privateNetwork where !allowPrivateNetwork: throw .privateNetwork
        case .privateNetwork, .publicNetwork, .name: break
        }
        description = text
        self.host = host
        self.allowPrivateNetwork = allowPrivateNetwork
    }

    static func read(_ fields: inout FieldReader) -> WebhookURL? {
        let allowed = fields.bool("allowPrivateNetwork", required: false) ?? false
        guard let text = fields.text("url", maximum: maximumBytes) else { return nil }
        do throws(Refusal) {
            return try WebhookURL(text, allowPrivateNetwork: allowed)
        } catch {
            fields.report(
                "url", code: error == .malformed ? "url" : "private-network", detail: error.rawValue)
            return nil
        }
    }
}
