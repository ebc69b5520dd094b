// The client against servers that behave and servers that do not, over real sockets.

import Configuration
import Dispatch
import Foundation
import HTTPGate
import Synchronization
import Testing
import Webhooks

/// Posts and waits for what comes of it.
final class Posting: Sendable {
    private let results = Mutex<[WebhookResult]>([])
    private let done = DispatchSemaphore(value: 0)

    func request(
        _ url: String, endpoint: String = "one", body: String = "{}", timeout: Int = 30_000,
        isWanted: Bool = true
    ) throws -> WebhookRequest {
        WebhookRequest(
            endpoint: endpoint, url: try WebhookURL(url, allowPrivateNetwork: true),
            timeoutMilliseconds: timeout,
            body: Array(body.utf8),
            headers: { [("content-type", "application/json"), ("webhook-id", "a.b")] },
            isWanted: { isWanted },
            completion: { result in
                self.results.withLock { $0.append(result) }
                self.done.signal()
            })
    }

    func wait(for count: Int = 1) -> [WebhookResult] {
        for _ in 0..<count { done.wait() }
        return results.withLock { $0 }
    }
}

@Suite("The webhook client") struct WebhookClientTests {
    private static let fine = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

    private func post(
        to server: RawServer, count: Int = 1, timeout: Int = 30_000, parallel: Bool = false
    ) throws -> [WebhookResult] {
        let client = try WebhookClient()
        defer { client.stop() }
        let posting = Posting()
        var results: [WebhookResult] = []
        for number in 0..<count {
            try client.send([
                posting.request(
                    "http://127.0.0.1:\(server.port)/hook?x=1", body: "\(number)", timeout: timeout)
            ])
            results = posting.wait()
        }
        return results
    }

