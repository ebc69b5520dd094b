// Signatures of notices, and what a receiver accepts: against the published example of Standard Webhooks.

import Configuration
import NotifierDomain
import Primitives
import Testing

@Suite("Signed webhooks") struct SigningTests {
    private static let body = Array("{\"test\": 2432232314}".utf8)
    private static let id = "msg_p5jXN8AQM9LWM0D4loKWxJek"
    private static let seconds: Int64 = 1_614_265_330
    private static let published = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

    private static func key(_ text: String) throws -> [UInt8] { try #require(WebhookSecret(text)).bytes }

    @Test func `a signature is that of the standard's example`() throws {
        let key = try Self.key(World.secret)
        #expect(
            NoticeSigning.signature(id: Self.id, seconds: Self.seconds, body: Self.body, keys: [key])
                == Self.published)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var headers = [
            "webhook-id": SigningTests.id, "webhook-timestamp": "1614265330",
            "webhook-signature": SigningTests.published,
        ]
        var body = SigningTests.body
        var laterSeconds: Int64 = 0
        var refusal: WebhookRefusal?
    }

    static let cases: [Case] = [
        Case(testDescription: "good"),
        Case(testDescription: "good at the end of the tolerance", laterSeconds: 300),
        Case(testDescription: "good from a clock that is ahead", laterSeconds: -300),
        Case(testDescription: "stale", laterSeconds: 301, refusal: .stale),
        Case(testDescription: "from the future", laterSeconds: -301, refusal: .stale),
        Case(testDescription: "other body", body: SigningTests.body + [0x20], refusal: .wrongSignature),
        changing("unsigned", "webhook-signature", nil, .unsigned),
        changing("without id", "webhook-id", nil, .unsigned),
        changing("other id", "webhook-id", "msg_2", .wrongSignature),
        changing("other time within the tolerance", "webhook-timestamp", "1614265331", .wrongSignature),
        changing("no number as time", "webhook-timestamp", "+1614265330", .malformedTimestamp),
        changing("huge time", "webhook-timestamp", "-9223372036854775808", .stale),
        changing("unknown version", "webhook-signature", "v2" + published.dropFirst(2), .wrongSignature),
        changing("no base64", "webhook-signature", "v1,*", .wrongSignature),
        changing("empty signature", "webhook-signature", "v1,", .wrongSignature),
        changing("second of two signatures", "webhook-signature", "v1,AAAA " + published, nil),
    ]

    private static func changing(
        _ name: String, _ header: String, _ value: String?, _ refusal: WebhookRefusal?
    ) -> Case {
        var one = Case(testDescription: name, refusal: refusal)
        one.headers[header] = value
        return one
    }

    @Test(arguments: cases)
    func `B14 an unsigned, wrongly signed or stale webhook is refused and a good one passes`(_ one: Case)
        throws
    {
        let now = Timestamp(milliseconds: (Self.seconds + one.laterSeconds) * 1_000)
        let keys = [try Self.key(World.secret)]
        do throws(WebhookRefusal) {
            let id = try verifyWebhook(header: { one.headers[$0] }, body: one.body, keys: keys, now: now)
            #expect(id == Self.id && one.refusal == nil)
        } catch {
            #expect(error == one.refusal)
        }
    }

    @Test func `while a secret is replaced a receiver with either secret is satisfied`() throws {
        let keys = try [World.secret, World.formerSecret].map { try Self.key($0) }
        let signature = NoticeSigning.signature(
            id: Self.id, seconds: Self.seconds, body: Self.body, keys: keys)
        #expect(signature.split(separator: " ").count == 2)
        let headers = [
            "webhook-id": Self.id, "webhook-timestamp": String(Self.seconds), "webhook-signature": signature,
        ]
        for key in keys {
            let now = Timestamp(milliseconds: Self.seconds * 1_000)
            let id = try verifyWebhook(header: { headers[$0] }, body: Self.body, keys: [key], now: now)
            #expect(id == Self.id)
        }
    }
}
