// What a receiver of webhooks has to check before it believes one (B14): the reference for callers, and what
// the tests hold the notifier against. Never compares signatures byte by byte, and never looks into the body
// before it is verified.

import Digests
import Primitives

/// Why a webhook is not believed.
public enum WebhookRefusal: String, Error, Sendable, CaseIterable {
    case unsigned
    case malformedTimestamp = "malformed-timestamp"
    /// Too old, or from the future: perhaps a recorded one that is played back.
    case stale
    case wrongSignature = "wrong-signature"
}

/// How far a webhook's time may be from the receiver's, in seconds, either way.
public let webhookToleranceSeconds: Int64 = 300
/// Signatures looked at in one header: a sender has two keys while it replaces one.
private let maximumSignatures = 8

/// Checks a webhook that came in.
///
/// - Parameters:
///   - header: the value of a header by its lower-case name.
///   - body: the raw bytes as received.
///   - keys: the secrets that the receiver shares with the sender.
/// - Returns: the webhook's id, by which a receiver knows one that it had before.
public func verifyWebhook(
    header: (String) -> String?, body: [UInt8], keys: [[UInt8]], now: Timestamp
) throws(WebhookRefusal) -> String {
    guard let id = header(NoticeSigning.idHeader), !id.isEmpty,
        let time = header(NoticeSigning.timestampHeader),
        let signatures = header(NoticeSigning.signatureHeader)
    else { throw .unsigned }
    guard let seconds = Int64(time), String(seconds) == time else { throw .malformedTimestamp }
    let (distance, overflow) = (now.milliseconds / 1_000).subtractingReportingOverflow(seconds)
    guard !overflow, distance.magnitude <= webhookToleranceSeconds.magnitude else { throw .stale }
    let content = NoticeSigning.signedContent(id: id, seconds: time, body: body)
    let expected = keys.map { hmacSHA256(key: $0, message: content) }
    for signature in signatures.split(separator: " ").prefix(maximumSignatures) {
        guard signature.hasPrefix(NoticeSigning.version),
            let given = base64Decode(String(signature.dropFirst(NoticeSigning.version.count)))
        else { continue }
        if expected.contains(where: { constantTimeEquals($0, given) }) { return id }
    }
    throw .wrongSignature
}
