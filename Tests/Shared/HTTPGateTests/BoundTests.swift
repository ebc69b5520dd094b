// The bounds of a server under clients that send too much, too slowly, or too often.

import Dispatch
import HTTPGate
import Testing

@Suite struct `Bounds` {
    private static let head = "POST /v1/events HTTP/1.1\r\nHost: h\r\n"
    private static let megabyte = [UInt8](repeating: 0x61, count: 1 << 20)

    private static func chunk(_ bytes: [UInt8]) -> [UInt8] {
        Array((String(bytes.count, radix: 16) + "\r\n").utf8) + bytes + Array("\r\n".utf8)
    }

    @Test func `a body of exactly the bound is taken, with a length and in chunks`() throws {
        let server = try echoServer()
        let client = try RawClient(port: server.port)
        client.send(Self.head + "Content-Length: 1048576\r\n\r\n")
        client.send(Self.megabyte)
        #expect(client.answer()?.body == "POST /v1/events 1048576")
        client.send(Self.head + "Transfer-Encoding: chunked\r\n\r\n")
        client.send(Self.chunk(Self.megabyte))
        client.send("0\r\n\r\n")
        #expect(client.answer()?.body == "POST /v1/events 1048576")
    }

    @Test(arguments: [true, false]) func `a body of 5 MB is answered 413 and closed`(withLength: Bool) throws
    {
        let seen = Collected<HTTPRequest>()
        let server = try echoServer(seen: seen)
        let client = try RawClient(port: server.port)
        client.send(
            Self.head
                + (withLength ? "Content-Length: 5242880\r\n\r\n" : "Transfer-Encoding: chunked\r\n\r\n"))
        for _ in 0..<5 { client.send(withLength ? Self.megabyte : Self.chunk(Self.megabyte)) }
        if !withLength { client.send("0\r\n\r\n") }
        let answer = try #require(client.answer())
        #expect(answer.status == 413)
        #expect(answer.head.contains("Connection: close"))
        #expect(answer.body.contains("\"status\":413"))
        #expect(client.isClosedByServer())
        server.stop()
        #expect(seen.count == 0)
    }

    @Test func `the answer to a declared 5 MB comes before the body`() throws {
        let server = try echoServer()
        let client = try RawClient(port: server.port)
        client.send(Self.head + "Content-Length: 5242880\r\n\r\n")
        #expect(client.answer()?.status == 413)
    }

    @Test func `endless chunks end with the connection`() throws {
        var limits = HTTPLimits()
        limits.discardedBytes = 4 << 20
        let server = try echoServer(limits: limits)
        let client = try RawClient(port: server.port)
        client.send(Self.head + "Transfer-Encoding: chunked\r\n\r\n")
        var sent = 0
        while sent < 64, client.send(Self.chunk(Self.megabyte)) { sent += 1 }
        #expect(sent < 64)
    }

