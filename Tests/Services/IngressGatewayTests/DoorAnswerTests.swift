// What the door writes for a request, and how each request ends in exactly one answer.

import Foundation
import IngressGatewayService
import JSONText
import Messages
import Primitives
import Synchronization
import Testing

@Suite struct `Answers of the door` {
    private static let event = EventID(source: "shop", idempotencyKey: Array("k1".utf8))

    // MARK: Events

    @Test func `K9 an event is accepted with an id that can be asked for`() throws {
        let fixture = try DoorFixture()
        let answer = try fixture.post("/v1/events", GatewayFixture.purchase())
        #expect(answer.status == 202)
        #expect(answer.header("Location") == "/v1/events/\(Self.event)")
        #expect(answer.text == #"{"event":"\#(Self.event)","status":"accepted"}"#)
        #expect(answer.header("Cache-Control") == "no-store")
        let record = try #require(fixture.publisher.records.first)
        #expect(record.place.topic == .intake)
        #expect(record.place.partition == DoorFixture.partitions.partition(of: Array("k1".utf8)))
        #expect(record.key == Array("k1".utf8))
        #expect(record.header("ce_id") == Self.event.description)
        #expect(record.header("ce_source") == "shop")
        #expect(record.header("ce_type") == "purchase")
        #expect(record.header("ce_time") == "2026-11-02T08:59:00.000Z")
        #expect(
            record.header("wallet") == WalletID(programme: "pointstream", externalID: "card-1").description)
        #expect(record.header("external-id") == "card-1")
        #expect(record.header("opens-wallet") == "1")
        #expect(record.header("fingerprint")?.utf8.count == 32)
        #expect(record.header("traceparent")?.utf8.count == 55)
        #expect(record.header("reply-partition") == nil, "nobody waits")
    }

    @Test func `K9 with Prefer wait the answer carries the outcome`() throws {
        let fixture = try DoorFixture()
        fixture.answer(.done, #"{"outcome":"awarded","points":11}"#)
        let answer = try fixture.post(
            "/v1/events", GatewayFixture.purchase(), idempotencyKey: "\"k1\"", wait: 5)
        #expect(answer.status == 200)
        #expect(answer.text == #"{"outcome":"awarded","points":11}"#)
        #expect(answer.header("Preference-Applied") == "wait=5")
        #expect(answer.header("Idempotent-Replayed") == nil)
        let record = try #require(fixture.publisher.records.first)
        #expect(record.header("reply-partition") == "1")
        #expect(record.header("ce_id") == Self.event.description, "a quoted key is the same key")
        #expect(fixture.door.waiting == 0)
    }

    @Test func `K9 an outcome that does not come in time is 202, and can be asked for`() throws {
        let fixture = try DoorFixture()
        let request = DoorFixture.request(
            "POST", "/v1/events", fields: ["Prefer: respond-async, Wait = \"99\"; x=y"], idempotencyKey: "k1",
            body: Array(GatewayFixture.purchase().utf8))
        let answer = try fixture.whileWaiting(request) {
            fixture.clock.advance(milliseconds: 29_999)
            fixture.door.sweep()
            #expect(fixture.door.waiting == 1)
            fixture.clock.advance(milliseconds: 1)
            fixture.door.sweep()
        }
        #expect(answer.status == 202)
        #expect(answer.header("Location") == "/v1/events/\(Self.event)")
        #expect(answer.header("Preference-Applied") == "wait=30", "cut to the maximum")

        fixture.answer(.pending, "{}")
        let pending = try fixture.get("/v1/events/\(Self.event)")
        #expect(pending.status == 200)
        #expect(pending.text == #"{"event":"\#(Self.event)","status":"pending"}"#)
        fixture.answer(.refused, #"{"outcome":"refused","reason":"unknown-wallet"}"#)
        let refused = try fixture.get("/v1/events/\(Self.event)")
        #expect(refused.status == 200, "the question is answered, whatever became of the event")
        #expect(refused.json?["reason"]?.string() == "unknown-wallet")
        fixture.answer(.notFound, "{}")
        #expect(try fixture.get("/v1/events/\(Self.event)").code == "unknown-event")
        let question = try #require(fixture.publisher.records.last)
        #expect(question.header("ce_type") == "event.query")
        #expect(question.place.topic == .intake)
        #expect(question.place.partition == DoorFixture.partitions.partition(of: Array("k1".utf8)))
    }

    @Test func `53 O37 the order of fields and the way numbers and times are written make no other payload`()
        throws
    {
        let fixture = try DoorFixture()
        _ = try fixture.post("/v1/events", GatewayFixture.purchase())
        _ = try fixture.post(
            "/v1/events",
            #"""
             { "total":"11.770", "unit":"till\u002d7", "currency":"USD",
               "occurredAt":"2026-11-02T09:59:00+01:00", "externalId":"card-1" }
            """#)
        _ = try fixture.post("/v1/events", GatewayFixture.purchase(total: "11.78"))
        let prints = fixture.publisher.records.map { $0.header("fingerprint") }
        #expect(prints[0] == prints[1])
        #expect(prints[0] != prints[2])
    }

    @Test func `52 O37 a repeat has the first outcome and says so`() throws {
        let fixture = try DoorFixture()
        fixture.answer(.done, replayed: true, #"{"points":11}"#)
        let repeated = try fixture.post("/v1/events", GatewayFixture.purchase(), wait: 5)
        #expect(repeated.status == 200)
        #expect(repeated.header("Idempotent-Replayed") == "true")
        fixture.answer(.refused, replayed: true, #"{"reason":"unknown-wallet"}"#)
        let refused = try fixture.post("/v1/events", GatewayFixture.purchase(), wait: 5)
        #expect(refused.status == 422)
        #expect(refused.header("Idempotent-Replayed") == "true")
    }

    @Test func `54 55 O62 another payload or member under a used key is 422 and nothing was done`() throws {
        let fixture = try DoorFixture()
        fixture.answer(.conflict, "{}")
        let answer = try fixture.post("/v1/events", GatewayFixture.purchase("card-2"), wait: 5)
        #expect(answer.status == 422)
        #expect(answer.code == "key-reuse")
    }

    @Test(arguments: ["PUT", "PATCH", "DELETE"])
    func `O62 an event has no method that changes it`(_ method: String) throws {
        let fixture = try DoorFixture()
        let answer = try send(
            DoorFixture.request(
                method, "/v1/events/\(Self.event)", idempotencyKey: "k1",
                body: Array(GatewayFixture.purchase().utf8)),
            to: fixture.server.port)
        #expect(answer.status == 405)
        #expect(answer.header("Allow") == "GET")
        #expect(fixture.publisher.records.isEmpty)
    }

    @Test func `a refused request is 422 with the reason as code and the outcome beside it`() throws {
        let fixture = try DoorFixture()
        fixture.answer(.refused, #"{"issuance":"1","status":"refused","reason":"insufficient-balance"}"#)
        let answer = try fixture.post("/v1/reward-issues", #"{"externalId":"card-1","reward":"cd"}"#, wait: 1)
        #expect(answer.status == 422)
        #expect(answer.code == "insufficient-balance")
        #expect(answer.json?["outcome"]?["status"]?.string() == "refused")
        let record = try #require(fixture.publisher.records.first)
        #expect(record.header("ce_type") == "reward.request")
        #expect(record.text == #"{"externalId":"card-1","reward":"cd"}"#)
        fixture.answer(.refused, "not JSON")
        #expect(
            try fixture.post("/v1/reward-issues", #"{"externalId":"card-1","reward":"cd"}"#, wait: 1).code
                == "refused")
    }

    // MARK: Wallets

    @Test func `K1 K3 K4 a sign-up creates, or finds what exists, always under one id`() throws {
        let fixture = try DoorFixture()
        fixture.answer(.created, #"{"wallet":"1"}"#)
        let body = #"{"externalId":"käse&co","name":"Ada"}"#
        let created = try fixture.post("/v1/wallets", body, idempotencyKey: nil)
        #expect(created.status == 201)
        #expect(created.header("Location") == "/v1/wallets/k%C3%A4se%26co")
        #expect(created.text == #"{"wallet":"1"}"#)
        fixture.answer(.done, #"{"wallet":"1"}"#)
        #expect(try fixture.post("/v1/wallets", body, key: "operator-key").status == 200)
        let port = fixture.server.port
        let answered = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: 98) { _ in
            let answer = try? send(DoorFixture.request("POST", "/v1/wallets", body: Array(body.utf8)), to: port)
            if answer?.status == 200 { answered.add(1, ordering: .relaxed) }
        }
        #expect(answered.load(ordering: .relaxed) == 98)
        let records = fixture.publisher.records
        #expect(records.count == 100)
        #expect(Set(records.map(\.key)) == [WalletID(programme: "pointstream", externalID: "käse&co").hex])
        #expect(Set(records.map { $0.header("ce_id") }).count == 1, "a hundred sign-ups are one command")
        #expect(Set(records.map(\.correlation)).count == 100)
        #expect(
            records.allSatisfy { $0.place.topic == .customerEvents && $0.header("ce_type") == "wallet.open" })
        #expect(Set(records.map(\.text)) == [body])
        let found = try fixture.get(created.header("Location") ?? "")
        #expect(found.status == 200)
        #expect(fixture.publisher.records.last?.header("external-id") == "käse&co")
    }

    @Test func `K3 K5 reading a wallet asks its owner and creates nothing`() throws {
        let fixture = try DoorFixture()
        fixture.answer(.notFound, "{}")
        for path in ["", "/balance", "/transactions"] {
            let answer = try fixture.get("/v1/wallets/card-1\(path)")
            #expect(answer.status == 404)
            #expect(answer.code == "unknown-wallet")
        }
        fixture.answer(.done, #"{"available":11}"#)
        #expect(try fixture.get("/v1/wallets/card-1/balance").text == #"{"available":11}"#)
        _ = try fixture.get("/v1/wallets/card-1/transactions?limit=5&before=100")
        let records = fixture.publisher.records
        #expect(
            records.map { $0.header("ce_type") }
                == ["wallet.query", "balance.query", "history.query", "balance.query", "history.query"])
        #expect(records.allSatisfy { $0.place.topic == .walletCommands })
        let key = WalletID(programme: "pointstream", externalID: "card-1").hex
        #expect(
            records.allSatisfy {
                $0.key == key && $0.place.partition == DoorFixture.partitions.partition(of: key)
            })
        #expect(records[2].text == #"{"limit":20}"#)
        #expect(records[4].text == #"{"limit":5,"before":100}"#)
    }

    // MARK: When it does not work

    @Test func `77 without the broker's acknowledgement an event is 503 and never 2xx`() throws {
        let fixture = try DoorFixture()
        for mode in [RecordingPublisher.Mode.fail, .full] {
            fixture.publisher.set(mode)
            for wait in [nil, 5] {
                let answer = try fixture.post("/v1/events", GatewayFixture.purchase(), wait: wait)
                #expect(answer.status == 503)
                #expect(answer.code == "not-accepted")
                #expect(answer.header("Retry-After") != nil)
            }
        }
        fixture.publisher.set(.hold)
        for fields in [[], ["Prefer: wait=5"]] {
            let request = DoorFixture.request(
                "POST", "/v1/events", fields: fields, idempotencyKey: "k1",
                body: Array(GatewayFixture.purchase().utf8))
            let answer = try fixture.whileWaiting(request) {
                fixture.clock.advance(milliseconds: 10_000)
                fixture.door.sweep()
            }
            #expect(answer.status == 503, "no acknowledgement, so nobody knows")
            #expect(answer.code == "no-answer")
        }
        fixture.publisher.releaseHeld()
        #expect(fixture.door.waiting == 0)
    }

    @Test func `a question without an answer in time is 503`() throws {
        let fixture = try DoorFixture()
        let answer = try fixture.whileWaiting(DoorFixture.request("GET", "/v1/wallets/card-1")) {
            fixture.clock.advance(milliseconds: 10_000)
            fixture.door.sweep()
        }
        #expect(answer.status == 503)
        #expect(answer.code == "no-answer")
        #expect(answer.header("Retry-After") != nil)
    }

    @Test func `an answer that comes before the acknowledgement counts, once`() throws {
        let fixture = try DoorFixture()
        fixture.publisher.set(.hold)
        fixture.answer(.done, "{}")
        #expect(try fixture.post("/v1/events", GatewayFixture.purchase(), wait: 5).status == 200)
        fixture.publisher.releaseHeld(.failure(RecordingPublisher.failure))
        fixture.door.take(GatewayReply(correlation: 4711, outcome: .done, replayed: false, body: []))
        #expect(
            fixture.registry.value(
                of: "pointstream_http_requests_total",
                labels: [(name: "question", value: "accept"), (name: "status", value: "200")]) == 1)
        #expect(fixture.door.waiting == 0)
    }

    @Test func `56 the same event twice at once without waiting is 409 for the second`() throws {
        let fixture = try DoorFixture()
        fixture.publisher.set(.hold)
        let request = DoorFixture.request(
            "POST", "/v1/events", idempotencyKey: "k1", body: Array(GatewayFixture.purchase().utf8))
        let first = try fixture.whileWaiting(request) {
            let second = try fixture.post("/v1/events", GatewayFixture.purchase())
            #expect(second.status == 409)
            #expect(second.code == "in-flight")
            #expect(second.header("Retry-After") == "1")
            fixture.publisher.releaseHeld()
        }
        #expect(first.status == 202)
        fixture.publisher.set(.acknowledge)
        #expect(try fixture.post("/v1/events", GatewayFixture.purchase()).status == 202)
    }

    @Test func `beyond the bound of waits an event is 202 at once and a question 503`() throws {
        let fixture = try DoorFixture(maximumWaits: 1)
        let held = try fixture.whileWaiting(DoorFixture.request("GET", "/v1/wallets/card-1")) {
            #expect(try fixture.post("/v1/events", GatewayFixture.purchase(), wait: 5).status == 202)
            let question = try fixture.get("/v1/wallets/card-2")
            #expect(question.status == 503)
            #expect(question.code == "too-many-waits")
            #expect(question.header("Retry-After") != nil)
            let correlation = try #require(fixture.publisher.records.first?.correlation)
            fixture.door.take(
                GatewayReply(
                    correlation: correlation, outcome: .done, replayed: false, body: Array("{}".utf8)))
        }
        #expect(held.status == 200)
    }

    @Test func `beyond the bound of waits a caller's patience still ends when they said`() throws {
        let fixture = try DoorFixture(maximumWaits: 0)
        fixture.publisher.set(.hold)
        let request = DoorFixture.request(
            "POST", "/v1/events", fields: ["Prefer: wait=2"], idempotencyKey: "k1",
            body: Array(GatewayFixture.purchase().utf8))
        let answer = try fixture.whileWaiting(request) {
            fixture.clock.advance(milliseconds: 2_000)
            fixture.door.sweep()
            // Too late for an answer, if there was one in time.
            fixture.publisher.releaseHeld()
        }
        #expect(answer.status == 503)
        #expect(answer.code == "no-answer")
        #expect(answer.header("Preference-Applied") == nil)
    }

    @Test func `a stop answers everybody who waits, by what is known`() throws {
        let fixture = try DoorFixture()
        let request = DoorFixture.request(
            "POST", "/v1/events", fields: ["Prefer: wait=20"], idempotencyKey: "k1",
            body: Array(GatewayFixture.purchase().utf8))
        let answer = try fixture.whileWaiting(request) { fixture.door.close() }
        #expect(answer.status == 202)
        let late = try fixture.get("/v1/wallets/card-1")
        #expect(late.status == 503)
        #expect(late.code == "stopping")
    }

    @Test func `a caller's trace is passed on, a malformed one replaced`() throws {
        let fixture = try DoorFixture()
        fixture.answer(.done, "{}")
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        _ = try fixture.get("/v1/wallets/a", fields: ["traceparent: 00-\(trace)-00f067aa0ba902b7-01"])
        _ = try fixture.get("/v1/wallets/a", fields: ["traceparent: 00-zz"])
        let passed = fixture.publisher.records.compactMap { $0.header("traceparent") }
        #expect(passed[0].hasPrefix("00-\(trace)-") && !passed[0].contains("00f067aa0ba902b7"))
        #expect(passed[1].utf8.count == 55 && !passed[1].contains(trace))
    }
}
