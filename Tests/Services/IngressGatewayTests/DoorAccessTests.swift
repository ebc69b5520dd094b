// Who is let in and what each role may do.

@_spi(Simulation) import HTTPGate
import IngressGatewayService
import JSONText
import Messages
import Primitives
import Synchronization
import Testing

/// Keeps the answer to a request that came over no connection.
private final class Caller: HTTPCaller {
    private let first = Mutex<HTTPResponse?>(nil)

    func answer(_ response: HTTPResponse) -> Bool {
        first.withLock { first in
            defer { first = first ?? response }
            return first == nil
        }
    }
    func letGo() {}
    var status: Int? { first.withLock { $0?.status } }
}

@Suite struct `Access to the API` {
    private static let body = Array(GatewayFixture.purchase().utf8)

    static let strangers: [(name: String, key: String?, secret: String?, fields: [String])] = [
        ("neither header", nil, nil, []),
        ("no secret", "till-key", nil, []),
        ("no key", nil, DoorFixture.secret, []),
        ("empty key and secret", "", "", []),
        ("unknown key", "other-key", DoorFixture.secret, []),
        ("unknown key, no secret", "other-key", "", []),
        ("wrong secret", "till-key", "a secret of sixteen bytez", []),
        ("a longer secret", "till-key", DoorFixture.secret + "s", []),
        ("switched off", "former-key", DoorFixture.secret, []),
        ("two keys", "till-key", DoorFixture.secret, ["x-api-key: till-key"]),
        ("two secrets", "till-key", DoorFixture.secret, ["X-API-Secret: \(DoorFixture.secret)"]),
    ]

    @Test(arguments: strangers.indices)
    func `K7 without its key and secret a request is 401 on every path, and reaches no topic`(_ index: Int)
        throws
    {
        let row = Self.strangers[index]
        let fixture = try DoorFixture()
        var said: Set<String> = []
        for (method, path) in [
            ("POST", "/v1/events"), ("POST", "/v1/wallets"), ("GET", "/v1/wallets/a"), ("GET", "/nowhere"),
        ] {
            let request = DoorFixture.request(
                method, path, key: row.key, secret: row.secret, fields: row.fields, idempotencyKey: "k",
                body: method == "POST" ? Self.body : nil)
            let answer = try send(request, to: fixture.server.port)
            #expect(answer.status == 401, "\(row.name)")
            #expect(answer.header("WWW-Authenticate") != nil)
            said.insert((answer.json?["detail"]?.string() ?? "") + (answer.code ?? ""))
        }
        #expect(said.count == 1, "nothing tells a wrong key from a wrong secret")
        #expect(fixture.publisher.records.isEmpty)
    }

    static let rights: [(key: String, method: String, path: String, status: Int)] = [
        ("till-key", "POST", "/v1/events", 202), ("till-key", "POST", "/v1/wallets", 201),
        ("till-key", "POST", "/v1/reward-issues", 202), ("till-key", "GET", "/v1/wallets/a/balance", 200),
        ("self-key", "POST", "/v1/events", 403), ("self-key", "POST", "/v1/wallets", 403),
        ("self-key", "POST", "/v1/reward-issues", 202), ("self-key", "GET", "/v1/wallets/a", 200),
        ("operator-key", "POST", "/v1/wallets", 201),
        ("operator-key", "GET", "/v1/wallets/a/transactions", 200),
        ("operator-key", "POST", "/v1/events", 403), ("closed-key", "POST", "/v1/events", 403),
        ("orphan-key", "POST", "/v1/events", 403), ("closed-key", "GET", "/v1/wallets/a", 200),
    ]

    @Test(arguments: rights.indices)
    func `a role may do what is its own and no more`(_ index: Int) throws {
        let row = Self.rights[index]
        let fixture = try DoorFixture()
        fixture.answer(row.path == "/v1/wallets" ? .created : .done, "{}")
        let bodies = [
            "/v1/events": GatewayFixture.purchase(), "/v1/wallets": #"{"externalId":"a","name":"Ada"}"#,
            "/v1/reward-issues": #"{"externalId":"a","reward":"cd"}"#,
        ]
        let answer =
            row.method == "GET"
            ? try fixture.get(row.path, key: row.key)
            : try fixture.post(row.path, bodies[row.path] ?? "", key: row.key)
        #expect(answer.status == row.status, "\(row.key) \(row.method) \(row.path): \(answer.text)")
        #expect(fixture.publisher.records.count == (row.status == 403 ? 0 : 1))
    }

    @Test func `a door without its configuration answers 503 to everybody`() throws {
        let fixture = try DoorFixture(isReady: false)
        let answer = try fixture.get("/v1/wallets/a")
        #expect(answer.status == 503)
        #expect(answer.code == "not-ready")
        #expect(answer.header("Retry-After") != nil)
        fixture.door.use(try DoorFixture.configuration())
        fixture.answer(.done, "{}")
        #expect(try fixture.get("/v1/wallets/a").status == 200)
    }

    /// A head is admitted before its body is read, and a body may take seconds.
    @Test(arguments: [nil, "till-key", "self-key"])
    func `a key that is revoked while a body is under way opens nothing any more`(revoked: String?) throws {
        let fixture = try DoorFixture()
        let head = try #require(
            HTTPHead(
                method: "POST", target: "/v1/events",
                fields: [
                    ("Host", "h"), ("x-api-key", "till-key"), ("x-api-secret", DoorFixture.secret),
                    ("Content-Type", "application/json"), ("Idempotency-Key", "k"),
                ], contentLength: Self.body.count))
        guard case .take(let taker) = fixture.door.admit(head) else {
            Issue.record("a right key is admitted")
            return
        }
        fixture.door.use(try DoorFixture.configuration(without: revoked))
        let caller = Caller()
        taker(HTTPRequest(head, body: Self.body), HTTPResponder(caller))
        #expect(caller.status == (revoked == "till-key" ? 401 : 202))
        #expect(fixture.publisher.records.count == (revoked == "till-key" ? 0 : 1))
    }
}
