// Both halves of the gateway over one simulated log: what the door writes the worker reads, and the worker's
// answers reach the callers who wait. Also how many places a key is sought in.

import Configuration
import EventLog
import HTTPGate
import IngressGatewayDomain
import IngressGatewayService
import JSONText
import Messages
import Primitives
import ServiceRig
import SimulatedLog
import StreamRuntime
import Synchronization
import Telemetry
import Testing

/// Writes to the simulated log.
private struct SimulatedPublisher: IntakePublisher {
    let log: SimulatedLog

    func publish(
        _ record: DoorRecord, completion: @escaping @Sendable (Result<Void, LogFailure>) -> Void
    ) throws(LogFailure) {
        do {
            _ = try log.cluster.append(
                topic: log.catalog.name(of: record.place.topic), partition: record.place.partition,
                key: record.key,
                headers: record.headers.map { .init(Array($0.name.utf8), $0.value) }, value: record.value)
            completion(.success(()))
        } catch {
            completion(.failure(RecordingPublisher.failure))
        }
    }

    func close() {}
}

@Suite struct `Door and worker together` {
    @Test func `K9 O37 O62 P4 a posted event is decided once, and its callers are told`() throws {
        let rig = ServiceRig(partitions: 4)
        for document in DoorFixture.documents() {
            try rig.append(.config, key: document.key, value: document.value, partition: PartitionIndex(0))
        }
        rig.start(ingressGatewayTopology(registry: rig.registry))
        rig.settle()
        let fixture = try DoorFixture(
            isReady: false, publisher: SimulatedPublisher(log: rig.log), clock: rig.clock,
            partitions: rig.partitions)
        let replies = ReplyLoop(
            rig.log, fixture.door, partition: PartitionIndex(1),
            logger: Logger(service: "ingress-gateway", clock: rig.clock, sink: fixture.sink))
        while !fixture.door.isReady { try replies.step() }

        let event = EventID(source: "shop", idempotencyKey: Array("k1".utf8))
        func settled() throws {
            rig.settle()
            try replies.step()
        }
        #expect(try fixture.post("/v1/events", GatewayFixture.purchase()).status == 202)
        rig.settle()
        let passedOn = try rig.records(of: .customerEvents)
        #expect(passedOn.map { $0.headerText("ce_id") } == [event.description])
        #expect(
            passedOn.first?.keyText == WalletID(programme: "pointstream", externalID: "card-1").description)

        let changed = DoorFixture.request(
            "POST", "/v1/events", fields: ["Prefer: wait=5"], idempotencyKey: "k1",
            body: Array(GatewayFixture.purchase(total: "12").utf8))
        let conflict = try fixture.whileWaiting(changed, repeatedly: true, settled)
        #expect(conflict.status == 422)
        #expect(conflict.code == "key-reuse")

        let unknown = EventID(source: "shop", idempotencyKey: Array("k2".utf8))
        let question = DoorFixture.request("GET", "/v1/events/\(unknown)")
        #expect(try fixture.whileWaiting(question, repeatedly: true, settled).code == "unknown-event")

        let old = DoorFixture.request(
            "POST", "/v1/events", fields: ["Prefer: wait=5"], idempotencyKey: "k3",
            body: Array(GatewayFixture.purchase(at: "2026-10-01T00:00:00Z").utf8))
        let refused = try fixture.whileWaiting(old, repeatedly: true, settled)
        #expect(refused.status == 422)
        #expect(refused.code == "too-old")

        // The same event as a record on `ingress`: the other route to the same key.
        try rig.append(
            .ingress, key: Array("k1".utf8), headers: [("ce_source", "shop")],
            value: Array(GatewayFixture.purchase().utf8))
        #expect(try fixture.post("/v1/events", GatewayFixture.purchase()).status == 202)
        rig.settle()
        #expect(try rig.records(of: .customerEvents) == passedOn)
        #expect(try rig.records(of: .deadLetters(of: .ingressGateway)).isEmpty)
        let repeats = rig.registry.value(
            of: "pointstream_intake_total", labels: [(name: "outcome", value: "repeat")])
        #expect(repeats == 2)
        replies.close()
    }

    @Test(arguments: [1, 6, 7, 8, 14, 30, 365, 36_500])
    func `a key of any window is sought in about nine buckets, and kept for its whole window`(_ days: Int) {
        let source = Source(id: "s", repeatWindowDays: days, futureToleranceMinutes: 1_440)
        let start = ServiceRig.start
        let day = Timestamp.millisecondsPerDay
        var buckets: Set<KeyBucket> = []
        for number in stride(from: 0, through: days, by: max(1, days / 300)) {
            let now = start.adding(milliseconds: Int64(number) * day)
            for age in [-day, 0, source.repeatWindowMilliseconds] {
                let occurredAt = now.adding(milliseconds: -age)
                let expiry = source.keyExpiry(occurredAt: occurredAt, now: now)
                let bucket = source.bucket(ofExpiry: expiry)
                #expect(bucket.end > expiry)
                #expect(expiry >= now.adding(milliseconds: source.repeatWindowMilliseconds))
                #expect(expiry >= occurredAt.adding(milliseconds: source.repeatWindowMilliseconds))
                if bucket.end > start.adding(milliseconds: source.repeatWindowMilliseconds) {
                    buckets.insert(bucket)
                }
            }
        }
        #expect(buckets.count <= 10)
    }
}
