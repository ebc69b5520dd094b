// Webhooks over real HTTP: processor, store, sender and client against a server that keeps what it received.
// The signature is checked with the toolkit's own HMAC, written out from the standard's text and not with the
// notifier's code.

import Configuration
import Digests
import Foundation
import HTTPGate
import Messages
import NotifierDomain
import NotifierService
import Primitives
import ServiceRig
import Synchronization
import Testing

@Suite("A real receiver") struct RealReceiverTests {
    private struct Received: Sendable {
        let headers: [String: String]
        let body: [UInt8]
        let isPost: Bool
    }

    /// Steps the worker while the client's thread works, until so many receipts are out; a bound instead of a
    /// clock.
    private func run(_ world: World, untilReceipts count: Int) throws {
        for _ in 0..<200_000 {
            world.rig.stepAll()
            world.rig.cluster.advance(milliseconds: 1)
            if try world.receipts().count >= count { return }
            sched_yield()
        }
    }

    @Test func `B14 what arrives is signed with both secrets over id, time and the raw body`() throws {
        let received = Mutex<[Received]>([])
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature", "content-type"]
        let server = try HTTPServer(port: 0) { request, responder in
            let headers = Dictionary(uniqueKeysWithValues: names.map { ($0, request.header($0) ?? "") })
            let isFirst = received.withLock { list in
                list.append(Received(headers: headers, body: request.body, isPost: request.method == "POST"))
                return list.count == 1
            }
            // The first is refused once, so that one notice is sent twice.
            responder.respond(HTTPResponse(status: isFirst ? 503 : 204))
        }
        defer { server.stop() }
        let world = World()
        let sender = try HTTPWebhookSender(clock: world.rig.clock)
        defer { sender.stop() }
        try world.subscribe(
            "crm", firstRetry: 100, former: true, url: "http://127.0.0.1:\(server.port)/hooks?tenant=1")
        world.start(sender)
        for number in 0..<20 { try world.award("wallet \(number)", sequence: 1) }
        world.rig.settle()
        try run(world, untilReceipts: 19)
        world.rig.pass(milliseconds: 1_000)
        try run(world, untilReceipts: 20)

        #expect(try world.receipts().map(\.outcome) == Array(repeating: .delivered, count: 20))
        let all = received.withLock { $0 }
        #expect(all.count == 21 && Set(all.map { $0.headers["webhook-id"] }).count == 20)
        for one in all {
            #expect(one.isPost && one.headers["content-type"] == "application/json")
            let (id, time) = (one.headers["webhook-id"] ?? "", one.headers["webhook-timestamp"] ?? "")
            let signed = Array("\(id).\(time).".utf8) + one.body
            let expected = try [World.secret, World.formerSecret].map { secret in
                let key = try #require(Data(base64Encoded: String(secret.dropFirst("whsec_".count))))
                return "v1," + Data(hmacSHA256(key: Array(key), message: signed)).base64EncodedString()
            }
            #expect(one.headers["webhook-signature"] == expected.joined(separator: " "))
        }
    }

    @Test func `an attempt is not begun for a partition that was given up`() throws {
        let requests = Mutex(0)
        let server = try HTTPServer(port: 0) { _, responder in
            requests.withLock { $0 += 1 }
            responder.respond(HTTPResponse(status: 200))
        }
        defer { server.stop() }
        let world = World()
        let gated = GatedSender(try HTTPWebhookSender(clock: world.rig.clock))
        defer { gated.sender.stop() }
        try world.subscribe("crm", url: "http://127.0.0.1:\(server.port)/")
        try world.award("anna", sequence: 1)
        world.start(gated)
        #expect(gated.held == 1)
        world.rig.cluster.rebalance(group: "pointstream.notifier")
        world.rig.settle()
        #expect(gated.held == 2, "the new owner's attempt")
        gated.open()
        try run(world, untilReceipts: 1)
        #expect(requests.withLock { $0 } == 1)
    }
}

/// Keeps attempts until it is opened, then hands them to the real sender.
private final class GatedSender: WebhookSender {
    let sender: HTTPWebhookSender
    private let kept = Mutex<[([WebhookAttempt], AttemptMailbox)]>([])

    init(_ sender: HTTPWebhookSender) { self.sender = sender }

    var held: Int { kept.withLock { $0.count } }

    func send(_ attempts: [WebhookAttempt], results: AttemptMailbox) {
        kept.withLock { $0.append((attempts, results)) }
    }

    func open() {
        for (attempts, results) in kept.withLock({ $0 }) { sender.send(attempts, results: results) }
    }
}
