// What clients get wrong, by accident or on purpose, and what they see for it. Every case also proves that
// the handler never saw the request.

import HTTPGate
import Testing

@Suite struct `Bad input` {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// 0: closed without an answer.
        let status: Int
        let sent: String
        /// The library answers lengths it cannot read before anyone else sees them, and 0.9.75 sends that
        /// head twice.
        let byLibrary: Bool

        init(_ what: String, _ status: Int, _ sent: String, byLibrary: Bool = false) {
            (testDescription, self.status, self.sent, self.byLibrary) = (what, status, sent, byLibrary)
        }
    }

    private static let post = "POST /v1/events HTTP/1.1\r\nHost: h\r\n"
    private static let chunked = "Transfer-Encoding: chunked\r\n"

    private static func get(_ target: String, _ fields: String = "Host: h\r\n") -> String {
        "GET \(target) HTTP/1.1\r\n\(fields)\r\n"
    }

    private static func many(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

    static let cases: [Case] = [
        Case("length and chunks", 400, post + chunked + "Content-Length: 3\r\n\r\n0\r\n\r\n"),
        Case("two lengths", 400, post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
        Case("a length twice", 400, post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
        Case("a list of lengths", 400, post + "Content-Length: 3, 3\r\n\r\nabc", byLibrary: true),
        Case("a negative length", 400, post + "Content-Length: -1\r\n\r\n", byLibrary: true),
        Case("a length that is no number", 400, post + "Content-Length: ten\r\n\r\n", byLibrary: true),
        Case(
            "a length beyond 64 bits", 413, post + "Content-Length: 99999999999999999999\r\n\r\n",
            byLibrary: true),
        Case("an unknown coding", 400, post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        Case("a coding with a space behind it", 400, post + "Transfer-Encoding: chunked \r\n\r\n0\r\n\r\n"),
        Case("a coding twice", 400, post + chunked + chunked + "\r\n0\r\n\r\n"),
        Case("a space before the colon", 400, post + "Content-Length : 3\r\n\r\nabc"),
        Case("a control character in a field", 400, post + "X: a\u{1}b\r\n\r\n"),
        Case("no host", 400, get("/", "")),
        Case("two hosts", 400, get("/", "Host: a\r\nHost: b\r\n")),
        Case("a chunk size that is no number", 400, post + chunked + "\r\nxyz\r\n"),
        Case("a field without a colon", 400, post + "nonsense\r\n\r\n"),
        Case("a target with a NUL", 400, get("/a\0b")),
        Case("a target with a space", 400, get("/a b")),
        Case("a target that is no path", 400, get("http://h/a")),
        Case("a target beyond ASCII", 400, get("/\u{e9}")),
        Case("an escape cut short", 400, get("/?a=%2")),
        Case("an escape that is not UTF-8", 400, get("/?a=%ff")),
        Case("too much in the query", 400, get("/?" + many("a=1&", 33))),
        Case("a field of 17 KiB", 431, get("/", "Host: h\r\nX: " + many("x", 17 << 10) + "\r\n")),
        Case("1,000 fields", 431, get("/", "Host: h\r\n" + many("A: b\r\n", 1_000))),
        Case("fields without an end", 431, post + many("A: b\r\n", 20_000)),
        Case("a target of 60 KiB", 414, "GET /" + many("x", 60 << 10)),
        Case("another version", 505, "GET / HTTP/3.0\r\nHost: h\r\n\r\n"),
        Case("not HTTP at all", 0, "hello\r\n\r\n"),
        Case("a TLS greeting", 0, "\u{16}\u{3}\u{1}\u{2}\0\u{1}\n\n"),
    ]

    @Test(arguments: cases) func `is refused and closed`(_ sample: Case) throws {
        let seen = Collected<HTTPRequest>()
        let server = try echoServer(seen: seen)
        let client = try RawClient(port: server.port)
        client.send(sample.sent)
        if sample.status != 0 {
            let answer = try #require(client.answer())
            #expect(answer.status == sample.status)
            #expect(!answer.head.lowercased().contains("server:"))
        }
        #expect(sample.byLibrary ? client.endsBySomeMeans() : client.isClosedByServer())
        server.stop()
        #expect(seen.count == 0)
    }

    @Test func `a body cut short never reaches the handler`() throws {
        let seen = Collected<HTTPRequest>()
        // An end that comes together with the last bytes is seen by the library only when the connection is
        // idle.
        var limits = HTTPLimits()
        limits.idleSeconds = 1
        let server = try echoServer(limits: limits, seen: seen)
        for framing in [
            "Content-Length: 100\r\n\r\nhalf of it", "Transfer-Encoding: chunked\r\n\r\n64\r\nhalf of it",
        ] {
            let client = try RawClient(port: server.port)
            client.send(Self.post + framing)
            client.finishSending()
            #expect(client.isClosedByServer())
        }
        server.stop()
        #expect(seen.count == 0)
    }

    @Test func `bytes beyond the length are not part of the body`() throws {
        let seen = Collected<HTTPRequest>()
        let server = try echoServer(seen: seen)
        let client = try RawClient(port: server.port)
        client.send(Self.post + "Content-Length: 3\r\n\r\nabcdef\r\n\r\n")
        #expect(client.answer()?.body == "POST /v1/events 3")
        #expect(client.isClosedByServer())
        server.stop()
        #expect(seen.count == 1)
    }
}
