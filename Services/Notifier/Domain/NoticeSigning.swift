// Signatures of Standard Webhooks 1.0 (RELIABILITY 4.2): which bytes are signed, and how the signature is
// written. Called for every attempt by the sender, and by VerifyWebhook. Never sees the text form of a
// secret.

import Digests
import Primitives

/// A webhook's headers and signature.
public enum NoticeSigning {
    public static let idHeader = "webhook-id"
    public static let timestampHeader = "webhook-timestamp"
    public static let signatureHeader = "webhook-signature"
    /// HMAC-SHA256 with a shared secret.
    static let version = "v1,"

    /// The value of `webhook-signature`: one signature for each key, separated by spaces.
    ///
    /// - Parameters:
    ///   - seconds: since 1970, as in `webhook-timestamp`: the time of this attempt.
    ///   - keys: the subscription's secret, then its former one while it is being replaced.
    public static func signature(id: String, seconds: Int64, body: [UInt8], keys: [[UInt8]]) -> String {
        let signed = signedContent(id: id, seconds: String(seconds), body: body)
        return keys.map { version + base64Encode(hmacSHA256(key: $0, message: signed)) }.joined(
            separator: " ")
    }

    /// Id, timestamp and the raw body, joined by full stops.
    static func signedContent(id: String, seconds: String, body: [UInt8]) -> [UInt8] {
        var content: [UInt8] = []
        content.reserveCapacity(id.utf8.count + seconds.utf8.count + body.count + 2)
        content.append(contentsOf: id.utf8)
        content.append(UInt8(ascii: "."))
        content.append(contentsOf: seconds.utf8)
        content.append(UInt8(ascii: "."))
        content.append(contentsOf: body)
        return content
    }
}
