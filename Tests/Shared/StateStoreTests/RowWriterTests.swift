import EventLog
import Primitives
import StateStore
import Testing

/// A row that is announced is the same changelog record as one that SQLite tells of.
@Suite("Row writer")
struct RowWriterTests {
    private static let columns = """
        wallet BLOB NOT NULL, asset TEXT NOT NULL, points INTEGER NOT NULL CHECK (points >= 0), note TEXT,
        ends_at INTEGER, PRIMARY KEY (asset, wallet)
        """
    private static let schema = StoreSchema(
        versions: [
            """
            CREATE TABLE account (\(columns)) STRICT, WITHOUT ROWID;
            CREATE TABLE shadow (\(columns)) STRICT, WITHOUT ROWID;
            CREATE TABLE mirrored (id INTEGER PRIMARY KEY, points INTEGER NOT NULL) STRICT;
            CREATE TRIGGER mirrors AFTER INSERT ON mirrored
                BEGIN UPDATE account SET points = new.points WHERE asset = 'a'; END;
            """
        ], changelogged: ["account", "shadow", "mirrored"])

    private struct Row {
        var wallet: UInt128
        var asset: String
        var points: Int64
        var note: String?
        var endsAt: Int64?
    }

    private func put(_ row: Row, with writer: inout RowWriter) throws(StoreFailure) {
        writer.add(row.wallet)
        writer.add(row.asset)
        writer.add(row.points)
        writer.add(row.note)
        writer.add(row.endsAt)
        try writer.put()
    }

    private func put(_ row: Row, with statement: inout Statement) throws(StoreFailure) {
        statement.bind(row.wallet)
        statement.bind(row.asset)
        statement.bind(row.points)
        statement.bind(row.note)
        statement.bind(row.endsAt)
        try statement.run()
    }

    private func drawn(_ entropy: inout SeededEntropy) -> Row {
        let notes = [nil, "", "a", "a \"b\" \\ \u{1}\n", "é\u{1F600}"]
        let numbers: [Int64] = [0, 7, 10, 99, 100, 1_000_000_000_000_000, .max]
        return Row(
            wallet: UInt128(entropy.next()) << 64 | UInt128(entropy.below(3)),
            asset: ["points", "miles", ""][Int(entropy.below(3))], points: numbers[Int(entropy.below(7))],
            note: notes[Int(entropy.below(5))],
            endsAt: entropy.below(2) == 0 ? nil : -numbers[Int(entropy.below(7))])
    }

    @Test func `a row is the same record whoever tells of it`() throws {
        let store = try StateStore(.memory, schema: Self.schema)
        var insert = try store.rowWriter(.insert, "account")
        var shadow = try store.connection.prepare("INSERT INTO shadow VALUES (?, ?, ?, ?, ?)")
        var entropy = SeededEntropy(seed: 3)
        try store.begin()
        for _ in 0..<500 {
            let row = drawn(&entropy)
            try put(row, with: &insert)
            try put(row, with: &shadow)
        }
        let found = try changes(of: store)
        #expect(found.count == 1_000)
        for (key, value) in found where key.hasPrefix(#"["account""#) {
            #expect(found[key.replacing("account", with: "shadow")] == .some(value))
        }
    }

    @Test func `updates and upserts name all columns, and a row that changes twice is one record`() throws {
        let store = try StateStore(.memory, schema: Self.schema)
        var upsert = try store.rowWriter(.upsert, "account")
        var update = try store.rowWriter(.update, "account")
        var row = Row(wallet: 5, asset: "a", points: 1)
        let key = #"["account","a","00000000000000000000000000000005"]"#
        try store.begin()
        try put(row, with: &upsert)
        (row.points, row.note) = (2, "x")
        try put(row, with: &update)
        (row.points, row.endsAt) = (3, 9)
        try put(row, with: &upsert)
        #expect(try changes(of: store) == [key: #"["00000000000000000000000000000005","a",3,"x",9]"#])
        try store.connection.execute("DELETE FROM account")
        #expect(try changes(of: store).isEmpty, "it was not there before the batch")
        try put(row, with: &upsert)
        try store.commit(at: [], now: .zero)
        try store.begin()
        try put(row, with: &upsert)
        try store.connection.execute("DELETE FROM account")
        #expect(try changes(of: store) == [key: nil], "it was there before the batch")
    }

    @Test func `what a refused row announced is not in the changelog`() throws {
        let store = try StateStore(.memory, schema: Self.schema)
        var insert = try store.rowWriter(.insert, "account")
        try store.begin()
        let failure = #expect(throws: StoreFailure.self) {
            try put(Row(wallet: 1, asset: "a", points: -1), with: &insert)
        }
        #expect(failure?.consequence == .rejectRecord)
        #expect(try changes(of: store).isEmpty)
        try put(Row(wallet: 1, asset: "a", points: 1), with: &insert)
        #expect(try changes(of: store).count == 1)
    }

    @Test func `an update of a row that is not there says so, and asks for the store to be built anew`() throws {
        let store = try StateStore(.memory, schema: Self.schema)
        var update = try store.rowWriter(.update, "account")
        try store.begin()
        let failure = #expect(throws: StoreFailure.self) {
            try put(Row(wallet: 1, asset: "a", points: 1), with: &update)
        }
        #expect(failure?.consequence == .rebuild)
        #expect(try changes(of: store).isEmpty)
    }

    @Test func `what a trigger changes while a row is written is a record of its own`() throws {
        let store = try StateStore(.memory, schema: Self.schema)
        var account = try store.rowWriter(.insert, "account")
        var mirrored = try store.rowWriter(.insert, "mirrored")
        try store.begin()
        try put(Row(wallet: 1, asset: "a", points: 1), with: &account)
        mirrored.add(Int64(1))
        mirrored.add(Int64(44))
        try mirrored.put()
        #expect(
            try changes(of: store) == [
                #"["account","a","00000000000000000000000000000001"]"#:
                    #"["00000000000000000000000000000001","a",44,null,null]"#,
                #"["mirrored",1]"#: "[1,44]",
            ])
    }

    @Test func `a record that is undone takes back what was announced in it`() throws {
        let store = try StateStore(.memory, schema: Self.schema)
        var upsert = try store.rowWriter(.upsert, "account")
        try store.begin()
        try store.beginRecord(withSavepoint: true)
        for number in 1...300 { try put(Row(wallet: UInt128(number), asset: "a", points: 1), with: &upsert) }
        try store.endRecord()
        let before = try changes(of: store)
        try store.beginRecord(withSavepoint: true)
        for number in 200...900 { try put(Row(wallet: UInt128(number), asset: "a", points: 2), with: &upsert) }
        try store.undoRecord()
        #expect(try changes(of: store) == before)
        try put(Row(wallet: 901, asset: "a", points: 1), with: &upsert)
        #expect(try changes(of: store).count == 301)
    }

    @Test func `outside a batch that captures a row is written and nothing is noted`() throws {
        let store = try StateStore(.memory, schema: Self.schema)
        var upsert = try store.rowWriter(.upsert, "account")
        try store.begin(capturing: false)
        try put(Row(wallet: 1, asset: "a", points: 1), with: &upsert)
        #expect(try changes(of: store).isEmpty)
        #expect(try store.connection.integer("SELECT count(*) FROM account") == 1)
        #expect(throws: StoreFailure.self) { _ = try store.rowWriter(.insert, "other") }
    }
}
