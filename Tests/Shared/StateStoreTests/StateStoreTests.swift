import EventLog
import Foundation
import Primitives
import StateStore
import Testing

@Suite("State store")
struct StateStoreTests {
    private static let schema = StoreSchema(
        versions: [
            """
            CREATE TABLE lot (
                wallet_id BLOB NOT NULL, number INTEGER NOT NULL, note TEXT,
                points INTEGER NOT NULL CHECK (points >= 0),
                PRIMARY KEY (wallet_id, number)) STRICT, WITHOUT ROWID;
            CREATE TABLE history (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
            """
        ], changelogged: ["lot"])

    private func makeStore() throws -> StateStore { try StateStore(.memory, schema: Self.schema) }

    private func put(_ store: StateStore, _ wallet: UInt128, _ number: Int64, _ note: String?, _ points: Int64) throws {
        var statement = try store.connection.prepare("INSERT OR REPLACE INTO lot VALUES (?, ?, ?, ?)")
        statement.bind(wallet)
        statement.bind(number)
        statement.bind(note)
        statement.bind(points)
        try statement.run()
    }

    private func rows(_ store: StateStore) throws -> [String] {
        var statement = try store.connection.prepare(
            "SELECT hex(wallet_id), number, note, points FROM lot ORDER BY wallet_id, number")
        var rows: [String] = []
        while try statement.next() {
            rows.append(
                "\(statement.text(0)) \(statement.integer(1)) \(statement.textOrNil(2) ?? "null") "
                    + "\(statement.integer(3))")
        }
        return rows
    }

    private let lot = #"["lot","0000000000000000000000000000002a",1]"#

    @Test func `a row that changes often in a transaction is one changelog record with the whole row`() throws {
        let store = try makeStore()
        try store.begin()
        for points in 0..<10 { try put(store, 42, 1, "a \"b\" ✓", Int64(points)) }
        #expect(try changes(of: store) == [lot: #"["0000000000000000000000000000002a",1,"a \"b\" ✓",9]"#])
        try store.commit(at: [], now: .zero)
        try store.begin()
        try store.connection.execute("UPDATE lot SET points = 11")
        #expect(try changes(of: store) == [lot: #"["0000000000000000000000000000002a",1,"a \"b\" ✓",11]"#])
    }

    @Test func `any text that a row may hold is read back from the changelog, also U+0000`() throws {
        let (store, copy) = (try makeStore(), try makeStore())
        let scalars = (UInt8.min...0x7f).map { String(UnicodeScalar($0)) } + ["é", "\u{2028}", "😀"]
        try store.begin()
        for (number, text) in scalars.enumerated() { try put(store, 42, Int64(number), "a" + text + "b", 1) }
        try copy.begin(capturing: false)
        for (key, value) in try changes(of: store) {
            try copy.restore(key: Array(key.utf8)[...], value: value.map { Array($0.utf8)[...] }, at: Offset(9))
        }
        #expect(try rows(copy) == rows(store))
    }

    @Test func `a row that came and went is no record, a deleted one is a tombstone`() throws {
        let store = try makeStore()
        try store.begin()
        try put(store, 42, 1, nil, 5)
        try store.connection.execute("DELETE FROM lot")
        #expect(try changes(of: store).isEmpty)
        try put(store, 42, 1, nil, 5)
        try store.commit(at: [], now: .zero)
        try store.begin()
        try store.connection.execute("DELETE FROM lot")
        #expect(try changes(of: store) == [lot: nil])
    }

    @Test func `a statement that empties a table, prepared before the transaction, leaves a tombstone for each row`()
        throws
    {
        let store = try makeStore()
        var empty = try store.connection.prepare("DELETE FROM lot")
        try store.begin()
        try put(store, 42, 1, nil, 5)
        try store.commit(at: [], now: .zero)
        try store.begin()
        try empty.run()
        #expect(try changes(of: store) == [lot: nil])
    }

    @Test func `a statement that would change a primary key is refused, another one is not`() throws {
        let store = try makeStore()
        #expect(throws: StoreFailure.self) { try store.connection.execute("UPDATE lot SET number = number + 1") }
        try store.connection.execute("UPDATE lot SET points = 1")
        try store.connection.execute("UPDATE history SET id = id + 1")
    }

