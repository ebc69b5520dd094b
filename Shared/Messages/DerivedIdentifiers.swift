// How ids are derived from what outside systems send. Every stage that needs such an id computes it
// here, so that the same input has the same id wherever and however often it arrives.

import Digests
import Primitives

extension WalletID {
    /// The wallet of an external id in a programme.
    public init(programme: String, externalID: String) {
        self.init(truncatedDigest("wallet", programme, externalID))
    }
}

extension EventID {
    /// The event that a source sent under an idempotency key.
    public init(source: String, idempotencyKey key: [UInt8]) {
        self.init(keyHash: murmur2(key), digest: truncatedDigest("event", source, key))
    }
}

/// What tells two payloads under one key apart: a hash over the canonical body and its kind.
public func fingerprint(of body: [UInt8], type: MessageType) -> UInt128 {
    truncatedDigest(type.rawValue, body)
}
