// HMAC-SHA-256 (RFC 2104) and comparing secrets, for signed notices and for the keys of callers.
// Called by the notifier, the gateway and the tests of both. Never compares a secret byte by byte with `==`.

import CCrypto

/// The 32 bytes of HMAC-SHA-256. An empty key is allowed, as in the RFC.
public func hmacSHA256(key: [UInt8], message: [UInt8]) -> [UInt8] {
    precondition(key.count <= Int(Int32.max), "libcrypto counts a key's bytes in 32 bits")
    return unsafe [UInt8](unsafeUninitializedCapacity: SHA256Digest.byteCount) { buffer, count in
        count = SHA256Digest.byteCount
        let code = unsafe HMAC(
            EVP_sha256(), key, Int32(key.count), message, message.count, buffer.baseAddress, nil)
        precondition(unsafe code != nil, "libcrypto has no memory for a digest")
    }
}

/// Whether both are the same, in a time that depends on their lengths alone.
public func constantTimeEquals(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return unsafe CRYPTO_memcmp(left, right, left.count) == 0
}
