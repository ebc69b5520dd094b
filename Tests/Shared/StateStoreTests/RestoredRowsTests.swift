import EventLog
import Foundation
import Primitives
import StateStore
import Testing

/// A store that is filled gathers what it is filled with: in the end it has what the changelog says, whatever comes in
/// whatever order, and a record that is none is told of by its place.
@Suite("Restored rows")
struct RestoredRowsTests {
    private static let schema = StoreSchema(
        versions: [
            """
            CREATE TABLE lot (number INTEGER PRIMARY KEY, points INTEGER NOT NULL CHECK (points > 0)) STRICT;
            CREATE TABLE name (id TEXT PRIMARY KEY NOT NULL, text TEXT NOT NULL) STRICT, WITHOUT ROWID;
            """
        ], changelogged: ["lot", "name"])
    private static let now = Timestamp(milliseconds: 5_000)

    private let location: StoreLocation

    init() {
        location = .file(
            path: FileManager.default.temporaryDirectory.path + "/restored-\(UInt64.random(in: 0...(.max)))")
    }

    private typealias Change = (key: String, value: String?)

    private func restore(
        _ changes: some Sequence<Change>, to store: StateStore, from first: Int64, rows: Int
    ) throws {
        try store.beginRestoring(rows: rows, since: Self.now, changelog: "log[3]")
        var offset = first
        for change in changes {
            try store.restore(
                key: Array(change.key.utf8)[...], value: change.value.map { Array($0.utf8)[...] }, at: Offset(offset))
            offset += 1
        }
        try store.commit(at: [("log", Offset(offset))], now: Self.now)
    }

    private func lot(_ number: Int, _ points: Int?) -> Change {
        (#"["lot",\#(number)]"#, points.map { "[\(number),\($0)]" })
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `the newest record of each key counts, however they are spread over slices and commits`(seed: UInt64) throws {
        defer { try? StateStore.wipe(location) }
        var entropy = SeededEntropy(seed: seed)
        var store: StateStore? = try StateStore(location, schema: Self.schema)
        var (lots, names): ([Int: Int], [String: String]) = ([:], [:])
        var (offset, slices) = (Int64(0), 0)
        // All of it fills the store, and more than four megabytes come between two commits.
        for _ in 0..<12 {
            var changes: [Change] = []
            for _ in 0..<10_000 {
                let number = Int(entropy.below(30_000))
                if entropy.below(2) == 0 {
                    lots[number] = entropy.below(4) == 0 ? nil : 1 + Int(entropy.below(1_000))
                    changes.append(lot(number, lots[number]))
                } else {
                    let (id, text) = ("n\(number)", String(repeating: "x", count: Int(entropy.below(300))))
                    names[id] = entropy.below(4) == 0 ? nil : text
                    changes.append((#"["name","\#(id)"]"#, names[id].map { #"["\#(id)","\#($0)"]"# }))
                }
            }
            try store.map { try restore(changes, to: $0, from: offset, rows: 50_000) }
            offset += Int64(changes.count)
            slices += 1
            guard slices == 6 else { continue }
            #expect(try store?.connection.integer("SELECT count(*) FROM lot") ?? 0 > 0, "too many to wait")
            // The process ends, and another goes on where the file is.
            try store?.commitHeld()
            store = nil
            store = try StateStore(location, schema: Self.schema)
            #expect(try store?.logPosition(of: "log") == Offset(offset))
        }
        try store?.endRestoring()
        try store?.commitHeld()
        store = nil
        let left = try StateStore(location, schema: Self.schema)
        #expect(try left.logPosition(of: "log") == Offset(offset))
        var found: [Int: Int] = [:]
        var select = try left.connection.prepare("SELECT number, points FROM lot")
        while try select.next() { found[Int(select.integer(0))] = Int(select.integer(1)) }
        #expect(found == lots)
        var foundNames: [String: String] = [:]
        select = try left.connection.prepare("SELECT id, text FROM name")
        while try select.next() { foundNames[select.text(0)] = select.text(1) }
        #expect(foundNames == names)
    }

    @Test func `positions that were restored are read before the rest is written`() throws {
        let store = try StateStore(.memory, schema: Self.schema)
        try restore([(#"["input_position","in"]"#, #"["in",77]"#)], to: store, from: 0, rows: 50_000)
        #expect(try store.inputPosition(of: "in") == Offset(77))
    }

    @Test func `a record that is no row is told of by its own place`() throws {
        for (key, value) in [(#"["lot",6]"#, "[6,-1]"), (#"["lot",6]"#, "[6"), (#"["other",6]"#, "[6]")] {
            for rows in [1, 50_000] {
                let store = try StateStore(.memory, schema: Self.schema)
                let failure = #expect(throws: StoreFailure.self) {
                    try restore(
                        [lot(9, 1), (key, value), lot(2, 1), lot(3, 1)], to: store, from: 40, rows: rows)
                    try store.endRestoring()
                }
                #expect(failure?.operation.hasPrefix("log[3]@41: ") == true, "\(String(describing: failure))")
                #expect(failure?.consequence == .stop)
            }
        }
    }

    @Test func `a stop writes what has come so far`() throws {
        defer { try? StateStore.wipe(location) }
        var store: StateStore? = try StateStore(location, schema: Self.schema)
        try store.map { try restore([lot(5, 1), lot(4, 1), lot(5, nil)], to: $0, from: 0, rows: 50_000) }
        try store?.commitHeld()
        store = nil
        let left = try StateStore(location, schema: Self.schema)
        #expect(try left.connection.integer("SELECT sum(number) FROM lot") == 4)
        #expect(try left.logPosition(of: "log") == Offset(3))
    }
}
