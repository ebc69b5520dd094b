import EventLog
import Primitives
import StateStore
import Testing

/// A row that is noted is the same changelog record as one that SQLite tells of.
@Suite("Row noter")
struct RowNoterTests {
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

    private func note(_ row: Row, with noter: inout RowNoter) throws(StoreFailure) {
        noter.add(row.wallet)
        noter.add(row.asset)
        noter.add(row.points)
        noter.add(row.note)
        noter.add(row.endsAt)
        try noter.note()
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
        var account = try store.rowNoter("account", isNew: true)
        var shadow = try store.connection.prepare("INSERT INTO shadow VALUES (?, ?, ?, ?, ?)")
        var entropy = SeededEntropy(seed: 3)
        try store.begin()
        for _ in 0..<500 {
            let row = drawn(&entropy)
            try note(row, with: &account)
            try put(row, with: &shadow)
        }
        let found = try changes(of: store)
        #expect(found.count == 1_000)
        for (key, value) in found where key.hasPrefix(#"["account""#) {
            #expect(found[key.replacing("account", with: "shadow")] == .some(value))
        }
    }

    @Test func `a row that is noted twice, or written before, is one record with its newest values`() throws {
        let store = try StateStore(.memory, schema: Self.schema)
        var noter = try store.rowNoter("account", isNew: false)
        var insert = try store.connection.prepare("INSERT INTO account VALUES (?, ?, ?, ?, ?)")
        var row = Row(wallet: 5, asset: "a", points: 1)
        let key = #"["account","a","00000000000000000000000000000005"]"#
        try store.begin()
        try put(row, with: &insert)
        (row.points, row.note) = (2, "x")
        try note(row, with: &noter)
        (row.points, row.endsAt) = (3, 9)
        try note(row, with: &noter)
        #expect(try changes(of: store) == [key: #"["00000000000000000000000000000005","a",3,"x",9]"#])
        try store.connection.execute("DELETE FROM account")
        #expect(try changes(of: store).isEmpty, "it was not there before the batch")
    }

    @Test func `a row of too few columns asks for the store to be built anew, and is no record`() throws {
        let store = try StateStore(.memory, schema: Self.schema)
        var noter = try store.rowNoter("account", isNew: true)
        try store.begin()
        noter.add(UInt128(1))
        noter.add("a")
        let failure = #expect(throws: StoreFailure.self) { try noter.note() }
        #expect(failure?.consequence == .rebuild)
        #expect(try changes(of: store).isEmpty)
        try note(Row(wallet: 1, asset: "a", points: 1), with: &noter)
        #expect(try changes(of: store).count == 1)
    }

    @Test func `what a trigger changes of a row that was noted is a record of its own`() throws {
        let store = try StateStore(.memory, schema: Self.schema)
        var noter = try store.rowNoter("account", isNew: true)
        var insert = try store.connection.prepare("INSERT INTO account VALUES (?, ?, ?, ?, ?)")
        let row = Row(wallet: 1, asset: "a", points: 1)
        try store.begin()
        try put(row, with: &insert)
        try note(row, with: &noter)
        try store.connection.execute("INSERT INTO mirrored VALUES (1, 44)")
        #expect(
            try changes(of: store) == [
                #"["account","a","00000000000000000000000000000001"]"#:
                    #"["00000000000000000000000000000001","a",44,null,null]"#,
                #"["mirrored",1]"#: "[1,44]",
            ])
    }

    @Test func `a record that is undone takes back what was noted in it`() throws {
        let store = try StateStore(.memory, schema: Self.schema)
        var noter = try store.rowNoter("account", isNew: false)
        try store.begin()
        try store.beginRecord(withSavepoint: true)
        for number in 1...300 { try note(Row(wallet: UInt128(number), asset: "a", points: 1), with: &noter) }
        try store.endRecord()
        let before = try changes(of: store)
        try store.beginRecord(withSavepoint: true)
        for number in 200...900 { try note(Row(wallet: UInt128(number), asset: "a", points: 2), with: &noter) }
        try store.undoRecord()
        #expect(try changes(of: store) == before)
        try note(Row(wallet: 901, asset: "a", points: 1), with: &noter)
        #expect(try changes(of: store).count == 301)
    }

    @Test func `outside a batch that captures nothing is noted`() throws {
        let store = try StateStore(.memory, schema: Self.schema)
        var noter = try store.rowNoter("account", isNew: true)
        try store.begin(capturing: false)
        try note(Row(wallet: 1, asset: "a", points: 1), with: &noter)
        #expect(try changes(of: store).isEmpty)
        #expect(throws: StoreFailure.self) { _ = try store.rowNoter("other", isNew: true) }
    }
}
