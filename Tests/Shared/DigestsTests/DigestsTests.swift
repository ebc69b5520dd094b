// Digests against published vectors (FIPS 180-4 examples, RFC 4231, RFC 4648) and against each other.

import Digests
import Testing

private let abc448 = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"

@Suite struct `SHA-256` {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (abc448, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
        (
            String(repeating: "a", count: 1_000_000),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        ),
    ])
    func `gives the published digests, however the message is cut`(_ message: String, _ digest: String) {
        let bytes = Array(message.utf8)
        let cut = bytes.count / 3
        #expect(hexEncode(sha256(message)) == digest)
        #expect(hexEncode(sha256(bytes)) == digest)
        #expect(hexEncode(sha256(Array(bytes[..<cut]), [], Array(bytes[cut...]))) == digest)
        var running = SHA256Digest()
        running.update("left over from the message before")
        _ = running.finish()
        running.update(bytes[..<cut])
        running.update(bytes[cut...])
        #expect(hexEncode(running.finish()) == digest)
    }

    @Test func `of parts is that of their lengths and bytes, cut to 16 bytes`() {
        let joined: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 2, 0x61, 0x62, 0, 0, 0, 0, 0, 0, 0, 1, 0x63]
        let expected = sha256(joined).prefix(16).reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
        #expect(truncatedDigest("ab", "c") == expected)
        #expect(truncatedDigest(Array(joined[8...9]), joined[18...]) == expected)
        var running = SHA256Digest()
        #expect(running.truncated("x") != expected)
        #expect(running.truncated("ab", "c") == expected)
    }

    @Test func `keeps parts apart`() {
        let digests = [
            truncatedDigest("ab", "c"), truncatedDigest("a", "bc"), truncatedDigest("abc"),
            truncatedDigest("abc", ""),
            truncatedDigest("", "abc"),
        ]
        #expect(Set(digests).count == digests.count)
    }
}

@Suite struct `HMAC-SHA-256` {
    @Test(
        arguments: [
            (
                [UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
            ),
            (
                Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
            ),
            (
                [UInt8](repeating: 0xaa, count: 20), [UInt8](repeating: 0xdd, count: 50),
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
            ),
            (
                Array(1...25), [UInt8](repeating: 0xcd, count: 50),
                "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
            ),
            (
                [UInt8](repeating: 0xaa, count: 131),
                Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
            ),
            (
                [UInt8](repeating: 0xaa, count: 131),
                Array(
                    ("This is a test using a larger than block-size key and a larger than block-size data. "
                        + "The key needs to be hashed before being used by the HMAC algorithm.").utf8),
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
            ),
            ([], [], "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"),
        ] as [([UInt8], [UInt8], String)])
    func `gives the published digests`(_ key: [UInt8], _ message: [UInt8], _ digest: String) {
        #expect(hexEncode(hmacSHA256(key: key, message: message)) == digest)
    }

    @Test func `is compared by content and length`() {
        let digest = hmacSHA256(key: [1], message: [2])
        #expect(constantTimeEquals(digest, hmacSHA256(key: [1], message: [2])))
        #expect(!constantTimeEquals(digest, hmacSHA256(key: [1], message: [3])))
        #expect(!constantTimeEquals(digest, Array(digest.dropLast())))
        #expect(constantTimeEquals([], []))
    }
}

@Suite struct `Base64` {
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func `follows the published examples both ways`(_ text: String, _ encoded: String) {
        #expect(base64Encode(Array(text.utf8)) == encoded)
        #expect(base64Decode(encoded) == Array(text.utf8))
    }

    @Test(arguments: ["Zg", "Zg=", "Zh==", "Zm9v\n", "Zm 9v", "Zm9v=", "Zm-_", "=="])
    func `refuses every other spelling`(_ text: String) {
        #expect(base64Decode(text) == nil)
    }
}