    @Test func `a table whose name is spelt otherwise than it was created is refused`() {
        let schema = StoreSchema(versions: Self.schema.versions, changelogged: ["Lot"])
        #expect(throws: StoreFailure.self) { try StateStore(.memory, schema: schema) }
    }

    @Test func `what a savepoint took back is not in the changelog, nor are other tables`() throws {
        let store = try makeStore()
        try store.begin()
        try store.beginRecord(withSavepoint: true)
        try put(store, 42, 1, nil, 5)
        #expect(store.canUndoRecord)
        try store.undoRecord()
        try store.beginRecord(withSavepoint: true)
        try store.connection.execute("INSERT INTO history VALUES (1, 'x')")
        try store.endRecord()
        #expect(try changes(of: store).isEmpty)
    }

    @Test func `without a savepoint only a record that changed nothing can be undone`() throws {
        let store = try makeStore()
        try store.begin()
        try put(store, 42, 1, nil, 5)
        try store.beginRecord(withSavepoint: false)
        try store.connection.execute("DELETE FROM lot WHERE number = 2")
        #expect(store.canUndoRecord)
        try store.undoRecord()
        try store.beginRecord(withSavepoint: false)
        try store.connection.execute("INSERT INTO history VALUES (1, 'x')")
        #expect(!store.canUndoRecord)
        try store.endRecord()
        #expect(try changes(of: store).count == 1)
    }

    private func changeRow(_ store: StateStore, _ entropy: inout SeededEntropy) throws {
        let (wallet, number) = (UInt128(entropy.below(6)) << 100, Int64(entropy.below(4)))
        switch entropy.below(3) {
        case 0: try store.connection.execute("DELETE FROM lot WHERE number = \(number)")
        case 1: try store.connection.execute("UPDATE lot SET points = points + 1 WHERE number = \(number)")
        default:
            let note = entropy.below(2) == 0 ? nil : "é\u{1F600}\n\(entropy.next())"
            try put(store, wallet, number, note, Int64(entropy.below(1 << 40)))
        }
    }

    @Test func `the changelog of random changes, some undone, restores the same rows`() throws {
        let (store, copy) = (try makeStore(), try makeStore())
        var entropy = SeededEntropy(seed: 7)
        for round in 0..<200 {
            try store.begin()
            for _ in 0..<entropy.below(8) {
                let withSavepoint = entropy.below(2) == 0
                try store.beginRecord(withSavepoint: withSavepoint)
                for _ in 0..<entropy.below(5) { try changeRow(store, &entropy) }
                if withSavepoint, entropy.below(2) == 0 { try store.undoRecord() } else { try store.endRecord() }
            }
            let changed = try changes(of: store)
            if round.isMultiple(of: 5) {
                try store.rollback()
                continue
            }
            try store.commit(at: [], now: .zero)
            try copy.begin(capturing: false)
            for (key, value) in changed {
                try copy.restore(key: Array(key.utf8)[...], value: value.map { Array($0.utf8)[...] }, at: Offset(9))
            }
            try copy.commit(at: [], now: .zero)
            #expect(try rows(copy) == rows(store))
        }
    }

    @Test func `a violated check rejects the record, a newer changelog row stops`() throws {
        let store = try makeStore()
        try store.begin(capturing: false)
        let violation = #expect(throws: StoreFailure.self) { try put(store, 1, 1, nil, -1) }
        #expect(violation?.consequence == .rejectRecord)
        for (key, value) in [
            (#"["unknown",1]"#, "[1]"), (lot, #"["00",1,null,1,"new column"]"#), (lot, #"["0g",1,null,1]"#),
            (lot, "not json"), ("[]", "[1]"),
        ] {
            let failure = #expect(throws: StoreFailure.self) {
                try store.restore(key: Array(key.utf8)[...], value: Array(value.utf8)[...], at: Offset(9))
            }
            #expect(failure?.consequence == .stop)
        }
    }

    @Test func `a table without a primary key or with another column type is refused at once`() {
        for table in ["CREATE TABLE t (a INTEGER) STRICT", "CREATE TABLE t (a INTEGER PRIMARY KEY, b REAL) STRICT"] {
            let failure = #expect(throws: StoreFailure.self) {
                try StateStore(.memory, schema: StoreSchema(versions: [table], changelogged: ["t"]))
            }
            #expect(failure?.consequence == .stop)
        }
    }
}
