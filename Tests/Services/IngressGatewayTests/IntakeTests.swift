// Deciding on idempotency keys: repeats and conflicts by both routes, what a waiting caller is told, replays
// of whole topics, and forgetting.

import EventLog
import Foundation
import IngressGatewayService
import JSONText
import Messages
import Primitives
import ServiceRig
import SimulatedLog
import StreamRuntime
import Testing

@Suite struct `Idempotency keys` {
    typealias Header = (name: String, value: String)

    /// A record of `intake` as the door writes it.
    private func intakeHeaders(
        source: String = "shop", key: String = "k", externalID: String = "card-1", fingerprint: UInt128 = 7,
        type: String = "purchase", time: String = "2026-11-02T08:59:00.000Z", waiting: Bool = true
    ) -> [Header] {
        var headers: [Header] = [
            ("ce_specversion", "1.0"),
            ("ce_id", EventID(source: source, idempotencyKey: Array(key.utf8)).description),
            ("ce_source", source),
            ("ce_type", type), ("ce_time", time), ("content-type", "application/json"),
            ("idempotency-key", key),
            ("external-id", externalID),
            ("wallet", WalletID(programme: "pointstream", externalID: externalID).description),
            ("fingerprint", String(decoding: hexDigits(fingerprint), as: UTF8.self)),
            ("traceparent", "00-ab"),
        ]
        if waiting { headers += [("reply-partition", "1"), ("correlation-id", "2a")] }
        return headers
    }

    @Test func `O37 the same key and payload is passed on once, by whichever route it comes`() throws {
        let fixture = try GatewayFixture()
        for elsewhere in [false, true, true, false] {
            for number in 1...10 {
                try fixture.publish(
                    "cdnow", key: "line:\(number)", "0\(number) 19970101 1 11.77\r\n", elsewhere: elsewhere)
            }
            fixture.rig.settle()
        }
        #expect(try fixture.rig.records(of: .customerEvents).count == 10)
        #expect(fixture.count("first") == 10)
        #expect(fixture.count("repeat") == 30)
        #expect(try fixture.deadLetters().isEmpty)
    }

