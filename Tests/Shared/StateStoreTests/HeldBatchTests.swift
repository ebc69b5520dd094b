import EventLog
import Foundation
import Primitives
import StateStore
import Testing

/// Small batches share a transaction of SQLite's: what is in the file, and what a crash leaves of it.
@Suite("Held batches")
struct HeldBatchTests {
    private static let schema = StoreSchema(
        versions: ["CREATE TABLE lot (number INTEGER PRIMARY KEY, points INTEGER NOT NULL) STRICT"],
        changelogged: ["lot"])
    private static let now = Timestamp(milliseconds: 5_000)

    private let location: StoreLocation
    private let path: String

    init() {
        path = FileManager.default.temporaryDirectory.path + "/held-\(UInt64.random(in: 0...(.max)))"
        location = .file(path: path)
    }

    private func open() throws -> StateStore { try StateStore(location, schema: Self.schema) }

    private func batch(_ store: StateStore, lots: ClosedRange<Int64>, next: Int64, at now: Timestamp) throws {
        try store.begin()
        for number in lots { try store.connection.execute("INSERT INTO lot VALUES (\(number), 1)") }
        try store.setInputPosition(of: "in", next: Offset(next))
        try store.commit(at: [("log", Offset(10 * next))], now: now)
    }

    /// What another process finds once this one is dead.
    private func found() throws -> (lots: Int64?, input: Offset?, log: Offset?, time: Timestamp?) {
        let store = try open()
        return (
            try store.connection.integer("SELECT count(*) FROM lot"), try store.inputPosition(of: "in"),
            try store.logPosition(of: "log"), try store.commitTime()
        )
    }

    @Test func `rows and positions are written together, or none of them`() throws {
        defer { try? StateStore.wipe(location) }
        var store: StateStore? = try open()
        try store.map { try batch($0, lots: 1...1, next: 7, at: Self.now) }
        try store?.commitHeld()
        try store.map { try batch($0, lots: 2...2, next: 8, at: Self.now) }
        #expect(try store?.logPosition(of: "log") == Offset(80), "the store itself knows how far it is")
        #expect(try store?.inputPosition(of: "in") == Offset(8))
        store = nil
        let left = try found()
        #expect(left.lots == 1 && left.input == Offset(7) && left.log == Offset(70) && left.time == Self.now)
    }

    @Test func `a file that is written late is as old as the last batch in it`() throws {
        defer { try? StateStore.wipe(location) }
        var store: StateStore? = try open()
        try store.map { try batch($0, lots: 1...1, next: 1, at: Self.now) }
        let last = Self.now.adding(milliseconds: 900)
        try store.map { try batch($0, lots: 2...2, next: 2, at: last) }
        // Whenever that is: the process may have been asleep for a week.
        try store?.commitHeld()
        store = nil
        let left = try found()
        #expect(left.lots == 2 && left.time == last)
    }

