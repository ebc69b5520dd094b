import EventLog
import Foundation
import Primitives
import StateStore
import Testing

/// Rows that wait are as good as written: undone with their record or batch, counted, on the changelog once, and in the
/// file with the batches that brought them.
@Suite("Gathered rows")
struct GatheredRowsTests {
    /// A row id tells in which order rows were written.
    private static let schema = StoreSchema(
        versions: [
            """
            CREATE TABLE mark (name TEXT PRIMARY KEY NOT NULL, times INTEGER NOT NULL) STRICT;
            CREATE TABLE known (id BLOB NOT NULL UNIQUE, value INTEGER NOT NULL CHECK (value <> 13)) STRICT;
            """
        ], changelogged: ["mark"])
    private static let now = Timestamp(milliseconds: 5_000)

    private struct Known: GatheredRow {
        let id: UInt128
        let value: Int64

        var sought: UInt128 { id }
        var place: RowPlace { RowPlace(id) }

        func bind(to insert: inout Statement) {
            insert.bind(id)
            insert.bind(value)
        }
    }

    private let location: StoreLocation
    private let insert = "INSERT INTO known (id, value) VALUES (?, ?)"

    init() {
        location = .file(
            path: FileManager.default.temporaryDirectory.path + "/gathered-\(UInt64.random(in: 0...(.max)))")
    }

    /// In the order in which they were written.
    private func written(_ store: StateStore) throws -> [Known] {
        var select = try store.connection.prepare("SELECT id, value FROM known ORDER BY rowid")
        var found: [Known] = []
        while try select.next() { found.append(Known(id: select.identifier(0), value: select.integer(1))) }
        return found
    }

    @Test func `rows wait until batches are written, and are written in the order of their keys`() throws {
        defer { try? StateStore.wipe(location) }
        var store: StateStore? = try StateStore(location, schema: Self.schema)
        var rows = try store?.gatherRows(Known.self, insert)
        for ids in [[7, 3], [5], [1, 9]] {
            try store?.begin()
            for id in ids { try rows?.add(Known(id: UInt128(id), value: Int64(id))) }
            try store?.commit(at: [], now: Self.now)
        }
        #expect(try store.map { try written($0).isEmpty } == true)
        #expect(rows?.newestWaiting(5)?.value == 5 && rows?.newestWaiting(6) == nil)
        try store?.commitHeld()
        #expect(rows?.newestWaiting(5) == nil)
        (store, rows) = (nil, nil)
        #expect(try written(try StateStore(location, schema: Self.schema)).map(\.id) == [1, 3, 5, 7, 9])
    }

    @Test func `rows go by day, then by id, then by number, and those of one place as they came`() throws {
        struct Entry: GatheredRow {
            let place: RowPlace
            let value: Int64
            var sought: Int64 { value }

            func bind(to insert: inout Statement) {
                insert.bind(UInt128(UInt64(value)))
                insert.bind(value)
            }
        }
        let store = try StateStore(.memory, schema: Self.schema)
        let rows = try store.gatherRows(Entry.self, insert)
        // Each row's value is its place in the right order. An id of more than 64 bits is the greatest of its day.
        let great = UInt128(1) << 64
        let entries = [
            Entry(place: RowPlace(day: 2, 1, 0), value: 7), Entry(place: RowPlace(day: 1, great, -1), value: 6),
            Entry(place: RowPlace(day: 1, 5, 3), value: 4), Entry(place: RowPlace(day: 1, 5, 3), value: 5),
            Entry(place: RowPlace(day: 1, 5, -3), value: 3), Entry(place: RowPlace(day: -1, great, 9), value: 1),
            Entry(place: RowPlace(day: 1, 4, 9), value: 2),
        ]
        try store.begin()
        for entry in entries { try rows.add(entry) }
        try rows.write()
        #expect(try written(store).map(\.value) == [1, 2, 3, 4, 5, 6, 7])
    }

    @Test func `what waits is a change: it is held, and a record with it cannot be undone without a mark`() throws {
        let store = try StateStore(.memory, schema: Self.schema)
        let rows = try store.gatherRows(Known.self, insert)
        try store.begin()
        #expect(!store.hasChanges)
        try store.beginRecord(withSavepoint: false)
        #expect(store.canUndoRecord)
        try rows.add(Known(id: 1, value: 1))
        #expect(store.hasChanges && !store.canUndoRecord)
        try store.beginRecord(withSavepoint: false)
        // Rows of earlier records: this one may be undone, and they stay.
        try rows.write()
        #expect(store.hasChanges && store.canUndoRecord)
        try store.undoRecord()
        try store.commit(at: [], now: Self.now)
        #expect(try written(store).map(\.id) == [1])
        for id in 10..<20_000 as Range<UInt128> {
            try store.begin()
            try rows.add(Known(id: id, value: 0))
            try store.commit(at: [], now: Self.now)
            if store.heldSince == nil { break }
        }
        #expect(try written(store).count == 12_000, "as many as a store holds")
    }

