import IngressGatewayDomain
import Messages
import Primitives
import StateStore
import Testing

@testable import IngressGatewayService

/// What the schema would refuse is refused before it waits to be written.
@Suite("Rows of keys")
struct KeyRowsTests {
    @Test func `a key that outlives its bucket or is of no event's type is refused`() throws {
        let store = try StateStore(.memory, schema: .ingressGateway)
        let rows = try IngressGatewayStore(store)
        let bucket = KeyBucket(day: 20_000)
        func item(_ type: MessageType) -> IntakeItem {
            IntakeItem(
                event: EventID(1), type: type, wallet: WalletID(2), fingerprint: 3, occurredAt: .zero)
        }
        for (type, expiry) in [(.purchase, bucket.end.adding(milliseconds: 1)), (.award, bucket.end)]
            as [(MessageType, Timestamp)]
        {
            let failure = #expect(throws: StoreFailure.self) {
                try rows.remember(item(type), in: bucket, until: expiry)
            }
            #expect(failure?.consequence == .rejectRecord)
        }
        try rows.remember(item(.rewardRequest), in: bucket, until: bucket.end)
        try store.writeGathered()
        #expect(try store.connection.integer("SELECT count(*) FROM idempotency_key") == 1)
    }
}
