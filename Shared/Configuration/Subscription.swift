// Where notices are delivered to, which ones, how they are signed, and how often delivery is tried. Read by
// the notifier. Its secrets are shown to nobody: printing a subscription or a secret masks them.

import Digests
import JSONText
import Primitives

/// One subscriber's endpoint.
public struct Subscription: Sendable, Equatable {
    public let id: String
    /// Offset of its record on `config`; 0 before it is published.
    public let version: Int64
    public let active: Bool
    public let url: WebhookURL
    public let secret: WebhookSecret
    /// While a secret is being replaced, notices are signed with both.
    public let formerSecret: WebhookSecret?
    public let types: [NoticeType]
    /// Delivery attempts of one notice before it is given up.
    public let maximumAttempts: Int
    /// The pause after the first failed attempt; later ones are longer.
    public let firstRetryMilliseconds: Int
    /// How long one attempt may take.
    public let timeoutMilliseconds: Int

    public init(
        id: String, version: Int64 = 0, active: Bool = true, url: WebhookURL, secret: WebhookSecret,
        formerSecret: WebhookSecret? = nil, types: [NoticeType], maximumAttempts: Int = 10,
        firstRetryMilliseconds: Int = 5_000, timeoutMilliseconds: Int = 15_000
    ) {
        self.id = id
        self.version = version
        self.active = active
        self.url = url
        self.secret = secret
        self.formerSecret = formerSecret
        self.types = types
        self.maximumAttempts = maximumAttempts
        self.firstRetryMilliseconds = firstRetryMilliseconds
        self.timeoutMilliseconds = timeoutMilliseconds
    }

    /// With doubling pauses from 5 s on, 20 attempts take a month.
    static let attempts: ClosedRange<Int64> = 1...20
    static let firstRetry: ClosedRange<Int64> = 100...60_000
    /// A wallet's later notices wait for the attempt.
    static let timeout: ClosedRange<Int64> = 100...30_000

    static func read(_ fields: inout FieldReader, id: String, version: Int64) -> Subscription? {
        fields.refuseOthers(than: [
            "kind", "id", "active", "url", "allowPrivateNetwork", "secret", "formerSecret", "types",
            "maximumAttempts", "firstRetryMilliseconds", "timeoutMilliseconds",
        ])
        let active = fields.bool("active", required: false) ?? true
        let url = WebhookURL.read(&fields)
        let secret = WebhookSecret.read(&fields, "secret", required: true)
        let former = WebhookSecret.read(&fields, "formerSecret", required: false)
        let types = fields.choices("types", of: NoticeType.self, required: true)
        let attempts = fields.integer("maximumAttempts", in: attempts, required: false) ?? 10
        let retry = fields.integer("firstRetryMilliseconds", in: firstRetry, required: false) ?? 5_000
        let timeout = fields.integer("timeoutMilliseconds", in: timeout, required: false) ?? 15_000
        guard fields.problems.isEmpty, let url, let secret, let types else { return nil }
        return Subscription(
            id: id, version: version, active: active, url: url, secret: secret, formerSecret: former,
            types: types,
            maximumAttempts: Int(attempts), firstRetryMilliseconds: Int(retry),
            timeoutMilliseconds: Int(timeout))
    }

    func encode(to writer: inout JSONWriter, masked: Bool) {
        writer.field("active", active)
        writer.field("url", url.description)
        writer.field("allowPrivateNetwork", url.allowPrivateNetwork)
        writer.field("secret", masked ? secret.description : secret.text)
        if let formerSecret {
            writer.field("formerSecret", masked ? formerSecret.description : formerSecret.text)
        }
        writer.array("types") { writer in
            for type in types { writer.string(type.rawValue) }
        }
        writer.field("maximumAttempts", Int64(maximumAttempts))
        writer.field("firstRetryMilliseconds", Int64(firstRetryMilliseconds))
        writer.field("timeoutMilliseconds", Int64(timeoutMilliseconds))
    }
}

/// What a notice can tell.
public enum NoticeType: String, Sendable, CaseIterable {
    case pointsAwarded = "points.awarded"
    case pointsNotAwarded = "points.not-awarded"
    case pointsSpent = "points.spent"
    case rewardIssued = "reward.issued"
    case rewardRefused = "reward.refused"
}

/// A key that notices are signed with, in the form of Standard Webhooks: `whsec_` and 24 to 64 bytes in
/// base64.
public struct WebhookSecret: Sendable, Equatable {
    static let marker = "whsec_"
    static let byteCounts = 24...64

    /// The key of the HMAC.
    public let bytes: [UInt8]

    /// - Returns: nil for another form or length.
    public init?(_ text: String) {
        guard text.hasPrefix(Self.marker),
            let bytes = base64Decode(String(text.dropFirst(Self.marker.count))),
            Self.byteCounts.contains(bytes.count)
        else { return nil }
        self.bytes = bytes
    }

    /// As published on `config`; for nothing else.
    var text: String { Self.marker + base64Encode(bytes) }

    static func read(_ fields: inout FieldReader, _ key: String, required: Bool) -> WebhookSecret? {
        guard let text = fields.text(key, required: required, maximum: ConfigurationBounds.textBytes)
        else { return nil }
        if let secret = WebhookSecret(text) { return secret }
        fields.report(key, code: "secret", detail: "whsec_ and the base64 of 24 to 64 bytes is due")
        return nil
    }
}

extension WebhookSecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { Self.marker + "***" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
