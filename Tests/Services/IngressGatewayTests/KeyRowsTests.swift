import IngressGatewayDomain
import Messages
import Primitives
import StateStore
import Testing

@testable import IngressGatewayService

/// Keys wait before they are written: what the schema would refuse is refused before, and what waits counts as there.
@Suite("Rows of keys")
struct KeyRowsTests {
    private func item(_ event: UInt128, _ type: MessageType = .purchase, fingerprint: UInt128 = 3) -> IntakeItem {
        IntakeItem(
            event: EventID(event), type: type, wallet: WalletID(2), fingerprint: fingerprint, occurredAt: .zero)
    }

    @Test func `a key that outlives its bucket or is of no event's type is refused`() throws {
        let store = try StateStore(.memory, schema: .ingressGateway)
        let rows = try IngressGatewayStore(store)
        let bucket = KeyBucket(day: 20_000)
        for (type, expiry) in [(.purchase, bucket.end.adding(milliseconds: 1)), (.award, bucket.end)]
            as [(MessageType, Timestamp)]
        {
            let failure = #expect(throws: StoreFailure.self) {
                try rows.remember(item(1, type), in: bucket, until: expiry)
            }
            #expect(failure?.consequence == .rejectRecord)
        }
        try rows.remember(item(1, .rewardRequest), in: bucket, until: bucket.end)
        try store.writeGathered()
        #expect(try store.connection.integer("SELECT count(*) FROM idempotency_key") == 1)
    }

    @Test func `keys that wait are known, have their buckets and expire, and no question writes them`() throws {
        let store = try StateStore(.memory, schema: .ingressGateway)
        let rows = try IngressGatewayStore(store)
        let (early, late) = (KeyBucket(day: 20_000), KeyBucket(day: 20_010))
        let expiry = early.end.adding(milliseconds: -5)
        func count() throws -> Int64? { try store.connection.integer("SELECT count(*) FROM idempotency_key") }
        try rows.remember(item(1), in: late, until: late.end)
        #expect(try rows.nextExpiry() == late.end)
        try rows.remember(item(2), in: early, until: expiry)
        // As behind a record that was refused.
        rows.forgetRead()
        #expect(try rows.nextExpiry() == early.end)
        #expect(try rows.knownKey(of: EventID(2), now: expiry)?.fingerprint == 3)
        #expect(try rows.knownKey(of: EventID(2), now: expiry.adding(milliseconds: 1)) == nil)
        // It may be used again.
        try rows.remember(item(2, fingerprint: 9), in: late, until: late.end)
        #expect(try count() == 0)
        for isWritten in [false, true] {
            if isWritten { try store.writeGathered() }
            rows.forgetRead()
            #expect(try rows.knownKey(of: EventID(2), now: expiry.adding(milliseconds: 1))?.fingerprint == 9)
            #expect(try rows.knownKey(of: EventID(3), now: expiry) == nil)
        }
        #expect(try count() == 3)
        try rows.remember(item(4), in: early, until: expiry)
        try rows.forgetExpired(now: early.end, limit: 10)
        #expect(try count() == 2)
        #expect(try rows.nextExpiry() == late.end)
    }
}
