// Every SQL statement of the gateway. Used by the processor alone, in its partition's transaction. It
// remembers which buckets exist, because an id's bucket is unknown and has to be sought in each: about nine
// for a source, whatever its window.

import IngressGatewayDomain
import Messages
import Primitives
import StateStore

final class IngressGatewayStore {
    private var find: Statement
    private var put: RowWriter
    private var nextBucket: Statement
    private var prune: Statement
    /// The latest first: repeats mostly come soon. Nil: to be read again.
    private var buckets: [KeyBucket]?

    init(_ store: StateStore) throws(StoreFailure) {
        find = try store.connection.prepare(
            """
            SELECT fingerprint, wallet_id, type FROM idempotency_key
            WHERE bucket = ? AND event_id = ? AND expires_at >= ?
            """)
        put = try store.rowWriter(.upsert, "idempotency_key")
        nextBucket = try store.connection.prepare("SELECT min(bucket) FROM idempotency_key WHERE bucket > ?")
        prune = try store.connection.prepare(
            """
            DELETE FROM idempotency_key WHERE (bucket, event_id) IN
                (SELECT bucket, event_id FROM idempotency_key WHERE bucket <= ?
                 ORDER BY bucket, event_id LIMIT ?)
            """)
    }

    /// Forgets what was read of a batch that was undone.
    func forgetRead() { buckets = nil }

    /// The key's row, unless there is none or it has expired. In the very millisecond of its expiry an event of its
    /// time is still accepted, so it is still known.
    func knownKey(of event: EventID, now: Timestamp) throws(StoreFailure) -> KnownKey? {
        for bucket in try currentBuckets() where bucket.end > now {
            find.bind(bucket.day)
            find.bind(event)
            find.bind(now.milliseconds)
            guard try find.next() else { continue }
            defer { find.reset() }
            guard let type = MessageType(rawValue: find.text(2)) else {
                throw StoreFailure(
                    operation: "read idempotency_key", detail: "unknown type \(find.text(2))",
                    consequence: .rebuild)
            }
            return KnownKey(type: type, wallet: WalletID(find.identifier(1)), fingerprint: find.identifier(0))
        }
        return nil
    }

    /// Remembers a key that is not in use. A row of the same key that has expired is replaced.
    func remember(_ item: IntakeItem, in bucket: KeyBucket, until expiry: Timestamp) throws(StoreFailure) {
        put.add(bucket.day)
        put.add(item.event)
        put.add(item.fingerprint)
        put.add(item.wallet)
        put.add(item.type.rawValue)
        put.add(expiry.milliseconds)
        try put.put()
        guard var known = buckets, !known.contains(bucket) else { return }
        known.insert(bucket, at: known.firstIndex { $0 < bucket } ?? known.endIndex)
        buckets = known
    }

    /// Deletes at most `limit` rows of buckets that have ended.
    func forgetExpired(now: Timestamp, limit: Int) throws(StoreFailure) {
        prune.bind(now.day)
        prune.bind(limit)
        try prune.run()
        buckets = nil
    }

    /// When rows can be deleted next; nil if there are none.
    func nextExpiry() throws(StoreFailure) -> Timestamp? { try currentBuckets().last?.end }

    private func currentBuckets() throws(StoreFailure) -> [KeyBucket] {
        if let buckets { return buckets }
        var found: [KeyBucket] = []
        var after = Int64.min
        while true {
            nextBucket.bind(after)
            guard try nextBucket.next() else { break }
            defer { nextBucket.reset() }
            guard let day = nextBucket.integerOrNil(0) else { break }
            found.append(KeyBucket(day: day))
            after = day
        }
        found.reverse()
        buckets = found
        return found
    }
}
