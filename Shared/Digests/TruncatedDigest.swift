// The 128 bits that ids and payload hashes are made of: SHA-256 over parts, cut to its first half. Called
// three times per event. Each part goes in behind its length, so that ("ab", "c") and ("a", "bc") differ.
// Never change how parts are put together: ids that are stored depend on it.

import Primitives

/// What a digest can be taken over without being turned into bytes of its own first.
public protocol DigestPart {
    func add(to message: inout DigestMessage)
}

extension [UInt8]: DigestPart {
    public func add(to message: inout DigestMessage) { message.add(span) }
}

extension ArraySlice<UInt8>: DigestPart {
    public func add(to message: inout DigestMessage) { message.add(span) }
}

extension String: DigestPart {
    public func add(to message: inout DigestMessage) { message.add(utf8.span) }
}

/// Parts one after the other: libcrypto takes them in one piece for less than in several.
public struct DigestMessage {
    fileprivate var bytes: [UInt8] = []

    fileprivate init<each Part: DigestPart>(_ parts: repeat each Part) {
        // Ids are made of less; an event's body makes its own room.
        bytes.reserveCapacity(256)
        repeat (each parts).add(to: &self)
    }

    /// Adds a part behind its length in 8 bytes, big-endian.
    public mutating func add(_ part: Span<UInt8>) {
        bytes.append(room: 8 + part.count) { pen in
            pen.put(UInt64(part.count).byteSwapped)
            pen.put(part)
        }
    }
}

extension SHA256Digest {
    /// The digest of parts as ``truncatedDigest(_:)`` takes it, without making a new context.
    public mutating func truncated<each Part: DigestPart>(_ parts: repeat each Part) -> UInt128 {
        update(DigestMessage(repeat each parts).bytes)
        return finishTruncated()
    }
}

/// The first 16 bytes, big-endian, of SHA-256 over `parts`, each behind its length in 8 bytes big-endian.
public func truncatedDigest<each Part: DigestPart>(_ parts: repeat each Part) -> UInt128 {
    truncatedSHA256(DigestMessage(repeat each parts).bytes.span)
}
