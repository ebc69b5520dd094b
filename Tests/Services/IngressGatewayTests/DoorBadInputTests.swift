// What a till, a bug or an attacker may send to the API, and what they are told: the rows of RELIABILITY 4.7 that apply to what
// exists here, through real HTTP. Whatever is refused reaches no topic.

import IngressGatewayService
import Messages
import Primitives
import Testing

@Suite struct `Bad input at the door` {
    struct Row: CustomTestStringConvertible, Sendable {
        let name: String
        let body: [UInt8]
        let status: Int
        let code: String
        /// A pointer that has to be among the errors.
        let pointer: String?

        init(_ name: String, _ body: String, _ status: Int, _ code: String, at pointer: String? = nil) {
            self.init(name, bytes: Array(body.utf8), status, code, at: pointer)
        }

        init(_ name: String, bytes: [UInt8], _ status: Int, _ code: String, at pointer: String? = nil) {
            (self.name, body, self.status, self.code, self.pointer) = (name, bytes, status, code, pointer)
        }

        var testDescription: String { name }
    }

    private static func purchase(
        id: String = "\"card-1\"", total: String = "11.77", currency: String = "\"USD\"",
        at: String = "\"2026-11-02T08:59:00Z\"", more: String = ""
    ) -> String {
        "{\"externalId\":\(id),\"occurredAt\":\(at),\"unit\":\"till-7\",\"currency\":\(currency),\"total\":\(total)\(more)}"
    }

    private static func lines(_ line: String, total: String = "1") -> String {
        purchase(total: total, more: ",\"lines\":[\(line)]")
    }

