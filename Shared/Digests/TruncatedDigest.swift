// The 128 bits that ids and payload hashes are made of: SHA-256 over parts, cut to its first half. Called
// three times per event. Each part goes in behind its length, so that ("ab", "c") and ("a", "bc") differ.
// Never change how parts are put together: ids that are stored depend on it.

/// What a digest can be taken over without being copied first.
public protocol DigestPart {
    /// Adds the length, as 8 bytes big-endian, and the bytes.
    func add(to digest: inout SHA256Digest)
}

extension [UInt8]: DigestPart {
    public func add(to digest: inout SHA256Digest) { digest.updateWithLength(span) }
}

extension ArraySlice<UInt8>: DigestPart {
    public func add(to digest: inout SHA256Digest) { digest.updateWithLength(span) }
}

extension String: DigestPart {
    public func add(to digest: inout SHA256Digest) { digest.updateWithLength(utf8.span) }
}

extension SHA256Digest {
    /// Adds a part behind its length.
    public mutating func updateWithLength(_ part: Span<UInt8>) {
        let count = UInt64(part.count)
        let length: InlineArray<8, UInt8> = InlineArray {
            UInt8(truncatingIfNeeded: count >> UInt64(56 - 8 * $0))
        }
        update(length.span)
        update(part)
    }

    /// The digest of parts as ``truncatedDigest(_:)`` takes it, without making a new context.
    public mutating func truncated<each Part: DigestPart>(_ parts: repeat each Part) -> UInt128 {
        repeat (each parts).add(to: &self)
        return finishTruncated()
    }
}

/// The first 16 bytes, big-endian, of SHA-256 over `parts`, each behind its length in 8 bytes big-endian.
public func truncatedDigest<each Part: DigestPart>(_ parts: repeat each Part) -> UInt128 {
    var digest = SHA256Digest()
    repeat (each parts).add(to: &digest)
    return digest.finishTruncated()
}
