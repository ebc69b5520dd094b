// Answers: at once, later, from other threads, never, after the client has gone, and while the server stops.

import Dispatch
import HTTPGate
import Synchronization
import Testing

@Suite struct `Answers` {
    private static func get(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n" }

    @Test func `a request arrives as it was sent`() throws {
        let seen = Collected<HTTPRequest>()
        let server = try echoServer(seen: seen)
        let client = try RawClient(port: server.port)
        client.send(
            "PUT /v1/a%2Fb%20c?wait=5&name=caf%C3%A9+au+lait&flag HTTP/1.1\r\nHost: h\r\n"
                + "X-Key:  one \r\nx-key: two\r\n"
        )
        client.send("Content-Length: 4\r\n\r\n\0\u{1}\r\n")
        #expect(client.answer()?.status == 200)
        let request = try #require(seen.next())
        #expect(request.method == "PUT")
        #expect(request.path == "/v1/a%2Fb%20c")
        #expect(request.query.map(\.name) == ["wait", "name", "flag"])
        #expect(request.query.map(\.value) == ["5", "café au lait", ""])
        #expect(request.header("X-KEY") == "one")
        #expect(request.head.fields.all("x-key") == ["one", "two"])
        #expect(request.header("absent") == nil)
        #expect(request.body == [0, 1, 13, 10])
        #expect(request.remoteAddress == "127.0.0.1")
    }

    @Test func `pipelined requests are answered in order on one connection`() throws {
        let server = try HTTPServer(port: 0) { request, responder in
            // Every other answer comes from another thread: order must hold across both kinds.
            guard request.path.hasSuffix("1") else {
                responder.respond(.text(request.path))
                return
            }
            DispatchQueue.global().async { responder.respond(.text(request.path)) }
        }
        let client = try RawClient(port: server.port)
        let paths = (0..<60).map { "/\($0 % 2)-\($0)-\($0 % 2)" }
        client.send(paths.map(Self.get).joined())
        for path in paths { #expect(client.answer()?.body == path) }
    }

    @Test func `the head of an answer tells its length and not the server's name`() throws {
        let server = try echoServer()
        let client = try RawClient(port: server.port)
        client.send("HEAD /v1 HTTP/1.1\r\nHost: h\r\n\r\n")
        let head = try #require(client.answer(bodyless: true)).head
        #expect(head.contains("Content-Length: 10"))
        #expect(head.contains("Date: "))
        #expect(!head.lowercased().contains("server"))
        #expect(!head.lowercased().contains("microhttpd"))
        client.send(Self.get("/v1"))
        #expect(client.answer()?.body == "GET /v1 0")
    }

    @Test func `many threads answer many connections, each its own`() throws {
        let server = try HTTPServer(port: 0, threads: 2) { request, responder in
            DispatchQueue.global().async { responder.respond(.text(request.path)) }
        }
        let port = server.port
        let wrong = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: 16) { lane in
            guard let client = try? RawClient(port: port) else {
                wrong.add(1, ordering: .relaxed)
                return
            }
            for turn in 0..<200 {
                client.send(Self.get("/\(lane)/\(turn)"))
                if client.answer()?.body != "/\(lane)/\(turn)" { wrong.add(1, ordering: .relaxed) }
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
    }

    @Test func `only the first answer counts`() throws {
        let held = Collected<HTTPResponder>()
        let server = try HTTPServer(port: 0) { _, responder in held.put(responder) }
        let client = try RawClient(port: server.port)
        client.send(Self.get("/"))
        let responder = try #require(held.next())
        let accepted = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            if responder.respond(.text("once")) { accepted.add(1, ordering: .relaxed) }
        }
        #expect(accepted.load(ordering: .relaxed) == 1)
        #expect(client.answer()?.body == "once")
        #expect(!responder.respond(.text("twice")))
    }

    @Test func `a responder that is let go of answers 500`() throws {
        let held = Collected<HTTPResponder>()
        let server = try HTTPServer(port: 0) { request, responder in
            if request.path == "/later" { held.put(responder) }
        }
        let client = try RawClient(port: server.port)
        client.send(Self.get("/now"))
        #expect(client.answer()?.status == 500)
        client.send(Self.get("/later"))
        #expect(held.next() != nil)
        #expect(client.answer()?.status == 500)
    }

    @Test func `a responder that is kept too long is answered for`() throws {
        var limits = HTTPLimits()
        limits.answerSeconds = 1
        let held = Collected<HTTPResponder>()
        let server = try HTTPServer(port: 0, limits: limits) { _, responder in held.put(responder) }
        let client = try RawClient(port: server.port)
        client.send(Self.get("/"))
        let responder = try #require(held.next())
        #expect(client.answer()?.status == 504)
        #expect(!responder.respond(.text("late")))
    }

    @Test(arguments: [
        HTTPResponse(status: 200, headers: [("X", "a\r\nSet-Cookie: b")]),
        HTTPResponse(status: 200, headers: [("X Y", "a")]),
        HTTPResponse(status: 200, headers: [("Content-Length", "7")]),
        HTTPResponse(status: 99), HTTPResponse(status: 100), HTTPResponse(status: 1_000),
    ])
    func `an answer that cannot be sent becomes 500`(_ response: HTTPResponse) throws {
        let server = try HTTPServer(port: 0) { _, responder in responder.respond(response) }
        let client = try RawClient(port: server.port)
        client.send(Self.get("/"))
        let answer = try #require(client.answer())
        #expect(answer.status == 500)
        #expect(!answer.head.contains("Set-Cookie"))
    }

    @Test func `a client that hangs up while its request waits harms nobody`() throws {
        let held = Collected<HTTPResponder>()
        let server = try HTTPServer(port: 0) { request, responder in
            if request.path == "/gone" { held.put(responder) } else { responder.respond(.text("alive")) }
        }
        var responders: [HTTPResponder] = []
        for turn in 0..<50 {
            let client = try RawClient(port: server.port)
            client.send(Self.get("/gone"))
            responders.append(try #require(held.next()))
            if turn % 2 == 0 { client.hangUp() }
        }
        let answering = responders
        let large = HTTPResponse.json([UInt8](repeating: 0x61, count: 1 << 20))
        DispatchQueue.concurrentPerform(iterations: answering.count) { answering[$0].respond(large) }
        let client = try RawClient(port: server.port)
        client.send(Self.get("/"))
        #expect(client.answer()?.body == "alive")
    }
}

@Suite struct `Stopping` {
    private static let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

    @Test func `a stop waits for answers that are due`() throws {
        let held = Collected<HTTPResponder>()
        let server = try HTTPServer(port: 0) { request, responder in
            if request.path == "/held" { held.put(responder) } else { responder.respond(.text("at once")) }
        }
        let client = try RawClient(port: server.port)
        client.send("GET /held HTTP/1.1\r\nHost: h\r\n\r\n")
        let responder = try #require(held.next())
        let stopped = DispatchSemaphore(value: 0)
        DispatchQueue.global().async {
            server.stop()
            stopped.signal()
        }
        // Once newcomers are turned away the stop has begun.
        var status: Int? = 200
        while status == 200 {
            let newcomer = try RawClient(port: server.port)
            newcomer.send(Self.get)
            status = newcomer.answer()?.status
        }
        responder.respond(.text("in time"))
        let answer = try #require(client.answer())
        #expect(answer.body == "in time")
        #expect(answer.head.contains("Connection: close"))
        #expect(stopped.wait(timeout: .now() + .seconds(20)) == .success)
        #expect(throws: RawClient.NoConnection.self) { try RawClient(port: server.port) }
    }

    @Test func `a stop answers for those who do not`() throws {
        var limits = HTTPLimits()
        limits.stopSeconds = 0
        let held = Collected<HTTPResponder>()
        let server = try HTTPServer(port: 0, threads: 2, limits: limits) { _, responder in held.put(responder)
        }
        let clients = try (0..<20).map { _ in try RawClient(port: server.port) }
        for client in clients { client.send(Self.get) }
        let responders = clients.map { _ in held.next() }
        server.stop()
        server.stop()
        for client in clients { #expect(client.answer()?.status == 503) }
        for responder in responders { #expect(responder?.respond(.text("too late")) == false) }
    }

    @Test func `answers and a stop at the same moment do not collide`() throws {
        for _ in 0..<20 {
            var limits = HTTPLimits()
            limits.stopSeconds = 0
            let held = Collected<HTTPResponder>()
            let server = try HTTPServer(port: 0, threads: 2, limits: limits) { _, responder in
                held.put(responder)
            }
            let clients = try (0..<8).map { _ in try RawClient(port: server.port) }
            for client in clients { client.send(Self.get) }
            let responders = clients.compactMap { _ in held.next() }
            try #require(responders.count == clients.count)
            DispatchQueue.concurrentPerform(iterations: 9) { index in
                if index == 4 { server.stop() } else { responders[min(index, 7)].respond(.text("now")) }
            }
            for client in clients { #expect([200, 503].contains(client.answer()?.status)) }
        }
    }

    @Test func `a port that is taken and an address that is none are failures`() throws {
        let server = try echoServer()
        #expect(throws: HTTPGateFailure.self) { try HTTPServer(port: server.port) { _, _ in } }
        #expect(throws: HTTPGateFailure.self) { try HTTPServer(address: "localhost", port: 0) { _, _ in } }
    }
}