    @Test
    func `O62 a changed payload or another customer under a used key is a conflict and changes nothing`()
        throws
    {
        let fixture = try GatewayFixture()
        try fixture.publish("shop", key: "k", GatewayFixture.purchase())
        fixture.rig.settle()
        try fixture.publish("shop", key: "k", GatewayFixture.purchase(total: "11.78"), elsewhere: true)
        try fixture.publish("shop", key: "k", GatewayFixture.purchase("card-2"))
        // Another day of the event is another payload, too: the row is found wherever it lies.
        try fixture.publish("shop", key: "k", GatewayFixture.purchase(at: "2026-10-29T08:59:00Z"))
        try fixture.publish("export", key: "k", "card-1,2026-11-02T08:59:00Z,shop,EUR,1,x")
        fixture.rig.settle()
        let letters = try fixture.deadLetters()
        #expect(
            letters.map { $0.headerText("dead-letter-reason") } == ["key-reuse", "key-reuse", "key-reuse"])
        #expect(
            try fixture.rig.records(of: .customerEvents).count == 2, "keys of two sources are independent")
    }

    @Test func `K9 on intake the decision reads headers only and passes the same bytes on`() throws {
        let fixture = try GatewayFixture()
        // No JSON at all: nobody looks into it here.
        try fixture.rig.append(.intake, key: Array("k".utf8), headers: intakeHeaders(), value: [0xff, 0x00])
        fixture.rig.settle()
        let event = try #require(try fixture.rig.records(of: .customerEvents).first)
        #expect(event.value == [0xff, 0x00])
        #expect(event.headerText("correlation-id") == "2a")
        #expect(event.headerText("reply-partition") == "1")
        #expect(event.headerText("traceparent") == "00-ab")
        #expect(event.headerText("fingerprint") == nil)
        #expect(try fixture.rig.records(of: .replies).isEmpty, "the ledger answers")
    }

    @Test func `O37 a repeat with a waiting caller asks the owner of the first outcome`() throws {
        let fixture = try GatewayFixture()
        try fixture.rig.append(
            .intake, key: Array("k".utf8), headers: intakeHeaders(waiting: false), value: [1])
        try fixture.rig.append(
            .intake, key: Array("r".utf8),
            headers: intakeHeaders(key: "r", type: "reward.request", waiting: false), value: [1])
        fixture.rig.settle()
        try fixture.rig.append(.intake, key: Array("k".utf8), headers: intakeHeaders(), value: [1])
        try fixture.rig.append(
            .intake, key: Array("r".utf8), headers: intakeHeaders(key: "r", type: "reward.request"),
            value: [1])
        fixture.rig.settle()
        for (topic, type, key) in [
            (TopicID.customerEvents, "event.query", "k"), (.rewardRequests, "reward.query", "r"),
        ] {
            let records = try fixture.rig.records(of: topic)
            try #require(records.count == 2)
            #expect(records[1].headerText("ce_type") == type)
            #expect(
                records[1].headerText("ce_id")
                    == EventID(source: "shop", idempotencyKey: Array(key.utf8)).description)
            #expect(records[1].keyText == records[0].keyText)
            #expect(records[1].headerText("replayed") == "1")
            #expect(records[1].headerText("correlation-id") == "2a")
            #expect(records[1].value != nil)
        }
    }

    @Test
    func `a waiting caller is told of conflicts and of times out of bounds, and the key stays as it was`()
        throws
    {
        let fixture = try GatewayFixture()
        let old = intakeHeaders(time: "2026-10-26T08:59:00.000Z")
        let future = intakeHeaders(time: "2026-11-02T09:05:30.000Z")
        for headers in [
            old, future, intakeHeaders(), intakeHeaders(fingerprint: 8), intakeHeaders(externalID: "card-2"),
        ] {
            try fixture.rig.append(.intake, key: Array("k".utf8), headers: headers, value: [1])
            fixture.rig.settle()
        }
        // A partition of replies that does not exist is no address.
        var nowhere = intakeHeaders(fingerprint: 9).filter { $0.name != "reply-partition" }
        nowhere.append(("reply-partition", "2"))
        try fixture.rig.append(.intake, key: Array("k".utf8), headers: nowhere, value: [1])
        fixture.rig.settle()
        let replies = try fixture.rig.records(of: .replies)
        #expect(replies.map { $0.headerText("outcome") } == ["refused", "refused", "conflict", "conflict"])
        let reasons = try fixture.rig.bodies(of: .replies).map { $0["reason"]?.string() }
        #expect(reasons == ["too-old", "future-event", "key-reuse", "key-reuse"])
        #expect(try fixture.rig.records(of: .customerEvents).count == 1)
        #expect(
            try fixture.deadLetters().map { $0.headerText("dead-letter-reason") } == ["unknown-partition"])
    }

    @Test func `K9 a question about an event is passed to its owner, or answered that there is none`() throws
    {
        let fixture = try GatewayFixture()
        try fixture.publish("shop", key: "k", GatewayFixture.purchase())
        fixture.rig.settle()
        for key in ["k", "unknown"] {
            let event = EventID(source: "shop", idempotencyKey: Array(key.utf8))
            try fixture.rig.append(
                .intake, key: event.hex,
                headers: [
                    ("ce_type", "event.query"), ("ce_id", event.description), ("reply-partition", "0"),
                    ("correlation-id", "1"),
                ],
                value: Array("{}".utf8), partition: fixture.rig.partitions.partition(ofHash: event.keyHash))
        }
        fixture.rig.settle()
        #expect(try fixture.rig.records(of: .customerEvents).last?.headerText("ce_type") == "event.query")
        #expect(try fixture.rig.records(of: .customerEvents).last?.headerText("replayed") == nil)
        #expect(try fixture.rig.records(of: .replies).map { $0.headerText("outcome") } == ["not-found"])
    }

    static let malformed: [(name: String, change: [String: String?], code: String)] = [
        ("no headers at all", [:], "unknown-type"),
        ("unknown type", ["ce_type": "refund"], "unknown-type"),
        ("an award is no event", ["ce_type": "award"], "unknown-type"),
        ("no id", ["ce_id": nil], "header-missing"),
        ("malformed id", ["ce_id": "abc"], "header-invalid"),
        ("the id of a step", ["ce_id": "step"], "header-invalid"),
        ("no wallet", ["wallet": nil], "header-missing"),
        ("malformed wallet", ["wallet": "card-1"], "header-invalid"),
        ("no fingerprint", ["fingerprint": nil], "header-missing"),
        ("no time", ["ce_time": nil], "header-missing"),
        ("malformed time", ["ce_time": "yesterday"], "header-invalid"),
        ("no source", ["ce_source": nil], "source-required"),
        ("unknown source", ["ce_source": "nobody"], "unknown-source"),
        ("key of another partition", ["ce_id": "other"], "wrong-partition"),
    ]

    @Test(arguments: malformed.indices)
    func `a record on intake that no door has written becomes a dead letter`(_ index: Int) throws {
        let row = Self.malformed[index]
        let fixture = try GatewayFixture()
        let key = Array("k".utf8)
        let own = fixture.rig.partitions.partition(of: key)
        var headers = row.change.isEmpty ? [] : intakeHeaders()
        for (name, value) in row.change {
            headers.removeAll { $0.name == name }
            guard var value else { continue }
            if value == "other" {
                let foreign = (0...).lazy.map { "other-\($0)" }
                    .first { fixture.rig.partitions.partition(of: Array($0.utf8)) != own }
                value = EventID(source: "shop", idempotencyKey: Array((foreign ?? "").utf8)).description
            }
            if value == "step" {
                value = EventID(source: "shop", idempotencyKey: key).caused(.hold).description
            }
            headers.append((name, value))
        }
        try fixture.rig.append(.intake, key: key, headers: headers, value: [1], partition: own)
        try fixture.rig.append(.intake, key: key, headers: intakeHeaders(), value: nil, partition: own)
        fixture.rig.settle()
        let codes = try fixture.deadLetters().map { $0.headerText("dead-letter-reason") }
        #expect(codes == [row.code, "empty-body"], "\(row.name)")
        let reasons = try fixture.rig.bodies(of: .replies).map { $0["reason"]?.string() }
        #expect(
            reasons == (row.change.isEmpty ? ["empty-body"] : [row.code, "empty-body"]), "who waits is told")
        #expect(try fixture.rig.records(of: .customerEvents).isEmpty)
    }

    @Test func `P4 replaying ingress and intake from their beginnings passes nothing on a second time`()
        throws
    {
        let fixture = try GatewayFixture()
        for number in 1...20 {
            try fixture.publish(
                "shop", key: "k\(number)", GatewayFixture.purchase("card-\(number % 3)"),
                elsewhere: number % 2 == 0)
        }
        try fixture.publish("shop", key: "k1", GatewayFixture.purchase(total: "1"))
        fixture.rig.settle()
        let before = try fixture.rig.records(of: .customerEvents)
        #expect(before.count == 20)
        for topic in [TopicID.ingress, .intake] {
            for record in try fixture.rig.records(of: topic) {
                try fixture.rig.append(
                    topic, key: record.key,
                    headers: record.headers.map {
                        (String(decoding: $0.name, as: UTF8.self), String(decoding: $0.value, as: UTF8.self))
                    }, value: record.value)
            }
            fixture.rig.settle()
        }
        #expect(try fixture.rig.records(of: .customerEvents) == before)
        #expect(fixture.count("first") == 20)
    }

    @Test
    func
        `O37 a key is known to a successor that has only the changelog, and forgotten when its window has passed`()
        throws
    {
        let fixture = try GatewayFixture(start: false)
        let topology = ingressGatewayTopology(registry: fixture.rig.registry)
        let first = fixture.rig.start(topology)
        fixture.rig.settle()
        try fixture.publish("shop", key: "k", GatewayFixture.purchase())
        try fixture.publish("cdnow", key: "k", "0001 19970101 1 11.77")
        fixture.rig.settle()
        fixture.rig.kill(first)
        fixture.rig.start(topology)
        fixture.rig.settle()
        try fixture.publish("shop", key: "k", GatewayFixture.purchase())
        fixture.rig.settle()
        #expect(fixture.count("repeat") == 1)

        let day: Int64 = 86_400_000
        fixture.rig.pass(milliseconds: 9 * day)
        let tombstones = try fixture.rig.records(of: .changelog(of: .ingressGateway)).filter {
            $0.value == nil
        }
        #expect(tombstones.count == 1, "the shop's row is gone, the other source's window is longer")
        try fixture.publish("shop", key: "k", GatewayFixture.purchase())
        try fixture.publish("cdnow", key: "k", "0001 19970101 1 11.77")
        fixture.rig.settle()
        #expect(fixture.count("repeat") == 2)
        #expect(try fixture.deadLetters().map { $0.headerText("dead-letter-reason") } == ["too-old"])
        #expect(try fixture.rig.records(of: .customerEvents).count == 2)
    }

    @Test func `O37 a key is known as long as an event of its time is accepted`() throws {
        let fixture = try GatewayFixture()
        // Ahead of the platform's clock, so that the window ends with the event's own time.
        let purchase = GatewayFixture.purchase(at: "2026-11-02T09:02:00Z")
        try fixture.publish("shop", key: "k", purchase)
        fixture.rig.settle()
        let end = try #require(Timestamp(rfc3339: "2026-11-09T09:02:00Z"))
        fixture.rig.cluster.advance(milliseconds: end.milliseconds - fixture.rig.clock.now().milliseconds)
        try fixture.publish("shop", key: "k", purchase)
        fixture.rig.settle()
        #expect(fixture.count("repeat") == 1, "in the last millisecond of the window")
        #expect(try fixture.rig.records(of: .customerEvents).count == 1)
        fixture.rig.pass(milliseconds: 1)
        try fixture.publish("shop", key: "k", purchase)
        fixture.rig.settle()
        #expect(try fixture.deadLetters().map { $0.headerText("dead-letter-reason") } == ["too-old"])
    }
}
