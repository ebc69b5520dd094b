import Foundation
import HTTPGate
import Synchronization
import Testing

@Suite struct `Answers that race the handler` {
    private final class Handoff: Sendable {
        let waiting = Mutex<[HTTPResponder]>([])
        let isOver = Atomic<Bool>(false)
    }

    @Test func `an answer given while the handler is returning is sent`() throws {
        let handoff = Handoff()
        let server = try HTTPServer(port: 0) { _, responder in
            handoff.waiting.withLock { $0.append(responder) }
        }
        defer { server.stop() }
        let thread = Thread {
            while !handoff.isOver.load(ordering: .relaxed) {
                let taken = handoff.waiting.withLock { waiting in
                    defer { waiting.removeAll() }
                    return waiting
                }
                for responder in taken { responder.respond(.text("done")) }
            }
        }
        thread.start()
        defer { handoff.isOver.store(true, ordering: .relaxed) }
        for _ in 0..<5_000 {
            let client = try RawClient(port: server.port)
            client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            let answer = try #require(client.answer(), "an answer was lost")
            #expect(answer.status == 200)
        }
    }
}
