// What can become of a store's file, and that opening it, or reading all of it, notices.

import Foundation
import Primitives
import StateStore
import Testing

@Suite("Damaged stores")
struct DamageTests {
    private static let schema = StoreSchema(
        versions: ["CREATE TABLE wallet (id INTEGER PRIMARY KEY, name TEXT NOT NULL, points INTEGER NOT NULL) STRICT"],
        changelogged: ["wallet"])

    /// A folder with a store of some pages, closed in order: everything is in the file itself.
    private func withStore(_ body: (_ path: String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("damage-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("p.sqlite").path
        do {
            let store = try StateStore(.file(path: path), schema: Self.schema)
            try store.begin()
            var insert = try store.connection.prepare("INSERT INTO wallet VALUES (?, ?, ?)")
            for number in 0..<400 {
                insert.bind(Int64(number))
                insert.bind("customer number \(number)")
                insert.bind(Int64(number * 3))
                try insert.run()
            }
            try store.commit(at: [], now: Timestamp(milliseconds: 1))
            try store.commitHeld()
        }
        try body(path)
    }

    /// What opening the file and reading all of it says; nil if it is whole.
    private func fault(at path: String) -> StoreFailure.Consequence? {
        do throws(StoreFailure) {
            try StateStore(.file(path: path), schema: Self.schema).checkIntegrity()
            return nil
        } catch {
            return error.consequence
        }
    }

    private func change(_ path: String, _ body: (inout Data) -> Void) throws {
        let url = URL(fileURLWithPath: path)
        var bytes = try Data(contentsOf: url)
        body(&bytes)
        try bytes.write(to: url)
    }

    @Test func `a store that was closed in order is whole, and its pages survive changes`() throws {
        try withStore { path in
            #expect(fault(at: path) == nil)
            do {
                let store = try StateStore(.file(path: path), schema: Self.schema)
                try store.begin()
                try store.connection.execute("UPDATE wallet SET points = points + 1")
                try store.connection.execute("DELETE FROM wallet WHERE id % 3 = 0")
                try store.commit(at: [], now: Timestamp(milliseconds: 2))
            }
            #expect(fault(at: path) == nil)
            #expect(!FileManager.default.fileExists(atPath: path + "-checkpoint"))
        }
    }

    @Test func `any bit that turned over is noticed, in rows, in the schema and in the header`() throws {
        try withStore { path in
            let whole = try Data(contentsOf: URL(fileURLWithPath: path))
            #expect(whole.count >= 4 * 4_096)
            // Every part of a page, in every page; the step has no factor in common with a page's size.
            for position in stride(from: 0, to: whole.count, by: 197) {
                try change(path) { $0[position] ^= 1 << UInt8(position % 8) }
                #expect(fault(at: path) == .rebuild, "byte \(position)")
                try StateStore.wipe(.file(path: path))
                try whole.write(to: URL(fileURLWithPath: path))
            }
            #expect(fault(at: path) == nil)
        }
    }

    @Test func `a page in another's place, a missing end and a file without checksums are noticed`() throws {
        try withStore { path in
            let whole = try Data(contentsOf: URL(fileURLWithPath: path))
            try change(path) { bytes in
                let (third, fourth) = (bytes[8_192..<12_288], bytes[12_288..<16_384])
                bytes.replaceSubrange(8_192..<16_384, with: fourth + third)
            }
            #expect(fault(at: path) == .rebuild)
            try whole.prefix(9_000).write(to: URL(fileURLWithPath: path))
            #expect(fault(at: path) == .rebuild)
            try whole.prefix(4_096).write(to: URL(fileURLWithPath: path))
            #expect(fault(at: path) == .rebuild)
            try change(path) { $0[20] = 0 }
            #expect(fault(at: path) == .rebuild)
        }
    }

    @Test func `a store whose checkpoint was cut short is not trusted, and wiping it removes every trace`() throws {
        try withStore { path in
            #expect(FileManager.default.createFile(atPath: path + "-checkpoint", contents: nil))
            #expect(fault(at: path) == .rebuild)
            try StateStore.wipe(.file(path: path))
            let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
            #expect(fault(at: path) == nil)
        }
    }

    /// Linux's `F_OFD_GETLK`: which locks stand in the way, also those of the process that asks.
    private static let getOtherLock: Int32 = 36

    /// Whether somebody holds a lock on the file. Takes away what this process holds.
    private func isLocked(_ path: String) -> Bool {
        let file = unsafe open(path, O_RDWR)
        defer { close(file) }
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        guard unsafe fcntl(file, Self.getOtherLock, &lock) == 0 else { return false }
        return lock.l_type != Int16(F_UNLCK)
    }

    @Test func `a file that is opened a second time stays locked by the first`() throws {
        try withStore { path in
            let store = try StateStore(.file(path: path), schema: Self.schema)
            let failure = #expect(throws: StoreFailure.self) {
                try StateStore(.file(path: path), schema: Self.schema)
            }
            #expect(failure?.cause == .locked)
            #expect(isLocked(path), "another process would open it")
            withExtendedLifetime(store) {}
        }
    }

    @Test func `damage in the write-ahead log takes its newest transactions and nothing else`() throws {
        try withStore { path in
            var store: StateStore? = try StateStore(.file(path: path), schema: Self.schema)
            for round in 1...3 {
                try store?.begin()
                try store?.connection.execute("UPDATE wallet SET points = \(round)")
                try store?.commit(at: [], now: Timestamp(milliseconds: Int64(round + 1)))
                try store?.commitHeld()
            }
            // What a killed process leaves behind.
            let copy = path + ".copy"
            try FileManager.default.copyItem(atPath: path, toPath: copy)
            try FileManager.default.copyItem(atPath: path + "-wal", toPath: copy + "-wal")
            store = nil
            try change(copy + "-wal") { $0[$0.count - 100] ^= 4 }
            let found = try StateStore(.file(path: copy), schema: Self.schema)
            try found.checkIntegrity()
            #expect(try found.commitTime() == Timestamp(milliseconds: 3))
            #expect(try found.connection.integer("SELECT count(*) FROM wallet WHERE points = 2") == 400)
        }
    }
}
