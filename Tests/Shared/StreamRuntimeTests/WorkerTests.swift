import EventLog
import Foundation
import Messages
import Primitives
import ServiceRig
import SimulatedLog
import StateStore
import StreamRuntime
import Synchronization
import Testing

@Suite("Worker")
struct WorkerTests {
    private let folder =
        FileManager.default.temporaryDirectory.path + "/worker-\(ProcessInfo.processInfo.processIdentifier)-"

    /// Sends each key so many times, in turns.
    private func send(_ rig: ServiceRig, _ keys: [String], times: Int = 1) throws {
        for _ in 0..<times {
            for key in keys { try rig.append(.customerEvents, key: Array(key.utf8), value: Array("x".utf8)) }
        }
    }

    /// What was written for each key, in order.
    private func counts(_ rig: ServiceRig) throws -> [String: [String]] {
        var counts: [String: [String]] = [:]
        for record in try rig.records(of: .walletCommands) {
            counts[record.keyText ?? "", default: []].append(record.valueText ?? "")
        }
        return counts
    }

    private func upTo(_ count: Int) -> [String] { (1...count).map(String.init) }

    private func temporaryFolder(_ name: String) throws -> String {
        let path = folder + name
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    private let keys = ["ada", "ben", "cy", "dot", "eve"]

    @Test func `every record is counted once and in order`() throws {
        let rig = ServiceRig()
        rig.start(countingTopology())
        try send(rig, keys, times: 7)
        rig.settle()
        let counts = try counts(rig)
        for key in keys { #expect(counts[key] == upTo(7)) }
    }

    @Test(arguments: ["kept", "deleted", "truncated", "garbage", "flipped"])
    func `a killed worker's successor goes on where it was, whatever became of the files`(_ fate: String) throws {
        let rig = ServiceRig()
        let path = try temporaryFolder("fate-\(fate)")
        defer { try? FileManager.default.removeItem(atPath: path) }
        let first = rig.start(countingTopology(), folder: path)
        try send(rig, keys, times: 3)
        rig.settle()
        rig.kill(first)
        for number in 0..<2 {
            let file = "\(path)/partition-\(number).sqlite"
            switch fate {
            case "deleted": try StateStore.wipe(.file(path: file))
            case "truncated": try Data(contentsOf: URL(fileURLWithPath: file)).prefix(5_000)
                .write(to: URL(fileURLWithPath: file))
            case "flipped":
                // A page in the middle, behind what opening a store reads.
                var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
                let page = bytes.count / 8_192 * 4_096
                bytes.replaceSubrange(page..<(page + 200), with: Data(repeating: 0xa5, count: 200))
                try bytes.write(to: URL(fileURLWithPath: file))
            case "garbage": try Data(repeating: 7, count: 20_000).write(to: URL(fileURLWithPath: file))
            default: break
            }
        }
        try send(rig, keys, times: 2)
        rig.start(countingTopology(), folder: path)
        rig.settle()
        let counts = try counts(rig)
        for key in keys { #expect(counts[key] == upTo(5)) }
        let wipes = rig.registry.value(
            of: "pointstream_store_wipes_total", labels: [("service", "rule-evaluator")])
        #expect((wipes ?? 0) == (["kept", "deleted"].contains(fate) ? 0 : 2), "damage is noticed and told")
    }

    @Test func `stores that lack much are restored one after the other, behind those that lack little`() throws {
        let rig = ServiceRig(partitions: 4)
        let path = try temporaryFolder("alone")
        defer { try? FileManager.default.removeItem(atPath: path) }
        let first = rig.start(countingTopology(), folder: path)
        try send(rig, (0..<40).map { "key-\($0)" }, times: 5)
        rig.settle()
        rig.close(first)
        for number in [0, 1, 3] { try StateStore.wipe(.file(path: "\(path)/partition-\(number).sqlite")) }
        let second = rig.start(countingTopology(), folder: path, restoredAlone: 5)
        var seen: [[Int32]] = []
        for _ in 0..<200 where seen.last?.count != 4 {
            rig.step(second)
            let running = second.status.snapshot.runningPartitions.sorted()
            if running != seen.last ?? [] { seen.append(running) }
        }
        #expect(seen == [[2], [0, 2], [0, 1, 2], [0, 1, 2, 3]])
        rig.settle()
        try send(rig, ["key-0"])
        rig.settle()
        #expect(try counts(rig)["key-0"] == upTo(6))
    }

    @Test func `an older copy of a store catches up from the changelog`() throws {
        let rig = ServiceRig(partitions: 1)
        let path = try temporaryFolder("older")
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = "\(path)/partition-0.sqlite"
        let first = rig.start(countingTopology(), folder: path)
        try send(rig, keys)
        rig.settle()
        rig.kill(first)
        let copy = try Data(contentsOf: URL(fileURLWithPath: file))
        let second = rig.start(countingTopology(), folder: path)
        try send(rig, keys, times: 4)
        rig.settle()
        rig.kill(second)
        try StateStore.wipe(.file(path: file))
        try copy.write(to: URL(fileURLWithPath: file))
        try send(rig, keys)
        rig.start(countingTopology(), folder: path)
        rig.settle()
        #expect(try counts(rig)["ada"] == upTo(6))
    }

    /// With one undoable row, what is undone takes with it what the store held.
    @Test(
        arguments: [Fault.answerLost, .requestLost, .offsetsStray, .abort, .fence, .markersLate(milliseconds: 300)],
        [1, 1_000])
    func `a commit that fails or has no known end neither loses nor doubles`(
        _ fault: Fault, _ undoableRows: Int64
    ) throws {
        let rig = ServiceRig()
        rig.start(countingTopology(), undoableRows: undoableRows)
        try send(rig, keys)
        rig.settle()
        rig.cluster.inject(fault, at: .commit)
        try send(rig, keys, times: 3)
        rig.settle()
        rig.pass(milliseconds: 15_000)
        let counts = try counts(rig)
        for key in keys { #expect(counts[key] == upTo(4)) }
    }

    @Test(arguments: [2, 3, 7])
    func `a store that fails in mid-batch loses no record, its own or another partition's`(_ every: Int) throws {
        let rig = ServiceRig(partitions: 4)
        let limits = BatchLimits(records: 3, bytes: 1 << 20, lingerMilliseconds: 0)
        rig.start(countingTopology(disk: FullDisk(every: every, times: 12)), limits: limits)
        try send(rig, keys, times: 6)
        rig.settle()
        rig.pass(milliseconds: 60_000)
        let counts = try counts(rig)
        for key in keys { #expect(counts[key] == upTo(6)) }
    }

    @Test func `a store that falls behind by undoing a large batch reads again what the log has`() throws {
        let rig = ServiceRig(partitions: 1)
        rig.start(countingTopology(), undoableRows: 3)
        try send(rig, keys)
        rig.settle()
        rig.cluster.inject(.abort, at: .commit)
        try send(rig, keys, times: 3)
        rig.settle()
        #expect(rig.sink.lines.filter { $0.contains("store.reads-again") }.count == 1)
        #expect(!rig.sink.lines.contains { $0.contains("store.rollback-failed") })
        let counts = try counts(rig)
        for key in keys { #expect(counts[key] == upTo(4)) }
    }

    @Test func `a record that fails in a large batch is dead-lettered alone, whatever is held before it`() throws {
        let rig = ServiceRig(partitions: 2)
        let limits = BatchLimits(records: 12, bytes: 1 << 20, lingerMilliseconds: 0)
        rig.start(countingTopology(), limits: limits, undoableRows: 3)
        for _ in 0..<4 {
            try send(rig, keys, times: 2)
            try send(rig, ["poison"])
        }
        rig.settle()
        rig.pass(milliseconds: 5_000)
        #expect(rig.sink.lines.contains { $0.contains("ROLLBACK TO batch") }, "a store was opened anew for it")
        #expect(try rig.records(of: .deadLetters(of: .ruleEvaluator)).count == 4)
        let counts = try counts(rig)
        for key in keys { #expect(counts[key] == upTo(8)) }
    }

    @Test func `a second worker takes half, and all of it when the first is gone`() throws {
        let rig = ServiceRig(partitions: 4)
        let first = rig.start(countingTopology(), member: "a")
        try send(rig, keys, times: 2)
        rig.settle()
        let second = rig.start(countingTopology(), member: "b")
        rig.settle()
        #expect(first.status.snapshot.runningPartitions.count == 2)
        #expect(second.status.snapshot.runningPartitions.count == 2)
        let together = rig.registry.value(
            of: "pointstream_running_partitions", labels: [("service", "rule-evaluator")])
        #expect(together == 4, "workers of one process are counted together")
        try send(rig, keys, times: 2)
        rig.settle()
        rig.kill(first)
        rig.pass(milliseconds: 30_000)
        #expect(second.status.snapshot.runningPartitions == [0, 1, 2, 3])
        try send(rig, keys)
        rig.settle()
        let counts = try counts(rig)
        for key in keys { #expect(counts[key] == upTo(5)) }
    }

    @Test func `a record that cannot be processed is dead-lettered as it was, and the rest goes on`() throws {
        let rig = ServiceRig(partitions: 1)
        rig.start(countingTopology())
        try send(rig, ["ada"])
        try rig.append(
            .customerEvents, key: Array("poison".utf8), headers: [("h", "v")], value: [0xff, 0x00, 0x0d])
        try rig.append(.customerEvents, key: nil, value: nil)
        try send(rig, ["too-many", "ada"])
        rig.settle()
        let letters = try rig.records(of: .deadLetters(of: .ruleEvaluator))
        #expect(letters.map { $0.headerText("dead-letter-reason") } == ["poison", "no-key", "store-constraint"])
        #expect(letters.first?.value == [0xff, 0x00, 0x0d])
        #expect(letters.first?.headerText("h") == "v")
        #expect(letters.first?.headerText("dead-letter-offset") == "1")
        #expect(letters.dropFirst().first?.value == nil)
        #expect(try counts(rig) == ["ada": ["1", "2"]])
    }

    @Test func `a batch that is done again for one record counts the others' dead letters once`() throws {
        let rig = ServiceRig(partitions: 1)
        rig.start(countingTopology())
        try rig.append(.customerEvents, key: nil, value: nil)
        try send(rig, ["ada", "poison", "ada"])
        rig.settle()
        for code in ["no-key", "poison"] {
            let labels = [("service", "rule-evaluator"), ("code", code)]
            #expect(rig.registry.value(of: "pointstream_dead_letters_total", labels: labels) == 1, "\(code)")
        }
        #expect(try rig.records(of: .deadLetters(of: .ruleEvaluator)).count == 2)
        #expect(try counts(rig) == ["ada": upTo(2)])
    }

    @Test func `a record whose results no log would take is dead-lettered alone, and a huge one is cut`() throws {
        let rig = ServiceRig(partitions: 1)
        rig.start(countingTopology())
        try send(rig, ["ada", "huge", "ada"])
        try rig.append(
            .customerEvents, key: Array("poison".utf8), value: [UInt8](repeating: 0x31, count: 3_000_000))
        try send(rig, ["ada"])
        rig.settle()
        #expect(try counts(rig) == ["ada": upTo(3)])
        let letters = try rig.records(of: .deadLetters(of: .ruleEvaluator))
        #expect(letters.map { $0.headerText("dead-letter-reason") } == ["too-large", "poison"])
        #expect(letters.map { $0.headerText("dead-letter-original-bytes") } == [nil, "3000000"])
        #expect(letters.last?.value?.count == 1_900_000)
    }

    @Test func `a batch of a timer alone is committed, fenced and counted once`() throws {
        let rig = ServiceRig(partitions: 1)
        let running = rig.start(countingTopology())
        try send(rig, ["timer"])
        rig.settle()
        rig.pass(milliseconds: 1_000)
        #expect(try counts(rig) == ["punctuated": ["1"]])
        rig.kill(running)
        rig.start(countingTopology(), member: "b")
        rig.pass(milliseconds: 30_000)
        try send(rig, ["timer"])
        rig.settle()
        #expect(try counts(rig) == ["punctuated": ["1", "2"]])
    }

    @Test func `records without any effect are committed together, late, and not lost or read twice`() throws {
        let rig = ServiceRig(partitions: 1)
        rig.start(countingTopology())
        try send(rig, ["ada"])
        rig.settle()
        let place = (topic: rig.log.catalog.name(of: .customerEvents), partition: PartitionIndex(0))
        func committed() throws -> CommittedOffset {
            try rig.cluster.committedOffset(
                group: "pointstream.rule-evaluator", topic: place.topic, partition: place.partition)
        }
        #expect(try committed() == .offset(Offset(1)))
        try send(rig, ["ignored", "ignored"])
        rig.settle()
        #expect(try committed() == .offset(Offset(1)))
        rig.pass(milliseconds: 1_000)
        #expect(try committed() == .offset(Offset(3)))
        try send(rig, ["ignored", "ada"])
        rig.settle()
        #expect(try committed() == .offset(Offset(5)))
        #expect(try counts(rig) == ["ada": ["1", "2"]])
    }

    @Test func `a store of a newer program stops the worker and is left alone`() throws {
        let rig = ServiceRig(partitions: 1)
        let path = try temporaryFolder("newer")
        defer { try? FileManager.default.removeItem(atPath: path) }
        let first = rig.start(countingTopology(schema: 2), folder: path)
        try send(rig, keys)
        rig.settle()
        rig.kill(first)
        let older = rig.start(countingTopology(schema: 1), folder: path)
        rig.settle()
        #expect(older.stop?.code == .storeNewer)
        #expect(older.stop?.detail.contains("newer") == true)
    }

    @Test(arguments: [true, false])
    func `a store whose changelog lacks rows is rebuilt once, then the worker stops`(_ compares: Bool) throws {
        let rig = ServiceRig(partitions: 1)
        let running = rig.start(countingTopology())
        try send(rig, keys)
        rig.settle()
        rig.kill(running)
        // The group is moved by hand, behind the changelog's back.
        let name = rig.log.catalog.name(of: .customerEvents)
        let mover = try rig.log.makeProducer(transactionalID: "mover", tracked: [])
        try mover.initialize()
        rig.pass(milliseconds: 30_000)
        let consumer = try rig.log.makeConsumer(
            group: "pointstream.rule-evaluator", member: "mover", topics: [.customerEvents])
        let batch = RecordBatch()
        let limits = BatchLimits(records: 1, bytes: 1_000, lingerMilliseconds: 0)
        while try consumer.poll(into: batch, limits: limits, waitMilliseconds: 0) == nil {
            rig.cluster.advance(milliseconds: 100)
        }
        let place = TopicPartition(.customerEvents, PartitionIndex(0))
        let moved = [InputPosition(place, next: Offset(2))]
        guard case .committed = mover.commit(RecordBatch(), offsets: moved, of: consumer) else {
            Issue.record("the mover could not commit to \(name)")
            return
        }
        consumer.close()
        rig.pass(milliseconds: 30_000)
        let next = rig.start(countingTopology(), member: "b", without: compares ? [] : ["comparison"])
        rig.pass(milliseconds: 30_000)
        guard compares else {
            // What the comparison is for: the records behind the moved position are counted again.
            #expect(next.stop == nil)
            #expect(try counts(rig)["eve"] == ["1", "2"])
            return
        }
        #expect(next.stop?.code == .storeDisagrees)
        #expect(rig.registry.value(
            of: "pointstream_store_wipes_total", labels: [("service", "rule-evaluator")]) == 1)
    }

    @Test func `a position that was asked for before somebody else committed is asked for again`() throws {
        let rig = ServiceRig(partitions: 1)
        try send(rig, keys)
        // Asked so far: the configuration's end and the group's position, which is none.
        let asked = Mutex(0)
        nonisolated(unsafe) unowned let world = rig
        let process = SimulatedProcess { moment in
            guard moment == .asked, asked.withLock({ $0 += 1; return $0 == 3 }) else { return }
            unsafe Self.standStill(world, "b")
        }
        let slow = rig.start(countingTopology(), member: "b", process: process)
        rig.settle()
        rig.pass(milliseconds: 30_000)
        #expect(asked.withLock { $0 } > 3)
        #expect(slow.stop == nil)
        #expect(rig.registry.value(
            of: "pointstream_store_wipes_total", labels: [("service", "rule-evaluator")]) == 0)
        try send(rig, keys)
        rig.settle()
        let counts = try counts(rig)
        for key in keys { #expect(counts[key] == upTo(2)) }
    }

    /// Meanwhile the member's session ends, and another one takes its partition and works on it.
    private static func standStill(_ rig: ServiceRig, _ member: String) {
        rig.cluster.silence(member: member, group: "pointstream.rule-evaluator")
        rig.cluster.advance(milliseconds: 15_000)
        let successor = rig.start(countingTopology(), member: "a")
        for _ in 0..<40 {
            rig.step(successor)
            rig.cluster.advance(milliseconds: 50)
        }
    }

    @Test func `a clock that is set back prolongs neither a pause nor a wait`() throws {
        let rig = ServiceRig(partitions: 1)
        rig.start(countingTopology())
        try send(rig, ["ada"])
        rig.settle()
        rig.clock.advance(milliseconds: 3_600_000)
        rig.cluster.inject(.abort, at: .commit)
        try send(rig, ["ada"])
        rig.stepAll()
        rig.clock.advance(milliseconds: -3_600_000)
        rig.settle()
        #expect(try counts(rig)["ada"] == upTo(2))
    }

    @Test func `a process that stood still reads what was configured meanwhile before it decides again`() throws {
        let rig = ServiceRig(partitions: 1)
        rig.start(countingTopology())
        try rig.configure("source", "till-0", #"{"active": true}"#)
        try send(rig, ["ada"])
        rig.settle()
        for number in 1...4 {
            try rig.configure("source", "till-\(number)", #"{"active": true}"#)
            rig.cluster.inject(.slow, at: .read)
        }
        rig.clock.advance(milliseconds: 3_600_000)
        try send(rig, ["ada"])
        rig.settle()
        let decided = try rig.records(of: .walletCommands)
        #expect(decided.map { $0.headerText("configuration") } == ["1", "5"])
        #expect(decided.map(\.valueText) == ["1", "2"])
    }

    @Test(arguments: 1...40)
    func `drawn faults neither lose, double nor reorder`(_ seed: Int) throws {
        let rig = ServiceRig(partitions: 3)
        rig.start(countingTopology(), member: "a")
        rig.start(countingTopology(), member: "b")
        rig.settle()
        rig.cluster.setFaults(SeededFaults(seed: UInt64(seed), rates: swarm(UInt64(seed))))
        var entropy = SeededEntropy(seed: UInt64(seed))
        for round in 0..<12 {
            try send(rig, keys)
            for _ in 0..<20 {
                rig.stepAll()
                rig.cluster.advance(milliseconds: 30)
            }
            if entropy.below(4) == 0, let victim = rig.workers.first {
                rig.kill(victim)
                rig.start(countingTopology(), member: round.isMultiple(of: 2) ? victim.member : "c\(round)")
            }
        }
        rig.cluster.setFaults(nil)
        rig.pass(milliseconds: 60_000)
        rig.pass(milliseconds: 60_000)
        #expect(rig.workers.compactMap(\.stop) == [])
        let counts = try counts(rig)
        for key in keys { #expect(counts[key] == upTo(12)) }
    }

    /// Which faults strike a run, and how often, is drawn too.
    private func swarm(_ seed: UInt64) -> [SeededFaults.Rate] {
        var entropy = SeededEntropy(seed: seed &* 977)
        let candidates: [(Fault, FaultPoint.Call)] = [
            (.answerLost, .commit), (.requestLost, .commit), (.abort, .commit), (.fence, .commit),
            (.requestLate(milliseconds: 400), .commit), (.markersLate(milliseconds: 200), .commit),
            (.fail(.retry), .poll), (.fail(.retry), .committedOffset), (.fail(.retry), .endOffset),
            (.fail(.retry), .initialize), (.pause(milliseconds: 2_000), .poll),
        ]
        return candidates.filter { _ in entropy.below(2) == 0 }
            .map { SeededFaults.Rate($0, at: $1, perMillion: entropy.below(60_000)) }
    }
}