    @Test func `a post arrives as it was made, and connections are used again`() throws {
        let server = try RawServer { _, _ in .write(Self.fine) }
        defer { server.close() }
        let results = try post(to: server, count: 5)
        #expect(results == Array(repeating: .answered(status: 200, retryAfterSeconds: nil), count: 5))
        #expect(server.connections == 1)
        let first = try #require(server.received.first)
        #expect(first.hasPrefix("POST /hook?x=1 HTTP/1.1\r\nhost: 127.0.0.1:\(server.port)\r\n"))
        #expect(
            first.contains("\r\ncontent-type: application/json\r\n")
                && first.contains("\r\nwebhook-id: a.b\r\n"))
        #expect(first.hasSuffix("\r\ncontent-length: 1\r\n\r\n0"))
    }

    struct Answer: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: String
        let result: WebhookResult
        var isReused = true
    }

    static let answers: [Answer] = [
        Answer(
            testDescription: "chunks and trailers",
            bytes:
                "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "3;x=y\r\nabc\r\n0a\r\n0123456789\r\n0\r\nT: 1\r\n\r\n",
            result: .answered(status: 201, retryAfterSeconds: nil)),
        Answer(
            testDescription: "interim answer first",
            bytes: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            result: .answered(status: 204, retryAfterSeconds: nil)),
        Answer(
            testDescription: "a redirect is an answer, and is not followed",
            bytes:
                "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\n"
                + "Content-Length: 0\r\n\r\n",
            result: .answered(status: 307, retryAfterSeconds: nil)),
        Answer(
            testDescription: "seconds to wait",
            bytes: "HTTP/1.1 429 Slow down\r\nRETRY-AFTER:  120 \r\nContent-Length: 0\r\n\r\n",
            result: .answered(status: 429, retryAfterSeconds: 120)),
        Answer(
            testDescription: "a date to wait for",
            bytes: "HTTP/1.1 503 Busy\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                + "Retry-After: Sun, 06 Nov 1994 08:51:07 GMT\r\nContent-Length: 0\r\n\r\n",
            result: .answered(status: 503, retryAfterSeconds: 90)),
        Answer(
            testDescription: "the server wants to close",
            bytes: "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            result: .answered(status: 200, retryAfterSeconds: nil), isReused: false),
        Answer(
            testDescription: "HTTP/1.0", bytes: "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
            result: .answered(status: 200, retryAfterSeconds: nil), isReused: false),
        Answer(
            testDescription: "a body without end", bytes: "HTTP/1.1 200 OK\r\n\r\nabc",
            result: .answered(status: 200, retryAfterSeconds: nil), isReused: false),
        Answer(
            testDescription: "more than one answer", bytes: fine + fine,
            result: .answered(status: 200, retryAfterSeconds: nil), isReused: false),
        Answer(
            testDescription: "no HTTP", bytes: "SSH-2.0-x\r\n", result: .failed(.malformedAnswer),
            isReused: false),
        Answer(
            testDescription: "two lengths",
            bytes: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 3\r\n\r\n",
            result: .failed(.malformedAnswer), isReused: false),
        Answer(
            testDescription: "no chunk size",
            bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            result: .failed(.malformedAnswer), isReused: false),
    ]

    @Test(arguments: answers) func `an answer is read to its end and no further`(_ answer: Answer) throws {
        let server = try RawServer { _, _ in .write(answer.bytes) }
        defer { server.close() }
        #expect(try post(to: server, count: 2) == [answer.result, answer.result])
        #expect(server.connections == (answer.isReused ? 1 : 2))
    }

    @Test func `a status counts even if the rest of its answer never comes`() throws {
        let server = try RawServer { _, _ in
            .writeAndClose("HTTP/1.1 202 Accepted\r\nContent-Length: 9\r\n\r\nab")
        }
        defer { server.close() }
        #expect(try post(to: server) == [.answered(status: 202, retryAfterSeconds: nil)])
    }

    @Test func `a kept connection that the server closed is replaced, and the post is made again`() throws {
        let server = try RawServer { connection, request in
            connection == 0 && request == 1 ? .close : .write(Self.fine)
        }
        defer { server.close() }
        let fine = WebhookResult.answered(status: 200, retryAfterSeconds: nil)
        #expect(try post(to: server, count: 2) == [fine, fine])
        #expect(server.connections == 2)
    }

    @Test func `a server that closes without an answer is asked once`() throws {
        let server = try RawServer { _, _ in .close }
        defer { server.close() }
        #expect(try post(to: server) == [.failed(.connectionLost)])
        #expect(server.connections == 1)
    }

    @Test func `no answer within the time is a failure`() throws {
        let server = try RawServer { _, _ in .hang }
        defer { server.close() }
        #expect(try post(to: server, timeout: 100) == [.failed(.timeout)])
    }

    @Test func `nobody listens`() throws {
        let server = try RawServer { _, _ in .close }
        server.close()
        let gone = try HTTPServer(port: 0) { _, responder in responder.respond(HTTPResponse(status: 200)) }
        gone.stop()
        let client = try WebhookClient()
        defer { client.stop() }
        let posting = Posting()
        try client.send([posting.request("http://127.0.0.1:\(gone.port)/")])
        #expect(posting.wait() == [.failed(.connectionFailed)])
    }

    @Test func `endpoints that hang hold their own connections and delay no other`() throws {
        let dead = try RawServer { _, _ in .hang }
        defer { dead.close() }
        let alive = try HTTPServer(port: 0) { _, responder in responder.respond(HTTPResponse(status: 200)) }
        defer { alive.stop() }
        var limits = WebhookClientLimits()
        limits.connections = 8
        let client = try WebhookClient(limits: limits)
        defer { client.stop() }
        let (hanging, posting) = (Posting(), Posting())
        for endpoint in ["a", "b", "c"] {
            try client.send(
                (0..<200).map { _ in try hanging.request("http://127.0.0.1:\(dead.port)/", endpoint: endpoint)
                })
        }
        try client.send(
            (0..<500).map { _ in try posting.request("http://127.0.0.1:\(alive.port)/", endpoint: "d") })
        let results = posting.wait(for: 500)
        #expect(results.allSatisfy { $0 == .answered(status: 200, retryAfterSeconds: nil) })
        #expect(dead.connections <= 8 + 4 + 2, "the share of the first, the second and the third")
    }

    @Test func `a request that nobody wants any more is not sent`() throws {
        let server = try RawServer { _, _ in .write(Self.fine) }
        defer { server.close() }
        let client = try WebhookClient()
        defer { client.stop() }
        let posting = Posting()
        let url = "http://127.0.0.1:\(server.port)/"
        try client.send([
            posting.request(url, body: "unwanted", isWanted: false), posting.request(url, body: "wanted"),
        ])
        #expect(posting.wait().count == 1)
        #expect(server.received.count == 1 && server.received[0].hasSuffix("wanted"))
    }

    @Test func `plain HTTP where TLS is due is refused`() throws {
        let requests = Mutex(0)
        let server = try HTTPServer(port: 0) { _, responder in
            requests.withLock { $0 += 1 }
            responder.respond(HTTPResponse(status: 200))
        }
        defer { server.stop() }
        let client = try WebhookClient()
        defer { client.stop() }
        let posting = Posting()
        try client.send([posting.request("https://127.0.0.1:\(server.port)/")])
        #expect(posting.wait() == [.failed(.tls)])
        #expect(requests.withLock { $0 } == 0)
    }
}
