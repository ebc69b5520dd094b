// Secrets of API keys and webhooks: hashing of plain ones in files, checking, and the addresses that are
// refused.

import Configuration
import Digests
import JSONText
import Testing

@Suite struct `Secrets and addresses` {
    private let secret = "0123456789abcdef"
    private let salt = [UInt8](repeating: 7, count: 16)

    private func read(_ fields: String, contents: @escaping (String) -> [UInt8]? = { _ in nil }) throws
        -> APIKey?
    {
        let text = #"{"kind":"apikey","id":"key-00001","role":"operator",\#(fields)}"#
        let value = try JSONDocument(parsing: Array(text.utf8)).root
        let secrets = PlainSecrets(salt: salt, contents: contents)
        guard case .apikey(let key) = try ConfigurationDocument(reading: value, secrets: secrets) else {
            return nil
        }
        return key
    }

    @Test func `a plain secret in a file is hashed with the salt and verified`() throws {
        let key = try #require(try read(#""secret":"\#(secret)""#))
        #expect(key.hash.sha256 == sha256(salt, Array(secret.utf8)))
        #expect(key.verify(secret: Array(secret.utf8)))
        #expect(!key.verify(secret: Array("0123456789abcdeF".utf8)))
        #expect(!key.verify(secret: Array("0123456789abcde".utf8)))
        #expect(!key.verify(secret: []))
        let published = String(decoding: ConfigurationDocument.apikey(key).encoded(), as: UTF8.self)
        #expect(!published.contains(secret))
        let again = try ConfigurationDocument(parsing: Array(published.utf8))
        #expect(again == .apikey(key))
    }

    @Test func `a secret file is read without its last line end`() throws {
        var asked: [String] = []
        let key = try read(#""secretFile":"keys/one""#) { path in
            asked.append(path)
            return Array("\(self.secret)\r\n".utf8)
        }
        #expect(key?.verify(secret: Array(secret.utf8)) == true)
        #expect(asked == ["keys/one"])
    }

    @Test(arguments: [
        (#""secretFile":"none""#, "/secretFile unreadable"), (#""secret":"short""#, "/secret too-short"),
        (#""active":true"#, "/secret missing"),
        (#""secret":"0123456789abcdef","secretFile":"x""#, "/secret not-applicable"),
        (#""secret":"0123456789abcdef","salt":"0011223344556677""#, "/salt not-applicable"),
    ]) func `a key has its secret in exactly one form`(fields: String, problem: String) {
        #expect {
            _ = try read(fields)
        } throws: { error in
            let problems = (error as? ConfigurationFailure)?.problems ?? []
            return problems.map { "\($0.pointer) \($0.code)" } == [problem]
        }
    }

    @Test(arguments: [
        ("10.1.2.3", NetworkAddress.privateNetwork), ("172.15.0.1", .publicNetwork),
        ("172.31.0.1", .privateNetwork),
        ("192.168.0.1", .privateNetwork), ("169.254.169.254", .privateNetwork),
        ("100.64.0.1", .privateNetwork),
        ("0.0.0.0", .privateNetwork), ("224.0.0.1", .privateNetwork), ("8.8.8.8", .publicNetwork),
        ("256.1.1.1", .invalid), ("01.2.3.4", .invalid), ("1.2.3", .invalid), ("2130706433", .invalid),
        ("0x7f000001", .invalid), ("127.0.0.1.", .invalid), ("localhost", .privateNetwork),
        ("example.com", .name), ("example.com.", .name), ("a..b", .invalid), ("", .invalid),
        ("::1", .privateNetwork), ("::", .privateNetwork), ("::7f00:1", .privateNetwork),
        ("::ffff:8.8.8.8", .publicNetwork), ("0:0:0:0:0:ffff:7f00:1", .privateNetwork),
        ("64:ff9b::a00:1", .privateNetwork), ("fd00::1", .privateNetwork), ("fe80::1", .privateNetwork),
        ("2001:4860:4860::8888", .publicNetwork), ("1::2::3", .invalid), ("1:2:3:4:5:6:7", .invalid),
        ("1:2:3:4:5:6:7:8:9", .invalid), ("1:2:3:4:5:6:7::", .publicNetwork), ("fe80::1%eth0", .invalid),
        ("::+1", .invalid), (":::", .invalid),
    ]) func `hosts belong to a network, or to none`(host: String, network: NetworkAddress) {
        #expect(NetworkAddress(host: host) == network)
    }
}
