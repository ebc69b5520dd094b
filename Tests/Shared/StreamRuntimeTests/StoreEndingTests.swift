import EventLog
import Foundation
import Messages
import Primitives
import ServiceRig
import SimulatedLog
import StateStore
import StreamRuntime
import Testing

/// Store files that cannot be used: waited for if that may help, never wiped in a loop.
@Suite("Store endings")
struct StoreEndingTests {
    private func folder(_ name: String) throws -> String {
        let path =
            FileManager.default.temporaryDirectory.path
            + "/store-ending-\(ProcessInfo.processInfo.processIdentifier)-\(name)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    private func send(_ rig: ServiceRig, _ key: String) throws {
        try rig.append(.customerEvents, key: Array(key.utf8), value: Array("x".utf8))
    }

    private func wipes(_ rig: ServiceRig) -> Int64 {
        rig.registry.value(of: "pointstream_store_wipes_total", labels: [("service", "rule-evaluator")]) ?? 0
    }

    /// Lets so much virtual time pass and no more: a worker that is not ready never settles.
    private func pass(_ rig: ServiceRig, milliseconds: Int64) {
        for _ in 0..<(milliseconds / 100) {
            rig.stepAll()
            rig.cluster.advance(milliseconds: 100)
        }
    }

    @Test(arguments: [true, false])
    func `a store that another program holds is waited for, and given up after a while`(_ isLong: Bool) throws {
        let rig = ServiceRig(partitions: 1)
        let path = try folder("locked-\(isLong)")
        defer { try? FileManager.default.removeItem(atPath: path) }
        var reader: Connection? = try Connection(.file(path: path + "/partition-0.sqlite"))
        try reader?.execute("CREATE TABLE held (id INTEGER) STRICT")
        let running = rig.start(countingTopology(), folder: path)
        pass(rig, milliseconds: 10_000)
        #expect(running.stop == nil)
        #expect(running.status.snapshot.waitingFor.contains { $0.contains("database is locked") })
        if isLong {
            pass(rig, milliseconds: 20_000)
            #expect(running.stop?.code == .storeLocked)
            #expect(wipes(rig) == 0)
        } else {
            try reader?.execute("DROP TABLE held")
            reader = nil
            try send(rig, "ada")
            pass(rig, milliseconds: 20_000)
            #expect(running.stop == nil)
            #expect(try rig.records(of: .walletCommands).count == 1)
        }
        withExtendedLifetime(reader) {}
    }

    @Test func `a folder that is not there is waited for, and given up without a wipe`() throws {
        let rig = ServiceRig(partitions: 1)
        let running = rig.start(countingTopology(), folder: "/nonexistent/folder")
        pass(rig, milliseconds: 10_000)
        #expect(running.stop == nil)
        pass(rig, milliseconds: 20_000)
        #expect(running.stop?.code == .storeUnusable)
        #expect(running.stop?.detail.contains("/nonexistent/folder/partition-0.sqlite") == true)
        #expect(wipes(rig) == 0)
    }

    @Test func `a record that breaks every store is not tried for ever`() throws {
        let rig = ServiceRig(partitions: 1)
        let running = rig.start(countingTopology())
        try send(rig, "ada")
        rig.settle()
        try send(rig, "breaks-the-store")
        pass(rig, milliseconds: 40_000)
        #expect(running.stop?.code == .storeUnusable)
        #expect(wipes(rig) == 3)
    }

    @Test func `a batch that could not be undone is not in the store that is given up`() throws {
        let path = try folder("half-a-batch")
        defer { try? FileManager.default.removeItem(atPath: path) }
        let rig = ServiceRig(partitions: 1)
        let running = rig.start(countingTopology(), folder: path)
        try send(rig, "ada")
        rig.settle()
        try send(rig, "breaks-the-mark")
        rig.settle()
        #expect(running.stop?.code == .storeUnusable)
        rig.close(running)
        let left = try StateStore(.file(path: path + "/partition-0.sqlite"), schema: countingTopology().schema)
        #expect(try left.connection.integer("SELECT count(*) FROM tally WHERE name = 'breaks-the-mark'") == 0)
    }

