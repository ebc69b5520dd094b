// The tables every store has besides its service's own: where it stands in each topic, when it was last committed, and to
// which cluster it belongs. Written only by StateStore, in the transaction of the rows they describe.

import EventLog
import Primitives

struct StorePositions: ~Copyable {
    static let schema = """
        CREATE TABLE store_position (
            topic TEXT NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT NULL CHECK (next_offset >= 0),
            PRIMARY KEY (topic, partition)) STRICT, WITHOUT ROWID;
        CREATE TABLE store_fact (
            name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
        """

    private var upsert: Statement
    private var select: Statement
    private var upsertFact: Statement
    private var selectFact: Statement

    init(_ connection: Connection) throws(StoreFailure) {
        upsert = try connection.prepare(
            "INSERT OR REPLACE INTO store_position (topic, partition, next_offset) VALUES (?, ?, ?)")
        select = try connection.prepare(
            "SELECT next_offset FROM store_position WHERE topic = ? AND partition = ?")
        upsertFact = try connection.prepare("INSERT OR REPLACE INTO store_fact (name, value) VALUES (?, ?)")
        selectFact = try connection.prepare("SELECT value FROM store_fact WHERE name = ?")
    }

    mutating func set(_ position: InputPosition, name: String) throws(StoreFailure) {
        upsert.bind(name)
        upsert.bind(Int64(position.place.partition.number))
        upsert.bind(position.next.number)
        try upsert.run()
    }

    mutating func position(of place: TopicPartition, name: String) throws(StoreFailure) -> Offset? {
        select.bind(name)
        select.bind(Int64(place.partition.number))
        defer { select.reset() }
        return try select.next() ? Offset(select.integer(0)) : nil
    }

    mutating func setCommitTime(_ now: Timestamp) throws(StoreFailure) {
        try setFact("committed_at", String(now.milliseconds))
    }

    mutating func commitTime() throws(StoreFailure) -> Timestamp? {
        try fact("committed_at").flatMap { Int64($0) }.map(Timestamp.init(milliseconds:))
    }

    mutating func setClusterID(_ id: String) throws(StoreFailure) { try setFact("cluster_id", id) }
    mutating func clusterID() throws(StoreFailure) -> String? { try fact("cluster_id") }

    private mutating func setFact(_ name: String, _ value: String) throws(StoreFailure) {
        upsertFact.bind(name)
        upsertFact.bind(value)
        try upsertFact.run()
    }

    private mutating func fact(_ name: String) throws(StoreFailure) -> String? {
        selectFact.bind(name)
        defer { selectFact.reset() }
        return try selectFact.next() ? selectFact.text(0) : nil
    }
}