    @Test func `no more rows wait than there is a bound for`() throws {
        let store = try StateStore(.memory, schema: Self.schema)
        let rows = try store.gatherRows(Known.self, insert)
        try store.begin()
        for id in 0..<16_000 as Range<UInt128> { try rows.add(Known(id: id, value: 0)) }
        #expect(try written(store).isEmpty)
        try rows.add(Known(id: 16_000, value: 0))
        #expect(try written(store).count == 16_000)
        #expect(rows.newestWaiting(15_999) == nil && rows.newestWaiting(16_000) != nil)
    }

    @Test func `a row that the table has already is no row of a record that could be refused`() throws {
        for (known, added) in [
            (Known(id: 1, value: 1), Known(id: 1, value: 2)), (Known(id: 2, value: 0), Known(id: 1, value: 13)),
        ] {
            let store = try StateStore(.memory, schema: Self.schema)
            let rows = try store.gatherRows(Known.self, insert)
            try store.begin()
            try rows.add(known)
            try rows.write()
            try rows.add(added)
            try store.commit(at: [], now: Self.now)
            let failure = #expect(throws: StoreFailure.self) { try store.commitHeld() }
            #expect(failure?.consequence == .rebuild)
        }
    }

    /// Why a write between two batches may fail: there is no room, and SQLite undoes all that is held; or a row is
    /// there already, and it undoes nothing.
    @Test(arguments: [false, true])
    func `a write that fails between two batches gives up what is held, and the file stays as it was`(
        hasRoom: Bool
    ) throws {
        defer { try? StateStore.wipe(location) }
        var store: StateStore? = try StateStore(location, schema: Self.schema)
        var rows = try store?.gatherRows(Known.self, insert)
        func commit(_ ids: Range<UInt128>, at offset: Int64) throws {
            try store?.begin()
            for id in ids { try rows?.add(Known(id: id, value: 0)) }
            try store?.commit(at: [("log", next: Offset(offset))], now: Self.now)
        }
        try commit(0..<1, at: 1)
        try store?.commitHeld()
        try commit(1..<1_000, at: 1_000)
        if hasRoom {
            try commit(0..<1, at: 1_001)
        } else {
            let pages = try store?.connection.integer("PRAGMA page_count")
            try store?.connection.execute("PRAGMA max_page_count = \(pages ?? 0)")
        }
        #expect(throws: StoreFailure.self) { try rows?.write() }
        // Whoever asks again is told nothing new, and whoever goes on does not get far.
        try rows?.write()
        for goOn in [{ try store?.begin() }, { try store?.commitHeld() }, { try store?.commitHeld() }] {
            let failure = #expect(throws: StoreFailure.self) { try goOn() }
            #expect(failure?.cause == .heldUndone)
        }
        (store, rows) = (nil, nil)
        let found = try StateStore(location, schema: Self.schema)
        #expect(try found.logPosition(of: "log") == Offset(1))
        #expect(try written(found).map(\.id) == [0])
    }

    @Test func `a write that fails in a batch is undone with it, and what waited before still waits`() throws {
        let store = try StateStore(.memory, schema: Self.schema)
        let rows = try store.gatherRows(Known.self, insert)
        try store.begin()
        try rows.add(Known(id: 1, value: 0))
        try store.commit(at: [], now: Self.now)
        try store.begin()
        try rows.add(Known(id: 2, value: 0))
        try rows.add(Known(id: 1, value: 1))
        #expect(throws: StoreFailure.self) { try rows.write() }
        try store.rollback()
        #expect(rows.newestWaiting(1)?.value == 0 && rows.newestWaiting(2) == nil)
        try store.begin()
        try store.commit(at: [], now: Self.now)
        try store.commitHeld()
        #expect(try written(store).map(\.id) == [1])
    }

    /// SQLite keeps a page as it was before, whoever changes it.
    @Test func `rows of earlier batches that a batch writes count as copied pages`() throws {
        let store = try StateStore(.memory, schema: Self.schema, undoableRows: 10)
        let rows = try store.gatherRows(Known.self, insert)
        for ids in [0..<20, 20..<21] as [Range<UInt128>] {
            try store.begin()
            for id in ids { try rows.add(Known(id: id, value: 0)) }
            try store.commit(at: [], now: Self.now)
        }
        try store.begin()
        try store.beginRecord(withSavepoint: false)
        try rows.write()
        try store.endRecord()
        try store.beginRecord(withSavepoint: false)
        let failure = #expect(throws: StoreFailure.self, "its mark is given up") { try store.rollback() }
        #expect(failure?.cause == .heldUndone)
    }