    @Test func `a client that expects to be told to go on is refused instead`() throws {
        let server = try echoServer()
        let large = try RawClient(port: server.port)
        large.send(Self.head + "Content-Length: 5242880\r\nExpect: 100-continue\r\n\r\n")
        #expect(large.answer()?.status == 413)
        #expect(large.isClosedByServer())
        let small = try RawClient(port: server.port)
        small.send(Self.head + "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        #expect(small.answer()?.status == 100)
        small.send("abc")
        #expect(small.answer()?.body == "POST /v1/events 3")
    }

    @Test func `a refusal before the body keeps the connection if the body is small`() throws {
        let seen = Collected<HTTPRequest>()
        let server = try echoServer(seen: seen) { head in
            head.header("X-API-Key") == nil ? HTTPResponse(status: 401) : nil
        }
        let client = try RawClient(port: server.port)
        client.send(Self.head + "Content-Length: 3\r\n\r\nabc")
        #expect(client.answer()?.status == 401)
        client.send(Self.head + "Transfer-Encoding: chunked\r\n\r\n")
        client.send(Self.chunk([1, 2, 3]) + Array("0\r\n\r\n".utf8))
        #expect(client.answer()?.status == 401)
        client.send(Self.head + "x-api-key: k\r\nContent-Length: 3\r\n\r\nabc")
        #expect(client.answer()?.status == 200)
        client.send(Self.head + "Content-Length: 5242880\r\n\r\n")
        #expect(client.answer()?.status == 401)
        #expect(seen.count == 1)
    }

    @Test func `bodies in memory are bounded over all requests`() throws {
        var limits = HTTPLimits()
        limits.bufferedBytes = 1_500_000
        let held = Collected<HTTPResponder>()
        let server = try HTTPServer(port: 0, limits: limits) { _, responder in held.put(responder) }
        let (first, second) = (try RawClient(port: server.port), try RawClient(port: server.port))
        let request = Array((Self.head + "Content-Length: 1048576\r\n\r\n").utf8) + Self.megabyte
        first.send(request)
        let responder = try #require(held.next())
        second.send(request)
        #expect(second.answer()?.status == 503)
        responder.respond(.text("done"))
        #expect(first.answer()?.status == 200)
        second.send(request)
        try #require(held.next()).respond(.text("done"))
        #expect(second.answer()?.status == 200)
    }

    @Test(arguments: [
        "", "GET / HT", "GET / HTTP/1.1\r\nHost: h\r\nX: ", head + "Content-Length: 10\r\n\r\nabc",
    ])
    func `a client that falls silent is closed`(_ start: String) throws {
        var limits = HTTPLimits()
        limits.idleSeconds = 1
        let server = try echoServer(limits: limits)
        let client = try RawClient(port: server.port)
        client.send(start)
        #expect(client.isClosedByServer())
    }

    @Test(arguments: ["GET /", "GET / HTTP/1.1\r\nHost: h\r\nX: ", head + "Content-Length: 1000000\r\n\r\n"])
    func `a client that is never silent and never done is closed`(_ start: String) throws {
        var limits = HTTPLimits()
        limits.requestSeconds = 1
        let server = try echoServer(limits: limits)
        let client = try RawClient(port: server.port)
        client.send(start)
        var trickled = 0
        while trickled < 2_000, !client.somethingComes(withinMilliseconds: 10) {
            client.send("x")
            trickled += 1
        }
        #expect(trickled < 2_000)
        #expect(client.isClosedByServer())
    }

    @Test func `a client that does not take its answer is closed`() throws {
        var limits = HTTPLimits()
        limits.requestSeconds = 1
        limits.connectionsPerAddress = 1
        let body = [UInt8](repeating: 0x61, count: 32 << 20)
        let server = try HTTPServer(port: 0, limits: limits) { request, responder in
            responder.respond(request.path == "/large" ? .json(body) : .text("next"))
        }
        let client = try RawClient(port: server.port, receiveBufferBytes: 4_096)
        client.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(client.somethingComes(withinMilliseconds: RawClient.patienceMilliseconds))
        // The only place is free again once the server has given up on the first client.
        var answered: String?
        for _ in 0..<1_000 where answered == nil {
            let other = try RawClient(port: server.port)
            other.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            answered = other.answer()?.body
            if answered == nil { client.waitForReset(withinMilliseconds: 20) }
        }
        #expect(answered == "next")
    }

    @Test(arguments: [1, 3]) func `one address gets only its share of the connections`(threads: Int) throws {
        var limits = HTTPLimits()
        limits.connectionsPerAddress = 4
        let server = try HTTPServer(port: 0, threads: threads, limits: limits) { _, responder in
            responder.respond(.text("served"))
        }
        let held = try (0..<4).map { _ in try RawClient(port: server.port) }
        for client in held {
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(client.answer()?.status == 200)
        }
        #expect(try RawClient(port: server.port).isClosedByServer())
    }

    /// So many events the library takes from the system at a time; its own threads then sleep on them.
    @Test(arguments: [127, 128, 129]) func `connections that all become ready at once are all served`(_ count: Int)
        throws
    {
        var limits = HTTPLimits()
        limits.idleSeconds = 60
        let (entered, mayLeave) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let server = try HTTPServer(port: 0, threads: 1, limits: limits) { request, responder in
            if request.path == "/held" {
                entered.signal()
                mayLeave.wait()
            }
            responder.respond(.text(request.path))
        }
        func ask(_ client: RawClient, _ path: String) { client.send("GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n") }
        let clients = try (0..<count).map { _ in try RawClient(port: server.port) }
        let first = try RawClient(port: server.port)
        for client in clients {
            ask(client, "/open")
            #expect(client.answer()?.body == "/open")
        }
        ask(first, "/held")
        entered.wait()
        for client in clients { ask(client, "/ready") }
        mayLeave.signal()
        #expect(first.answer()?.body == "/held")
        for client in clients { #expect(client.answer()?.body == "/ready") }
    }
}