    @Test func `rows of a newer program stop an older one that has no store`() throws {
        let rig = ServiceRig(partitions: 1)
        try rig.append(.changelog(of: .ruleEvaluator), key: Array(#"["tomorrow",1]"#.utf8), value: Array("[1]".utf8))
        let running = rig.start(countingTopology())
        rig.pass(milliseconds: 1_000)
        #expect(running.stop?.code == .storeNewer)
        #expect(running.stop?.detail.contains("rule-evaluator-changelog.v1[0]@0") == true)
    }

    @Test(arguments: [(#"["tally","ada"]"#, #"["ada",5000]"#), ("[", "[1]"), (#"["tally","ada"]"#, #"[7,1]"#)])
    func `what no program writes to a changelog stops with its place`(_ key: String, _ value: String) throws {
        let rig = ServiceRig(partitions: 1)
        try rig.append(.changelog(of: .ruleEvaluator), key: Array(key.utf8), value: Array(value.utf8))
        let running = rig.start(countingTopology())
        rig.pass(milliseconds: 1_000)
        #expect(running.stop?.code == .recordUnreadable)
        #expect(running.stop?.detail.contains("rule-evaluator-changelog.v1[0]@0") == true)
        #expect(wipes(rig) == 0)
    }

    @Test func `stores that were swapped between partitions are rebuilt, also if their offsets fit`() throws {
        let path = try folder("swapped")
        defer { try? FileManager.default.removeItem(atPath: path) }
        let (first, second) = (path + "/partition-0.sqlite", path + "/partition-1.sqlite")
        let rig = ServiceRig(partitions: 2)
        // The same number of records in both, so that the offsets fit.
        let keys = (0..<60).map { "key-\($0)" }
        var sides: [[String]] = [[], []]
        for key in keys { sides[Int(rig.partitions.partition(of: Array(key.utf8)).number)].append(key) }
        let count = min(sides[0].count, sides[1].count)
        let running = rig.start(countingTopology(), folder: path)
        for number in 0..<count {
            for side in sides { try send(rig, side[number]) }
        }
        rig.settle()
        rig.close(running)
        for end in ["", "-wal"] where FileManager.default.fileExists(atPath: first + end) {
            try FileManager.default.moveItem(atPath: first + end, toPath: path + "/third" + end)
        }
        for end in ["", "-wal"] where FileManager.default.fileExists(atPath: second + end) {
            try FileManager.default.moveItem(atPath: second + end, toPath: first + end)
        }
        for end in ["", "-wal"] where FileManager.default.fileExists(atPath: path + "/third" + end) {
            try FileManager.default.moveItem(atPath: path + "/third" + end, toPath: second + end)
        }
        rig.start(countingTopology(), folder: path)
        for side in sides { try send(rig, side[0]) }
        rig.settle()
        #expect(wipes(rig) == 2)
        for side in sides {
            let counts = try rig.records(of: .walletCommands).filter { $0.keyText == side[0] }.map(\.valueText)
            #expect(counts == ["1", "2"])
        }
    }

    @Test func `a store of another cluster is rebuilt from this one's changelog`() throws {
        let path = try folder("cluster")
        defer { try? FileManager.default.removeItem(atPath: path) }
        for cluster in ["one", "another"] {
            let rig = ServiceRig(partitions: 1, clusterID: cluster)
            let running = rig.start(countingTopology(), folder: path)
            try send(rig, "ada")
            rig.settle()
            #expect(try rig.records(of: .walletCommands).map(\.valueText) == ["1"])
            #expect(wipes(rig) == (cluster == "one" ? 0 : 1))
            rig.close(running)
        }
    }
}
