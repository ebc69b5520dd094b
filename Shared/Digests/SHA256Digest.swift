// SHA-256 through libcrypto: over pieces, over one array, and shortened to the 128 bits that ids are made of.
// Called by the doors and the codecs, several times per event. Never fetches the algorithm more than once,
// since OpenSSL 3 searches its providers on every fetch (its manual, crypto(7), section "Performance").

import CCrypto

/// A running SHA-256. After `finish` it is ready for the next message, so a worker can keep one.
@safe public struct SHA256Digest: ~Copyable {
    public static let byteCount = 32

    private let context: OpaquePointer

    public init() {
        guard let context = unsafe EVP_MD_CTX_new(),
            unsafe EVP_DigestInit_ex2(context, Algorithm.sha256, nil) == 1
        else { preconditionFailure("libcrypto has no memory for a digest") }
        unsafe self.context = context
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    public mutating func update(_ bytes: [UInt8]) { update(bytes.span) }
    public mutating func update(_ bytes: ArraySlice<UInt8>) { update(bytes.span) }
    public mutating func update(_ text: String) { update(text.utf8.span) }

    public mutating func update(_ bytes: Span<UInt8>) {
        guard !bytes.isEmpty else { return }
        let isDone = unsafe bytes.withUnsafeBufferPointer {
            unsafe EVP_DigestUpdate(context, $0.baseAddress, $0.count) == 1
        }
        precondition(isDone, "SHA-256 takes any bytes")
    }

    /// The 32 bytes of the digest over all updates since the last one.
    public mutating func finish() -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: Self.byteCount) { buffer, count in
            count = Self.byteCount
            unsafe finish(into: buffer.baseAddress)
        }
    }

    /// The first 16 bytes of the digest, big-endian.
    public mutating func finishTruncated() -> UInt128 {
        unsafe firstHalf { unsafe finish(into: $0) }
    }

    @unsafe private mutating func finish(into bytes: UnsafeMutablePointer<UInt8>?) {
        let isDone =
            unsafe EVP_DigestFinal_ex(context, bytes, nil) == 1 && EVP_DigestInit_ex2(context, nil, nil) == 1
        precondition(isDone, "a digest that was begun can be finished and begun again")
    }
}

private enum Algorithm {
    /// Fetched once and never freed: it lives as long as the process.
    nonisolated(unsafe) static let sha256: OpaquePointer? = unsafe EVP_MD_fetch(nil, "SHA256", nil)
}

/// The first 16 bytes of SHA-256 over `message`, big-endian.
func truncatedSHA256(_ message: Span<UInt8>) -> UInt128 {
    unsafe firstHalf { digest in
        let isDone = unsafe message.withUnsafeBufferPointer {
            unsafe EVP_Digest($0.baseAddress, $0.count, digest, nil, Algorithm.sha256, nil) == 1
        }
        precondition(isDone, "SHA-256 takes any bytes, and libcrypto has memory for a digest")
    }
}

@unsafe private func firstHalf(_ write: (UnsafeMutablePointer<UInt8>?) -> Void) -> UInt128 {
    var digest: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    unsafe withUnsafeMutableBytes(of: &digest) { buffer in
        unsafe write(buffer.assumingMemoryBound(to: UInt8.self).baseAddress)
    }
    return UInt128(UInt64(bigEndian: digest.0)) << 64 | UInt128(UInt64(bigEndian: digest.1))
}

/// The 32 bytes of SHA-256 over `parts`, one after the other.
public func sha256(_ parts: [UInt8]...) -> [UInt8] {
    var digest = SHA256Digest()
    for part in parts { digest.update(part) }
    return digest.finish()
}

/// The 32 bytes of SHA-256 over a text's UTF-8.
public func sha256(_ text: String) -> [UInt8] {
    var digest = SHA256Digest()
    digest.update(text)
    return digest.finish()
}
