// Every SQL statement of the gateway. Used by the processor alone, in its partition's transaction. It
// remembers which buckets exist, because an id's bucket is unknown and has to be sought in each: about nine
// for a source, whatever its window.

import IngressGatewayDomain
import Messages
import Primitives
import StateStore

final class IngressGatewayStore {
    private var find: Statement
    private var note: RowNoter
    private let added: GatheredRows<AddedKey>
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
        note = try store.rowNoter("idempotency_key", isNew: false)
        added = try store.gatherRows(AddedKey.self, "INSERT OR REPLACE INTO idempotency_key VALUES (?, ?, ?, ?, ?, ?)")
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
        if let row = added.newestWaiting(event), row.bucket.end > now, row.expiry >= now {
            return KnownKey(type: row.type, wallet: row.wallet, fingerprint: row.fingerprint)
        }
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
    ///
    /// - Throws: `.rejectRecord` for a key that the schema refuses, which sees it when it is too late.
    func remember(_ item: IntakeItem, in bucket: KeyBucket, until expiry: Timestamp) throws(StoreFailure) {
        guard expiry <= bucket.end, [.purchase, .rewardRequest].contains(item.type) else {
            throw StoreFailure(
                operation: "remember a key",
                detail: "\(item.type.rawValue) until \(expiry), in a bucket to \(bucket.end)",
                consequence: .rejectRecord)
        }
        note.add(bucket.day)
        note.add(item.event)
        note.add(item.fingerprint)
        note.add(item.wallet)
        note.add(item.type.rawValue)
        note.add(expiry.milliseconds)
        try note.note()
        try added.add(
            AddedKey(
                bucket: bucket, event: item.event, fingerprint: item.fingerprint, wallet: item.wallet, type: item.type,
                expiry: expiry))
        guard var known = buckets, !known.contains(bucket) else { return }
        known.insert(bucket, at: known.firstIndex { $0 < bucket } ?? known.endIndex)
        buckets = known
    }

    /// Deletes at most `limit` rows of buckets that have ended.
    func forgetExpired(now: Timestamp, limit: Int) throws(StoreFailure) {
        try added.write()
        prune.bind(now.day)
        prune.bind(limit)
        try prune.run()
        buckets = nil
    }

    /// When rows can be deleted next; nil if there are none.
    func nextExpiry() throws(StoreFailure) -> Timestamp? { try currentBuckets().last?.end }

    private func currentBuckets() throws(StoreFailure) -> [KeyBucket] {
        if let buckets { return buckets }
        var found = Set(added.waiting.map(\.bucket))
        var after = Int64.min
        while true {
            nextBucket.bind(after)
            guard try nextBucket.next() else { break }
            defer { nextBucket.reset() }
            guard let day = nextBucket.integerOrNil(0) else { break }
            found.insert(KeyBucket(day: day))
            after = day
        }
        let latestFirst = found.sorted(by: >)
        buckets = latestFirst
        return latestFirst
    }

    /// Of two of one event the first had expired.
    private struct AddedKey: GatheredRow {
        let bucket: KeyBucket
        let event: EventID
        let fingerprint: UInt128
        let wallet: WalletID
        let type: MessageType
        let expiry: Timestamp

        var sought: EventID { event }
        var place: RowPlace { RowPlace(day: bucket.day, event.value) }

        func bind(to insert: inout Statement) {
            insert.bind(bucket.day)
            insert.bind(event)
            insert.bind(fingerprint)
            insert.bind(wallet)
            insert.bind(type.rawValue)
            insert.bind(expiry.milliseconds)
        }
    }
}