    @Test func `a row is on the changelog with the batch that added it, and not with the one that wrote it`() throws {
        let store = try StateStore(.memory, schema: Self.schema)
        struct Mark: GatheredRow {
            let name: String
            var sought: String { name }
            var place: RowPlace { RowPlace(UInt128(name.utf8.first ?? 0)) }
            func bind(to insert: inout Statement) {
                insert.bind(name)
                insert.bind(Int64(1))
            }
        }
        let rows = try store.gatherRows(Mark.self, "INSERT OR REPLACE INTO mark VALUES (?, ?)")
        var new = try store.rowNoter("mark", isNew: true)
        var any = try store.rowNoter("mark", isNew: false)
        func add(_ name: String, with noter: inout RowNoter) throws {
            noter.add(name)
            noter.add(Int64(1))
            try noter.note()
            try rows.add(Mark(name: name))
        }
        try store.begin()
        try add("b", with: &new)
        try add("a", with: &any)
        #expect(try changes(of: store) == [#"["mark","a"]"#: #"["a",1]"#, #"["mark","b"]"#: #"["b",1]"#])
        try store.commit(at: [], now: Self.now)
        try store.begin()
        try rows.write()
        #expect(try changes(of: store).isEmpty)
        try store.connection.execute("UPDATE mark SET times = 2 WHERE name = 'a'")
        #expect(try changes(of: store) == [#"["mark","a"]"#: #"["a",2]"#])
        // Gone again: one that was not there before is no record, one that may have been is a tombstone.
        try add("c", with: &new)
        try add("d", with: &any)
        try rows.write()
        try store.connection.execute("DELETE FROM mark WHERE name IN ('c', 'd')")
        #expect(try changes(of: store) == [#"["mark","a"]"#: #"["a",2]"#, #"["mark","d"]"#: nil])
        new.add("e")
        #expect(throws: StoreFailure.self, "a column is missing") { try new.note() }
    }

    /// Against a dictionary that is copied where the store has a mark.
    @Test(arguments: 1...40) func `whatever is undone, the table has what was not`(seed: UInt64) throws {
        defer { try? StateStore.wipe(location) }
        var entropy = SeededEntropy(seed: seed)
        // Few enough that some batches can only be undone with those that are held.
        let undoableRows: Int64 = seed.isMultiple(of: 2) ? 1_000 : 6
        var store = try StateStore(location, schema: Self.schema, undoableRows: undoableRows)
        var rows = try store.gatherRows(Known.self, insert)
        var (model, held): ([UInt128: Int64], [UInt128: Int64]) = ([:], [:])
        func check() throws {
            for id in 0..<64 as Range<UInt128> {
                var select = try store.connection.prepare("SELECT value FROM known WHERE id = ?")
                select.bind(id)
                let found = try select.next() ? select.integer(0) : nil
                let waiting = rows.newestWaiting(id)?.value
                #expect(found == nil || waiting == nil)
                #expect(found ?? waiting == model[id], "seed \(seed), row \(id)")
            }
        }
        func reopen() throws {
            // Nothing that is left of the store may hold its file.
            store = try StateStore(.memory, schema: Self.schema)
            rows = try store.gatherRows(Known.self, insert)
            store = try StateStore(location, schema: Self.schema, undoableRows: undoableRows)
            rows = try store.gatherRows(Known.self, insert)
            model = held
        }
        for _ in 0..<60 {
            if entropy.below(6) == 0 { try rows.write() }
            try store.begin()
            let before = model
            for _ in 0..<entropy.below(6) {
                let (beforeRecord, isMarked) = (model, entropy.below(2) == 0)
                try store.beginRecord(withSavepoint: isMarked)
                for _ in 0..<entropy.below(4) {
                    let id = UInt128(entropy.below(64))
                    guard model[id] == nil else { continue }
                    model[id] = Int64(entropy.below(12))
                    try rows.add(Known(id: id, value: model[id] ?? 0))
                    if entropy.below(5) == 0 { try rows.write() }
                }
                if entropy.below(5) == 0 { try rows.write() }
                if entropy.below(3) == 0, store.canUndoRecord {
                    try store.undoRecord()
                    model = beforeRecord
                } else {
                    try store.endRecord()
                }
            }
            try check()
            if entropy.below(3) == 0 {
                do {
                    try store.rollback()
                    model = before
                } catch {
                    #expect(error.cause == .heldUndone && undoableRows == 6, "seed \(seed)")
                    try reopen()
                }
            } else {
                try store.commit(at: [], now: Self.now)
            }
            try check()
            if entropy.below(4) == 0 {
                try store.commitHeld()
                held = model
            }
            if entropy.below(10) == 0 { try reopen() }
        }
    }
}
