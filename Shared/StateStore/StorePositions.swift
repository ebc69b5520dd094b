// The tables every store has besides its service's own. `input_position`: the next offset of each
// input; it goes to the changelog with the rows, so that a restored store knows what it has seen.
// `log_position`: how far the store has applied its changelog and history. `store_fact`: cluster
// and time of the last commit. Written only by StateStore, in the transaction of the rows they
// describe.

import EventLog
import Primitives

final class StorePositions {
    static let schema = """
        CREATE TABLE input_position (
            topic TEXT PRIMARY KEY NOT NULL, next_offset INTEGER NOT NULL CHECK (next_offset >= 0)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE log_position (
            topic TEXT PRIMARY KEY NOT NULL, next_offset INTEGER NOT NULL CHECK (next_offset >= 0)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE store_fact (
            name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
        """

    private var upsertInput: Statement
    private var selectInput: Statement
    private var upsertLog: Statement
    private var selectLog: Statement
    private var upsertFact: Statement
    private var selectFact: Statement
    /// Since the last time that they were written.
    private var reached: [String: Offset] = [:]

    init(_ connection: Connection) throws(StoreFailure) {
        upsertInput = try connection.prepare(
            "INSERT OR REPLACE INTO input_position (topic, next_offset) VALUES (?, ?)")
        selectInput = try connection.prepare("SELECT next_offset FROM input_position WHERE topic = ?")
        upsertLog = try connection.prepare("INSERT OR REPLACE INTO log_position (topic, next_offset) VALUES (?, ?)")
        selectLog = try connection.prepare("SELECT next_offset FROM log_position WHERE topic = ?")
        upsertFact = try connection.prepare("INSERT OR REPLACE INTO store_fact (name, value) VALUES (?, ?)")
        selectFact = try connection.prepare("SELECT value FROM store_fact WHERE name = ?")
    }

    func setInput(_ topic: String, next: Offset) throws(StoreFailure) {
        upsertInput.bind(topic)
        upsertInput.bind(next.number)
        try upsertInput.run()
    }

    func input(_ topic: String) throws(StoreFailure) -> Offset? {
        selectInput.bind(topic)
        defer { selectInput.reset() }
        return try selectInput.next() ? Offset(selectInput.integer(0)) : nil
    }

    /// Notes how far the store has applied a log; it is written with ``write(_:)``.
    func setLog(_ topic: String, next: Offset) { reached[topic] = next }

    /// Writes what was noted, and the time unless it stays as it is, into the transaction that is about to be
    /// committed.
    func write(_ time: Timestamp?) throws(StoreFailure) {
        for (topic, next) in reached.sorted(by: { $0.key < $1.key }) {
            upsertLog.bind(topic)
            upsertLog.bind(next.number)
            try upsertLog.run()
        }
        if let time { try setFact("committed_at", String(time.milliseconds)) }
        reached.removeAll(keepingCapacity: true)
    }

    func log(_ topic: String) throws(StoreFailure) -> Offset? {
        if let reached = reached[topic] { return reached }
        selectLog.bind(topic)
        defer { selectLog.reset() }
        return try selectLog.next() ? Offset(selectLog.integer(0)) : nil
    }

    func commitTime() throws(StoreFailure) -> Timestamp? {
        try fact("committed_at").flatMap { Int64($0) }.map(Timestamp.init(milliseconds:))
    }

    func setHome(_ home: String) throws(StoreFailure) { try setFact("home", home) }
    func home() throws(StoreFailure) -> String? { try fact("home") }

    private func setFact(_ name: String, _ value: String) throws(StoreFailure) {
        upsertFact.bind(name)
        upsertFact.bind(value)
        try upsertFact.run()
    }

    private func fact(_ name: String) throws(StoreFailure) -> String? {
        selectFact.bind(name)
        defer { selectFact.reset() }
        return try selectFact.next() ? selectFact.text(0) : nil
    }
}