    @Test func `a store that is put back is as old as it was until all of it was read`() throws {
        defer { try? StateStore.wipe(location) }
        var store: StateStore? = try open()
        func slice(_ lot: Int64, _ reading: Timestamp, at now: Timestamp) throws {
            try store?.beginRestoring(rows: 1, since: reading, changelog: "log[0]")
            try store?.restore(
                key: Array(#"["lot",\#(lot)]"#.utf8)[...], value: Array("[\(lot),1]".utf8)[...], at: Offset(9))
            try store?.commit(at: [("log", Offset(lot))], now: now)
        }
        let (first, second) = (Self.now, Self.now.adding(milliseconds: 86_400_000))
        try slice(1, first, at: first.adding(milliseconds: 50))
        try slice(2, first, at: first.adding(milliseconds: 100))
        store = nil
        #expect(try found().time == first, "a new store is as old as what was read first")
        store = try open()
        try slice(3, second, at: second.adding(milliseconds: 50))
        store = nil
        #expect(try found().time == first, "it may lack a deletion of what it had before")
        store = try open()
        try slice(4, second, at: second.adding(milliseconds: 100))
        try store?.endRestoring()
        store = nil
        let left = try found()
        #expect(left.lots == 4 && left.log == Offset(4) && left.time == second)
    }

    @Test func `what is held is overdue after two seconds, or when the clock is set back`() throws {
        let store = try StateStore(.memory, schema: Self.schema)
        #expect(!store.isOverdue(at: Self.now))
        try batch(store, lots: 1...1, next: 1, at: Self.now)
        #expect(!store.isOverdue(at: Self.now.adding(milliseconds: 1_999)))
        #expect(store.isOverdue(at: Self.now.adding(milliseconds: 2_000)))
        #expect(store.isOverdue(at: Self.now.adding(milliseconds: -1)))
        try batch(store, lots: 2...2, next: 2, at: Self.now.adding(milliseconds: 900))
        #expect(store.isOverdue(at: Self.now.adding(milliseconds: 2_000)), "the oldest batch counts")
        try store.commitHeld()
        #expect(!store.isOverdue(at: Self.now.adding(milliseconds: 5_000)))
    }

    @Test func `a store whose turn it is waits half as long`() throws {
        let store = try StateStore(.memory, schema: Self.schema)
        #expect(!store.isOverdue(at: Self.now, inTurn: true), "nothing is held")
        try batch(store, lots: 1...1, next: 1, at: Self.now)
        #expect(!store.isOverdue(at: Self.now.adding(milliseconds: 999), inTurn: true))
        #expect(store.isOverdue(at: Self.now.adding(milliseconds: 1_000), inTurn: true))
        try store.begin()
        #expect(!store.isOverdue(at: Self.now.adding(milliseconds: 9_000), inTurn: true), "a batch is at hand")
    }

    @Test func `a store that is filled has no turn`() throws {
        let store = try StateStore(.memory, schema: Self.schema)
        try store.beginRestoring(rows: Int(StateStore.filledRows), since: Self.now, changelog: "log[0]")
        try store.restore(key: Array(#"["lot",1]"#.utf8)[...], value: Array("[1,1]".utf8)[...], at: Offset(9))
        try store.commit(at: [("log", Offset(5))], now: Self.now)
        #expect(!store.isOverdue(at: Self.now.adding(milliseconds: 1_999), inTurn: true))
        #expect(store.isOverdue(at: Self.now.adding(milliseconds: 2_000), inTurn: true))
    }

    @Test func `many rows are written at once, and so is what is restored`() throws {
        defer { try? StateStore.wipe(location) }
        var store: StateStore? = try open()
        try store.map { try batch($0, lots: 1...12_000, next: 1, at: Self.now) }
        store = nil
        #expect(try found().lots == 12_000)
        store = try open()
        try store?.beginRestoring(rows: 1, since: Self.now, changelog: "log[0]")
        try store?.restore(key: Array(#"["lot",13000]"#.utf8)[...], value: Array("[13000,1]".utf8)[...], at: Offset(9))
        try store?.commit(at: [("log", Offset(11))], now: Self.now)
        store = nil
        let left = try found()
        #expect(left.lots == 12_001 && left.log == Offset(11))
    }

    @Test func `a batch that is undone takes nothing of those that are held with it`() throws {
        defer { try? StateStore.wipe(location) }
        let store = try open()
        try batch(store, lots: 1...3, next: 3, at: Self.now)
        try store.begin()
        try store.connection.execute("DELETE FROM lot")
        try store.setInputPosition(of: "in", next: Offset(9))
        try store.rollback()
        try batch(store, lots: 4...4, next: 4, at: Self.now)
        try store.commitHeld()
        #expect(try store.connection.integer("SELECT count(*) FROM lot") == 4)
        #expect(try store.inputPosition(of: "in") == Offset(4))
    }

    @Test func `a large batch is undone with those that are held, and the file is as it was`() throws {
        defer { try? StateStore.wipe(location) }
        var store: StateStore? = try StateStore(location, schema: Self.schema, undoableRows: 2)
        func records(_ lots: ClosedRange<Int64>) throws {
            try store?.begin()
            for number in lots {
                try store?.beginRecord(withSavepoint: false)
                try store?.connection.execute("INSERT INTO lot VALUES (\(number), 1)")
                try store?.endRecord()
            }
        }
        try store.map { try batch($0, lots: 1...1, next: 1, at: Self.now) }
        try store?.commitHeld()
        try records(2...9)
        try store?.rollback()
        #expect(try store?.connection.integer("SELECT count(*) FROM lot") == 1, "nothing is held before it")
        try store.map { try batch($0, lots: 2...3, next: 2, at: Self.now) }
        try records(4...5)
        try store?.rollback()
        #expect(try store?.connection.integer("SELECT count(*) FROM lot") == 3, "it is small enough")
        try records(4...6)
        #expect {
            try store?.rollback()
        } throws: { failure in
            (failure as? StoreFailure)?.cause == .heldUndone
        }
        #expect(throws: StoreFailure.self, "half a batch is among them") { try store?.commitHeld() }
        store = nil
        let left = try found()
        #expect(left.lots == 1 && left.input == Offset(1) && left.log == Offset(10))
    }

    @Test func `half a batch that could not be undone is not written with those that are held`() throws {
        defer { try? StateStore.wipe(location) }
        var store: StateStore? = try open()
        try store.map { try batch($0, lots: 1...1, next: 1, at: Self.now) }
        try store?.commitHeld()
        try store.map { try batch($0, lots: 2...2, next: 2, at: Self.now) }
        try store?.begin()
        try store?.connection.execute("INSERT INTO lot VALUES (3, 1)")
        // Without its mark the batch cannot be undone alone.
        try store?.connection.execute("RELEASE batch")
        #expect(throws: StoreFailure.self) { try store?.rollback() }
        #expect(throws: StoreFailure.self) { try store?.commitHeld() }
        #expect(throws: StoreFailure.self, "it has to be opened anew") { try store?.begin() }
        store = nil
        let left = try found()
        #expect(left.lots == 1 && left.input == Offset(1) && left.log == Offset(10))
    }

    @Test func `a batch's changes are its own, however many are held before it`() throws {
        let store = try StateStore(.memory, schema: Self.schema)
        try batch(store, lots: 1...3, next: 3, at: Self.now)
        try store.begin()
        #expect(!store.hasChanges)
        try store.connection.execute("UPDATE lot SET points = 2 WHERE number = 3")
        var keys: [String] = []
        try store.forEachChange { key, _ in keys.append(String(decoding: key, as: UTF8.self)) }
        #expect(keys == [#"["lot",3]"#])
    }

    @Test func `what fills a store is held too, and read again if a part of it fails`() throws {
        defer { try? StateStore.wipe(location) }
        var store: StateStore? = try open()
        func fill(_ lots: ClosedRange<Int>, next: Int64) throws {
            try store?.beginRestoring(rows: lots.count, since: Self.now, changelog: "log[0]")
            for number in lots {
                try store?.restore(
                    key: Array(#"["lot",\#(number)]"#.utf8)[...], value: Array("[\(number),1]".utf8)[...],
                    at: Offset(9))
            }
            try store?.commit(at: [("log", Offset(next))], now: Self.now)
        }
        try fill(1...50_000, next: 5)
        try fill(50_001...50_010, next: 6)
        #expect(try store?.logPosition(of: "log") == Offset(6))
        try store?.beginRestoring(rows: 1, since: Self.now, changelog: "log[0]")
        #expect(throws: StoreFailure.self, "what is held cannot be kept without what failed") {
            try store?.rollback()
        }
        store = nil
        #expect(try found().lots == 0)
        store = try open()
        try fill(1...50_000, next: 5)
        try store?.endRestoring()
        try store?.commitHeld()
        store = nil
        let left = try found()
        #expect(left.lots == 50_000 && left.log == Offset(5))
    }
}
