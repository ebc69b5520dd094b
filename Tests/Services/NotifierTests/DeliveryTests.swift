// Deliveries through the real processor and store: what is sent, in which order, how often, and what is
// published about it.

import Configuration
import JSONText
import Messages
import NotifierDomain
import NotifierService
import Primitives
import ServiceRig
import Testing

@Suite("Deliveries") struct DeliveryTests {
    @Test func `each outcome is one signed webhook with its data and one receipt`() throws {
        let world = World()
        try world.subscribe("crm", former: true)
        try world.award("anna", sequence: 1)
        try world.award("anna", sequence: 2, points: 0)
        try world.award("anna", sequence: 3, refusal: "wallet-blocked")
        try world.spend("anna", sequence: 4)
        try world.reward("anna", request: "r1")
        try world.reward("anna", request: "r2", issued: false)
        world.start()

        let attempts = world.sender.attempts
        let types = try attempts.map { try JSONDocument(parsing: $0.body).root["type"]?.string() ?? "" }
        #expect(
            types.sorted() == [
                "points.awarded", "points.not-awarded", "points.not-awarded", "points.spent", "reward.issued",
                "reward.refused",
            ])
        let first = try #require(attempts.first)
        let now = world.rig.clock.now()
        let headers = Dictionary(uniqueKeysWithValues: first.headers(at: now).map { ($0.name, $0.value) })
        #expect(headers["webhook-id"] == "\(World.event("anna/1").caused(.event)).crm")
        #expect(headers["webhook-signature"]?.split(separator: " ").count == 2)
        let key = try #require(WebhookSecret(World.secret)).bytes
        _ = try verifyWebhook(header: { headers[$0] }, body: first.body, keys: [key], now: now)
        let body = try JSONDocument(parsing: first.body).root
        #expect(body["timestamp"]?.timestamp == ServiceRig.start)
        #expect(body["data"]?["externalId"]?.isText("anna") == true)
        let receipts = try world.receipts()
        #expect(receipts.map(\.outcome) == Array(repeating: .delivered, count: 6))
        #expect(Set(receipts.map(\.notice)) == Set(attempts.map(\.webhookID)))
        #expect(world.pending() == 0)
    }

    @Test func `P4 outcomes that are read again are not delivered again`() throws {
        let world = World()
        try world.subscribe("crm")
        world.start()
        for _ in 0..<3 {
            for sequence in [1, 2, 5] as [Int64] { try world.award("anna", sequence: sequence, copies: 2) }
            try world.award("nobody", sequence: nil, refusal: "unknown-wallet")
            try world.spend("anna", sequence: 4)
            try world.reward("anna", request: "r1", copies: 2)
            world.rig.settle()
        }
        #expect(world.sender.attempts.count == 6)
        #expect(Set(world.sender.attempts.map(\.webhookID)).count == 6)
        world.kill()
        world.start()
        try world.award("anna", sequence: 5)
        try world.reward("anna", request: "r1")
        try world.award("anna", sequence: 6)
        world.rig.settle()
        #expect(world.sender.attempts.count == 7, "the memory is restored with the store")
        #expect(try world.receipts().count == 7)
    }

    @Test func `a wallet's notices wait for the one before, other wallets do not`() throws {
        let world = World()
        try world.subscribe("crm")
        let anna = World.wallet("anna")
        let firstOfAnna = "\(World.event("anna/1").caused(.event)).crm"
        world.sender.answer {
            $0.webhookID == firstOfAnna ? nil : .answered(status: 200, retryAfterSeconds: nil)
        }
        for sequence in 1...5 as ClosedRange<Int64> { try world.award("anna", sequence: sequence) }
        for name in ["berta", "carla", "dora"] { try world.award(name, sequence: 1) }
        world.start()
        #expect(world.sender.attempts.count == 4, "one of anna's, and those of the others")
        #expect(world.sender.inFlight == 1)
        world.sender.release(status: 500)
        world.rig.settle()
        #expect(world.sender.attempts.count == 4, "the next waits also while the first waits for its retry")
        world.sender.answer(status: 200)
        world.rig.pass(milliseconds: 2_000)
        let ofAnna = try world.sender.attempts.filter { try $0.isOf(anna) }.compactMap { try sequence($0) }
        #expect(ofAnna == [1, 1, 2, 3, 4, 5])
    }

    @Test func `a receiver that never answers delays no other subscription and no record`() throws {
        let world = World()
        try world.subscribe("dead")
        try world.subscribe("fine")
        world.sender.answer {
            $0.subscription == "dead" ? nil : .answered(status: 200, retryAfterSeconds: nil)
        }
        world.start()
        let wallets = 1_500
        for number in 0..<wallets { try world.award("wallet \(number)", sequence: 1) }
        world.rig.settle()
        #expect(world.sender.attempts(for: "fine").count == wallets)
        let inFlight = world.sender.attempts(for: "dead").count
        #expect(
            inFlight == world.sender.inFlight && inFlight == 2 * 128, "the bound of each of two partitions")
        #expect(world.pending() == Int64(wallets))

        world.sender.answer(status: 200)
        world.sender.release()
        world.rig.settle()
        #expect(Set(world.sender.attempts(for: "dead").map(\.webhookID)).count == wallets)
        #expect(world.pending() == 0)
    }

    @Test func `more deliveries than fit into memory are all made, each wallet's in order`() throws {
        let world = World()
        try world.subscribe("crm")
        world.sender.answer { _ in nil }
        world.start()
        let wallets = 600
        for sequence in 1...20 as ClosedRange<Int64> {
            for number in 0..<wallets { try world.award("wallet \(number)", sequence: sequence) }
        }
        world.rig.settle()
        #expect(world.sender.inFlight == 2 * 128)
        world.sender.answer(status: 200)
        world.sender.release()
        world.rig.settle()
        #expect(world.sender.attempts.count == wallets * 20)
        var last: [String: Int64] = [:]
        for attempt in world.sender.attempts {
            let data = try JSONDocument(parsing: attempt.body).root["data"]
            let (wallet, number) = (data?["wallet"]?.string() ?? "", data?["sequence"]?.int64 ?? 0)
            #expect(number == last[wallet, default: 0] + 1)
            last[wallet] = number
        }
        #expect(world.pending() == 0)
    }

    @Test func `failures are retried on schedule, then dead-lettered with a receipt`() throws {
        let world = World()
        try world.subscribe("crm", attempts: 3, firstRetry: 10_000)
        world.sender.answer(status: 503)
        try world.award("anna", sequence: 1)
        try world.award("anna", sequence: 2)
        world.start()
        #expect(world.sender.attempts.count == 1)
        world.rig.pass(milliseconds: 9_000)
        #expect(world.sender.attempts.count == 1, "not before the first pause is over")
        world.rig.pass(milliseconds: 3_500)
        #expect(world.sender.attempts.count == 2)
        world.rig.pass(milliseconds: 19_000)
        #expect(world.sender.attempts.count == 2, "the second pause is twice as long")
        #expect(try world.receipts().isEmpty)
        let first = "\(World.event("anna/1").caused(.event)).crm"
        world.sender.answer { .answered(status: $0.webhookID == first ? 503 : 200, retryAfterSeconds: nil) }
        world.rig.pass(milliseconds: 6_000)

        #expect(
            Set(world.sender.attempts.prefix(3).map(\.webhookID)).count == 1, "the id stays in all attempts")
        let receipts = try world.receipts()
        #expect(receipts.map(\.outcome) == [.abandoned, .delivered], "the next of the wallet follows")
        #expect(receipts.first?.attempts == 3 && receipts.first?.httpStatus == 503)
        let letters = try world.deadLetters()
        let letter = try #require(letters.first)
        #expect(letters.count == 1)
        #expect(letter.headers["subscription"] == "crm" && letter.headers["attempts"] == "3")
        #expect(letter.headers["dead-letter-reason"] == "delivery-attempts-exhausted")
        #expect(letter.headers["dead-letter-detail"] == "http-503")
        #expect(
            letter.value == (try world.rig.records(of: .awards).first?.value),
            "the outcome as it was published")
    }

    @Test func `a dead letter that is sent again is delivered again under its id`() throws {
        let world = World()
        try world.subscribe("crm", attempts: 1)
        try world.subscribe("other")
        world.sender.answer {
            .answered(status: $0.subscription == "crm" ? 500 : 200, retryAfterSeconds: nil)
        }
        try world.award("anna", sequence: 1, points: 0)
        world.start()
        let letter = try #require(try world.deadLetters().first)
        world.sender.answer(status: 200)
        #expect(letter.headers["dead-letter-topic"] == world.rig.log.catalog.name(of: .awards))
        try world.rig.append(
            .awards, key: World.wallet("anna").hex, headers: letter.headers.map { ($0.key, $0.value) },
            value: letter.value)
        world.rig.settle()
        let ids = world.sender.attempts(for: "crm").map(\.webhookID)
        #expect(ids.count == 2 && Set(ids).count == 1)
        #expect(world.sender.attempts(for: "other").count == 1)
        #expect(
            world.sender.attempts(for: "crm").map(\.body)[0]
                == world.sender.attempts(for: "crm").map(\.body)[1])
    }

    @Test func `410 gives up at once`() throws {
        let world = World()
        try world.subscribe("crm", attempts: 10)
        world.sender.answer(status: 410)
        try world.award("anna", sequence: 1)
        world.start()
        #expect(world.sender.attempts.count == 1)
        #expect(try world.receipts().map(\.outcome) == [.abandoned])
        #expect(try world.deadLetters().first?.headers["dead-letter-reason"] == "delivery-gone")
    }

    @Test func `what cannot be a notice goes to the dead letters and the partition goes on`() throws {
        let world = World()
        try world.subscribe("crm")
        world.start()
        let wallet = World.wallet("anna")
        try world.rig.append(.awards, key: wallet.hex, headers: [], value: Array("{}".utf8))
        try world.append(.awards, .awarded, 7 << 8, .walletLedger, wallet, Array("{\"outcome\":".utf8))
        try world.append(
            .awards, .awarded, 8 << 8, .walletLedger, wallet, Array("{\"outcome\":\"new\"}".utf8))
        try world.append(.awards, .holdOpened, 9 << 8, .walletLedger, wallet, Array("{}".utf8))
        try world.award("anna", sequence: 1)
        world.rig.settle()
        #expect(try world.deadLetters().compactMap { $0.headers["dead-letter-reason"] }.count == 4)
        #expect(world.sender.attempts.count == 1)
        #expect(world.pending() == 0)
    }

    @Test func `a notice stays below what receivers have to take`() throws {
        let world = World()
        try world.subscribe("crm")
        try world.spend("anna", sequence: 1, lots: 900)
        world.start()
        let attempt = try #require(world.sender.attempts.first)
        #expect(attempt.body.count < 20_000)
        let data = try #require(try JSONDocument(parsing: attempt.body).root["data"])
        #expect(data["lots"] == nil && data["balances"] != nil && data["points"]?.int64 == 5)
        #expect(data["omitted"]?.items.map { $0.string() } == ["lots"])
    }
}

extension WebhookAttempt {
    func isOf(_ wallet: WalletID) throws -> Bool {
        try JSONDocument(parsing: body).root["data"]?["wallet"]?.isText(wallet.description) ?? false
    }
}