    static let events: [Row] = [
        Row("1 empty body", "", 400, "empty-body"),
        Row("2 not JSON", "total=11.77", 400, "invalid-json"),
        Row("3 truncated", #"{"externalId":"card"#, 400, "invalid-json"),
        Row("4 text behind the document", purchase() + " x", 400, "invalid-json"),
        Row("5 two documents", purchase() + purchase(), 400, "invalid-json"),
        Row("6 trailing comma", #"{"externalId":"a",}"#, 400, "invalid-json"),
        Row("6 comment", "/* */ {}", 400, "invalid-json"),
        Row("6 single quotes", "{'externalId':'a'}", 400, "invalid-json"),
        Row("7 duplicate keys", #"{"externalId":"a","externalId":"b"}"#, 400, "duplicate-key", at: "/externalId"),
        Row("8 too deep", String(repeating: "[", count: 33) + String(repeating: "]", count: 33), 400, "too-deep"),
        Row("9 a million brackets", String(repeating: "[", count: 1_000_000), 400, "too-deep"),
        Row("10 NaN", purchase(total: "NaN"), 400, "invalid-json"),
        Row("10 Infinity", purchase(total: "Infinity"), 400, "invalid-json"),
        Row("11 1e400", purchase(total: "1e400"), 400, "number-out-of-range"),
        Row("12 beyond 2^63", purchase(total: "9223372036854775808"), 400, "number-out-of-range"),
        Row("13 beyond what an amount may be", purchase(total: "9007199254740993"), 422, "range", at: "/total"),
        Row("14 more decimals than the currency", purchase(total: "1.001"), 422, "scale", at: "/total"),
        Row("15 1.0 as a quantity", lines(#"{"sku":"a","quantity":1.0,"total":1}"#), 422, "type", at: "/lines/0/quantity"),
        Row("15 1e0 as a quantity", lines(#"{"sku":"a","quantity":1e0,"total":1}"#), 422, "type", at: "/lines/0/quantity"),
        Row("16 O40 negative quantity", lines(#"{"sku":"a","quantity":-1,"total":1}"#), 422, "range", at: "/lines/0/quantity"),
        Row("17 O40 zero quantity", lines(#"{"sku":"a","quantity":0,"total":1}"#), 422, "range", at: "/lines/0/quantity"),
        Row("19 total is not the sum", lines(#"{"sku":"a","total":2}"#), 422, "inconsistent-total", at: "/total"),
        Row("20 unknown currency", purchase(currency: "\"XXQ\""), 422, "unknown-currency", at: "/currency"),
        Row("21 lower-case currency", purchase(currency: "\"usd\""), 422, "unknown-currency", at: "/currency"),
        Row("22 unknown event type", purchase(more: ",\"type\":\"refund\""), 422, "unknown-type", at: "/type"),
        Row("24 nothing but a total", #"{"total":1}"#, 422, "missing", at: "/unit"),
        Row("24 every missing field", "{}", 422, "missing", at: "/total"),
        Row("25 number for a string", purchase(id: "4711"), 422, "type", at: "/externalId"),
        Row("25 bool for a number", purchase(total: "true"), 422, "type", at: "/total"),
        Row("25 an array", "[]", 422, "type"),
        Row("26 null", purchase(id: "null"), 422, "missing", at: "/externalId"),
        Row("27 empty id", purchase(id: "\"\""), 422, "empty", at: "/externalId"),
        Row("27 blank id", purchase(id: "\"  \""), 422, "empty", at: "/externalId"),
        Row("28 id of 10 kB", purchase(id: "\"\(String(repeating: "a", count: 10_000))\""), 422, "too-long", at: "/externalId"),
        Row("29 slash in the id", purchase(id: "\"a/b\""), 422, "charset", at: "/externalId"),
        Row("29 newline in the id", purchase(id: #""a\nb""#), 422, "charset", at: "/externalId"),
        Row("29 direction override in the id", purchase(id: "\"a\u{202e}b\""), 422, "charset", at: "/externalId"),
        Row("30 escaped NUL", purchase(id: #""a\u0000b""#), 422, "charset"),
        Row("31 invalid UTF-8", bytes: Array("{\"externalId\":\"".utf8) + [0xc3, 0x28] + Array("\"}".utf8), 400, "invalid-encoding"),
        Row("31 lone surrogate", purchase(id: #""\ud800""#), 400, "invalid-encoding"),
        Row("46 100,000 lines", lines(Array(repeating: "{}", count: 100_000).joined(separator: ",")), 422, "too-many-items"),
        Row("47 5,000 fields", "{" + (0..<5_000).map { "\"f\($0)\":1" }.joined(separator: ",") + "}", 422, "too-many-fields"),
        Row("58 older than the window", purchase(at: "\"2026-10-26T08:59:00Z\""), 422, "too-old", at: "/occurredAt"),
        Row("65 a year ahead", purchase(at: "\"2027-11-02T08:59:00Z\""), 422, "future-event", at: "/occurredAt"),
        Row("66 1970", purchase(at: "\"1970-01-01T00:00:00Z\""), 422, "too-old", at: "/occurredAt"),
        Row("66 year 10000", purchase(at: "\"10000-01-01T00:00:00Z\""), 422, "date", at: "/occurredAt"),
        Row("67 no zone", purchase(at: "\"2026-11-02T08:59:00\""), 422, "date", at: "/occurredAt"),
        Row("67 24:00", purchase(at: "\"2026-11-01T24:00:00Z\""), 422, "date", at: "/occurredAt"),
        Row("67 31 February", purchase(at: "\"2026-02-31T00:00:00Z\""), 422, "date", at: "/occurredAt"),
        Row("O32 created in another state", purchase(more: ",\"state\":\"cancelled\""), 422, "unknown-value", at: "/state"),
    ]

    @Test(arguments: events)
    func `an event that cannot be accepted is refused by name`(_ row: Row) throws {
        let fixture = try DoorFixture()
        let answer = try send(
            DoorFixture.request("POST", "/v1/events", idempotencyKey: "k", body: row.body), to: fixture.server.port)
        #expect(answer.status == row.status)
        #expect(answer.code == row.code)
        #expect(answer.header("Content-Type") == "application/problem+json")
        let json = try #require(answer.json)
        #expect(json["type"]?.string() == "/problems/\(row.code)")
        #expect(json["status"]?.int64 == Int64(row.status))
        #expect(json["title"]?.string()?.isEmpty == false)
        #expect(json["detail"]?.string()?.isEmpty == false)
        #expect(json["traceId"]?.string()?.utf8.count == 32)
        if let pointer = row.pointer {
            let errors = json["errors"].map { Array($0.items) } ?? []
            #expect(errors.contains { $0["pointer"]?.string() == pointer }, "\(answer.text)")
        }
        #expect(fixture.publisher.records.isEmpty)
    }

    static let accepted: [(name: String, body: String, canonical: String)] = [
        ("17 zero total", purchase(total: "0"), "\"total\":0.00"),
        ("18 minus zero", purchase(total: "-0"), "\"total\":0.00"),
        ("23 unknown field", purchase(more: ",\"weather\":{\"sun\":[1]}"), "\"total\":11.77"),
        ("32 byte order mark", "\u{feff}" + purchase(), "\"total\":11.77"),
        ("34 emoji", purchase(more: ",\"classification\":\"🛒 Größe\""), "🛒 Größe"),
        ("35 template text", purchase(more: ",\"classification\":\"<b>${x}'; --\""), "<b>${x}'; --"),
        ("64 five minutes ahead", purchase(at: "\"2026-11-02T09:05:00Z\""), "2026-11-02T09:05:00.000Z"),
        ("67 leap second", purchase(at: "\"2026-10-31T23:59:60Z\""), "2026-10-31T23:59:59.000Z"),
        ("O32 posted", purchase(more: ",\"state\":\"posted\""), "\"total\":11.77"),
        ("O40 no quantity", lines(#"{"sku":"a","total":1}"#), "\"quantity\":1,"),
    ]

    @Test(arguments: accepted.indices)
    func `what looks odd and is right is accepted`(_ index: Int) throws {
        let row = Self.accepted[index]
        let fixture = try DoorFixture()
        #expect(try fixture.post("/v1/events", row.body).status == 202, "\(row.name)")
        #expect(try #require(fixture.publisher.records.first).text.contains(row.canonical), "\(row.name)")
    }

    static let heads: [(name: String, request: [UInt8], status: Int, code: String)] = {
        let body = Array(purchase().utf8)
        func post(
            _ path: String = "/v1/events", fields: [String] = [], key: String? = "k",
            type: String? = "application/json", body: [UInt8] = body
        ) -> [UInt8] {
            DoorFixture.request("POST", path, fields: fields, idempotencyKey: key, contentType: type, body: body)
        }
        let chunked = Array(
            "POST /v1/events HTTP/1.1\r\nHost: h\r\nx-api-key: till-key\r\nx-api-secret: \(DoorFixture.secret)\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                .utf8)
        return [
            ("32 UTF-16", post(type: "application/json; charset=utf-16"), 415, "unsupported-media-type"),
            ("36 above 1 MiB", post(body: [UInt8](repeating: 0x20, count: 5_000_000)), 413, "body-too-large"),
            ("38 two lengths", chunked, 400, "malformed-request"),
            ("39 wrong type", post(type: "text/plain"), 415, "unsupported-media-type"),
            ("39 no type", post(type: nil), 415, "unsupported-media-type"),
            ("39 two types", post(fields: ["Content-Type: text/plain"]), 415, "unsupported-media-type"),
            ("40 gzip", post(fields: ["Content-Encoding: gzip"]), 415, "unsupported-media-type"),
            ("41 long header", post(fields: ["X: " + String(repeating: "x", count: 20_000)]), 431, "headers-too-large"),
            ("50 no key", post(key: nil), 400, "key-required"),
            ("51 empty key", post(key: ""), 400, "key-invalid"),
            ("51 empty quotes", post(key: "\"\""), 400, "key-invalid"),
            ("51 key of 300", post(key: String(repeating: "k", count: 300)), 400, "key-invalid"),
            ("51 key beyond ASCII", post(key: "schlüssel"), 400, "key-invalid"),
            ("51 two keys", post(fields: ["Idempotency-Key: other"]), 400, "key-invalid"),
            ("51 open quote", post(key: "\"k"), 400, "key-invalid"),
            ("50 reward without a key", post("/v1/reward-issues", key: nil), 400, "key-required"),
            ("51 wallet with a wrong key", post("/v1/wallets", key: "a b"), 400, "key-invalid"),
        ]
    }()

    @Test(arguments: heads.indices)
    func `what is wrong with the head is said before the body counts`(_ index: Int) throws {
        let row = Self.heads[index]
        let fixture = try DoorFixture()
        let answer = try send(row.request, to: fixture.server.port)
        #expect(answer.status == row.status, "\(row.name)")
        #expect(answer.code == row.code, "\(row.name)")
        #expect(fixture.publisher.records.isEmpty)
    }

    static let paths: [(method: String, path: String, status: Int, allow: String?)] = [
        ("GET", "/", 404, nil), ("GET", "/v1", 404, nil), ("GET", "/v2/wallets/a", 404, nil),
        ("GET", "/v1/wallets/a/", 404, nil), ("GET", "/v1/wallets//balance", 404, nil),
        ("GET", "/v1/wallets/..", 404, nil), ("GET", "/v1/wallets/%2e%2e", 404, nil),
        ("GET", "/v1/wallets/a%2fb", 404, nil), ("GET", "/v1/wallets/a%5Cb", 404, nil),
        ("GET", "/v1/wallets/a%00b", 404, nil), ("GET", "/v1/wallets/%ff", 404, nil),
        ("GET", "/v1/wallets/%2", 404, nil), ("GET", "/v1/wallets/a%20b", 404, nil),
        ("GET", "/v1/wallets/\(String(repeating: "a", count: 129))", 404, nil),
        ("GET", "/v1/wallets/a/secrets", 404, nil), ("GET", "/V1/wallets/a", 404, nil),
        ("GET", "/v1/events/4711", 404, nil), ("GET", "/v1/events/\(String(repeating: "A", count: 32))", 404, nil),
        ("GET", "/v1/events/\(String(repeating: "1", count: 32))", 404, nil),
        ("DELETE", "/v1/wallets", 405, "POST"), ("GET", "/v1/events", 405, "POST"),
        ("POST", "/v1/wallets/a", 405, "GET"), ("POST", "/v1/wallets/a/balance", 405, "GET"),
        ("GET", "/v1/reward-issues", 405, "POST"),
    ]

    @Test(arguments: paths.indices)
    func `an unknown path is 404 and a wrong method 405 with what is allowed`(_ index: Int) throws {
        let row = Self.paths[index]
        let fixture = try DoorFixture()
        let answer = try send(DoorFixture.request(row.method, row.path, idempotencyKey: "k"), to: fixture.server.port)
        #expect(answer.status == row.status, "\(row.method) \(row.path)")
        #expect(answer.code == (row.status == 404 ? "not-found" : "method-not-allowed"))
        #expect(answer.header("Allow") == row.allow)
        #expect(fixture.publisher.records.isEmpty)
    }

    @Test func `45 a path is decoded once, not twice`() throws {
        let fixture = try DoorFixture()
        fixture.answer(.notFound, "{}")
        let answer = try fixture.get("/v1/wallets/a%252fb")
        #expect(answer.status == 404)
        #expect(answer.code == "unknown-wallet")
        #expect(fixture.publisher.records.first?.header("external-id") == "a%2fb")
    }

    @Test(arguments: ["limit=0", "limit=101", "limit=x", "limit=-1", "limit=", "limit=1&limit=2", "before=0", "before=1.5"])
    func `a page that does not exist is refused by the parameter's name`(_ query: String) throws {
        let fixture = try DoorFixture()
        let answer = try fixture.get("/v1/wallets/a/transactions?\(query)")
        #expect(answer.status == 400)
        #expect(answer.code == "parameter-invalid")
        #expect(answer.text.contains("?\(query.prefix { $0 != "=" })"))
        #expect(fixture.publisher.records.isEmpty)
    }

    @Test(arguments: [
        (#"{"name":"Ada"}"#, "missing", "/externalId"), (#"{"externalId":"a"}"#, "missing", "/name"),
        (#"{"externalId":1,"name":"Ada"}"#, "type", "/externalId"), (#"{"externalId":"a","name":[]}"#, "type", "/name"),
        (#"{"externalId":"a/b","name":"Ada"}"#, "charset", "/externalId"),
    ])
    func `K4 a missing or wrong field of a wallet is refused by its name`(_ body: String, _ code: String, _ pointer: String) throws {
        let fixture = try DoorFixture()
        let answer = try fixture.post("/v1/wallets", body)
        #expect(answer.status == 422)
        #expect(answer.code == code)
        #expect(answer.json?["errors"]?.items.first { _ in true }?["pointer"]?.string() == pointer)
        #expect(fixture.publisher.records.isEmpty)
    }
}
