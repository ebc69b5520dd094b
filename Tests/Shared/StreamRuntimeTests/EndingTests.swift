import EventLog
import Foundation
import Messages
import Primitives
import ServiceRig
import SimulatedLog
import StateStore
import StreamRuntime
import Testing

/// What a worker cannot mend stops it with a code of the runbook, and destroys nothing on the way.
@Suite("Endings")
struct EndingTests {
    private let keys = ["ada", "ben", "cy", "dot", "eve"]
    private let group = "pointstream.rule-evaluator"

    private func send(_ rig: ServiceRig, _ keys: [String]) throws {
        for key in keys { try rig.append(.customerEvents, key: Array(key.utf8), value: Array("x".utf8)) }
    }

    private func folder(_ name: String) throws -> String {
        let path =
            FileManager.default.temporaryDirectory.path
            + "/ending-\(ProcessInfo.processInfo.processIdentifier)-\(name)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    private func name(_ rig: ServiceRig, _ topic: TopicID) -> String { rig.log.catalog.name(of: topic) }

    private var changelog: TopicID { .changelog(of: .ruleEvaluator) }

    private func wipes(_ rig: ServiceRig) -> Int64 {
        rig.registry.value(of: "pointstream_store_wipes_total", labels: [("service", "rule-evaluator")]) ?? 0
    }

    /// The rows of the counting service's store, read by somebody else.
    private func rows(in folder: String) throws -> Int64? {
        try Connection(.file(path: folder + "/partition-0.sqlite")).integer("SELECT count(*) FROM tally")
    }

    /// Runs the counting service over `keys` with its stores in `folder`, and kills it.
    /// Not before the file has everything: what a store holds for a moment would be gone with the process.
    private func runAndKill(_ rig: ServiceRig, _ folder: String?) throws {
        let running = rig.start(countingTopology(), folder: folder)
        try send(rig, keys)
        rig.settle()
        rig.pass(milliseconds: 2_000)
        #expect(running.status.isReady)
        rig.kill(running)
    }

    @Test func `an input that lost records before they were read stops with their number`() throws {
        let rig = ServiceRig(partitions: 1)
        try runAndKill(rig, nil)
        try send(rig, keys)
        try rig.cluster.trim(
            topic: name(rig, .customerEvents), partition: PartitionIndex(0), before: Offset(8))
        let next = rig.start(countingTopology())
        rig.pass(milliseconds: 30_000)
        #expect(next.stop?.code == .offsetOutOfRange)
        #expect(next.stop?.detail.contains("customer-events.v1[0]: the group has read to 5") == true)
        #expect(next.stop?.detail.contains("begins at 8: 3 offsets are gone") == true)
        #expect(try rig.records(of: .walletCommands).count == keys.count)
    }

    @Test func `retention up to the group's position takes nothing from it`() throws {
        let rig = ServiceRig(partitions: 1)
        try runAndKill(rig, nil)
        try rig.cluster.trim(
            topic: name(rig, .customerEvents), partition: PartitionIndex(0), before: Offset(5))
        let next = rig.start(countingTopology())
        try send(rig, keys)
        rig.pass(milliseconds: 30_000)
        #expect(next.stop == nil)
        #expect(try rig.records(of: .walletCommands).count == keys.count * 2)
    }

    @Test(arguments: [true, false], [0, 2])
    func `an input that was created anew stops the worker and leaves its store alone`(
        _ isRunning: Bool, _ newRecords: Int
    ) throws {
        let rig = ServiceRig(partitions: 1)
        let path = try folder("input-\(isRunning)-\(newRecords)")
        defer { try? FileManager.default.removeItem(atPath: path) }
        try runAndKill(rig, path)
        var next = isRunning ? rig.start(countingTopology(), folder: path) : nil
        rig.settle()
        rig.cluster.recreate(topic: name(rig, .customerEvents), partitions: 1)
        try send(rig, Array(keys.prefix(newRecords)))
        next = next ?? rig.start(countingTopology(), folder: path)
        rig.pass(milliseconds: 30_000)
        #expect(next?.stop?.code == .topicRecreated)
        #expect(next?.stop?.detail.contains("customer-events.v1[0]: offset 5") == true)
        #expect(wipes(rig) == 0)
        if let next { rig.close(next) }
        #expect(try rows(in: path) == 5)
    }

    @Test func `a group whose position is gone stops, whether the store is there or only its changelog`() throws {
        for isKept in [true, false] {
            let rig = ServiceRig(partitions: 1)
            let path = try folder("position-\(isKept)")
            defer { try? FileManager.default.removeItem(atPath: path) }
            try runAndKill(rig, path)
            rig.pass(milliseconds: 30_000)
            rig.cluster.forgetOffsets(group: group)
            let next = rig.start(countingTopology(), member: "b", folder: isKept ? path : nil)
            rig.pass(milliseconds: 30_000)
            #expect(next.stop?.code == .positionMissing)
            #expect(next.stop?.detail.contains("the store has seen all before 5") == true)
            #expect(wipes(rig) == 0)
        }
    }

    @Test func `a question that fails when everything is restored is asked again`() throws {
        let rig = ServiceRig(partitions: 1)
        try runAndKill(rig, nil)
        rig.pass(milliseconds: 30_000)
        rig.cluster.forgetOffsets(group: group)
        // The first time a partition is opened; the second, its store was restored and does not stand where the group
        // does.
        rig.cluster.inject(.fail(.retry), at: .committedOffset, after: 1)
        let next = rig.start(countingTopology(), member: "b")
        rig.pass(milliseconds: 30_000)
        #expect(next.stop?.code == .positionMissing)
    }

    @Test(arguments: [true, false])
    func `a changelog that was created anew stops the worker before the last whole copy is touched`(
        _ isRunning: Bool
    ) throws {
        let rig = ServiceRig(partitions: 1)
        let path = try folder("changelog-\(isRunning)")
        defer { try? FileManager.default.removeItem(atPath: path) }
        try runAndKill(rig, path)
        let running = isRunning ? rig.start(countingTopology(), folder: path) : nil
        rig.settle()
        rig.cluster.recreate(topic: name(rig, changelog), partitions: 1)
        // A worker that runs finds out by where its rows come to lie: what it has counted by then is in the store.
        try send(rig, ["ada"])
        let next = running ?? rig.start(countingTopology(), folder: path)
        rig.pass(milliseconds: 30_000)
        #expect(next.stop?.code == .topicRecreated)
        #expect(next.stop?.detail.contains("rule-evaluator-changelog.v1[0]: offset") == true)
        rig.close(next)
        #expect(wipes(rig) == 0)
        #expect(try rows(in: path) == 5)
        // It stays so at every further start.
        let again = rig.start(countingTopology(), folder: path)
        rig.pass(milliseconds: 30_000)
        #expect(again.stop?.code == .topicRecreated)
        #expect(wipes(rig) == 0)
    }

    @Test func `a changelog that lost rows stops a store that lacks them, and no other`() throws {
        let rig = ServiceRig(partitions: 1)
        let path = try folder("trimmed")
        defer { try? FileManager.default.removeItem(atPath: path) }
        try runAndKill(rig, path)
        try rig.cluster.trim(topic: name(rig, changelog), partition: PartitionIndex(0), before: Offset(3))
        let whole = rig.start(countingTopology(), folder: path)
        rig.pass(milliseconds: 30_000)
        #expect(whole.stop == nil)
        rig.kill(whole)
        let empty = rig.start(countingTopology(), member: "b")
        rig.pass(milliseconds: 30_000)
        #expect(empty.stop?.code == .changelogTrimmed)
        #expect(empty.stop?.detail.contains("it begins at 3, the store has rows up to 0") == true)
    }

    @Test func `partitions that were added stop the worker before a record goes to a wrong store`() throws {
        let rig = ServiceRig(partitions: 2)
        try runAndKill(rig, nil)
        for topic in [TopicID.customerEvents, .walletCommands, changelog] {
            rig.cluster.extend(topic: name(rig, topic), to: 3)
        }
        let next = rig.start(countingTopology(), member: "b")
        rig.pass(milliseconds: 30_000)
        #expect(next.stop?.code == .partitionCount)
        #expect(next.stop?.detail.contains("partition 2 of pointstream.customer-events.v1") == true)
    }

    @Test func `whoever finds an input cut tells every partition, its own and those of other workers`() throws {
        let rig = ServiceRig(partitions: 4)
        let members = ["a", "b"]
        let before = members.map { rig.start(countingTopology(), member: $0) }
        try send(rig, keys)
        rig.settle()
        before.forEach(rig.kill)
        try send(rig, keys)
        let input = name(rig, .customerEvents)
        let cut = Dictionary(grouping: keys + keys) { rig.partitions.partition(of: Array($0.utf8)) }
        try #require(cut.count > 2, "two workers own two partitions each")
        for (partition, sent) in cut {
            try rig.cluster.trim(topic: input, partition: partition, before: Offset(Int64(sent.count)))
        }
        // In time, so each comes back as the member that it was, to its own partitions.
        let workers = members.map { rig.start(countingTopology(), member: $0) }
        rig.settle()
        for worker in workers {
            #expect(worker.stop?.code == .offsetOutOfRange)
            for partition in cut.keys {
                #expect(worker.stop?.detail.contains("\(input)[\(partition)]: the group has read to") == true)
            }
        }
    }

    @Test func `a configuration that was deleted and came back whole is read anew, a shorter one stops`() throws {
        for documents in [1, 3] {
            let rig = ServiceRig(partitions: 1)
            for number in 0..<2 { try rig.configure("source", "till-\(number)", #"{"active": true}"#) }
            let running = rig.start(countingTopology())
            rig.settle()
            rig.cluster.deleteTopic(name(rig, .config))
            for _ in 0..<50 {
                rig.stepAll()
                rig.cluster.advance(milliseconds: 100)
            }
            #expect(running.stop == nil, "a broker that does not know a topic may have just started")
            #expect(running.status.snapshot.waitingFor.contains { $0.contains("config.v1") })
            rig.cluster.recreate(topic: name(rig, .config), partitions: 1)
            for number in 0..<documents { try rig.configure("source", "till-\(number)", #"{"active": true}"#) }
            rig.pass(milliseconds: 30_000)
            #expect(running.stop?.code == (documents < 2 ? .topicRecreated : nil))
            #expect(running.status.isReady == (documents >= 2))
        }
    }

    @Test func `a missing input is waited for`() throws {
        let rig = ServiceRig(partitions: 1)
        let input = name(rig, .customerEvents)
        rig.cluster.deleteTopic(input)
        let running = rig.start(countingTopology())
        rig.pass(milliseconds: 30_000)
        #expect(running.stop == nil && !running.status.isReady)
        rig.cluster.recreate(topic: input, partitions: 1)
        try send(rig, keys)
        rig.pass(milliseconds: 30_000)
        #expect(try rig.records(of: .walletCommands).count == keys.count)
    }

    @Test(arguments: ["trimmed", "recreated", "forgotten"], [true, false])
    func `told where to go on, a worker goes on there, and says so to its store and its group`(
        _ fate: String, _ isKept: Bool
    ) throws {
        let rig = ServiceRig(partitions: 1)
        let path = try folder("resume-\(fate)-\(isKept)")
        defer { try? FileManager.default.removeItem(atPath: path) }
        try runAndKill(rig, path)
        try send(rig, keys)
        let (input, place) = (name(rig, .customerEvents), TopicPartition(.customerEvents, PartitionIndex(0)))
        var offset = Offset(5)
        switch fate {
        case "trimmed":
            offset = Offset(8)
            try rig.cluster.trim(topic: input, partition: place.partition, before: offset)
        case "recreated":
            offset = .zero
            rig.cluster.recreate(topic: input, partitions: 1)
            try send(rig, ["dot", "eve"])
        default: rig.cluster.forgetOffsets(group: group)
        }
        if !isKept { try StateStore.wipe(.file(path: path + "/partition-0.sqlite")) }
        let resumed = rig.start(countingTopology(), folder: path, resumeAt: [place: offset])
        rig.settle()
        #expect(resumed.stop == nil && resumed.status.isReady)
        rig.pass(milliseconds: 2_000)
        rig.kill(resumed)
        // From here on the setting says nothing any more.
        try send(rig, ["eve"])
        let next = rig.start(countingTopology(), folder: path, resumeAt: [place: .zero])
        rig.settle()
        #expect(next.stop == nil && next.status.isReady)
        let counts = try rig.records(of: .walletCommands).filter { $0.keyText == "eve" }.map(\.valueText)
        #expect(counts == ["1", "2", "3"])
        let ada = try rig.records(of: .walletCommands).filter { $0.keyText == "ada" }.map(\.valueText)
        #expect(ada == (fate == "forgotten" ? ["1", "2"] : ["1"]))
        #expect(wipes(rig) == 0)
    }

    @Test func `a place to go on that is not in the log, or not needed, changes nothing`() throws {
        let rig = ServiceRig(partitions: 1)
        try runAndKill(rig, nil)
        let place = TopicPartition(.customerEvents, PartitionIndex(0))
        let good = rig.start(countingTopology(), resumeAt: [place: .zero])
        rig.pass(milliseconds: 2_000)
        #expect(good.stop == nil)
        #expect(try rig.records(of: .walletCommands).count == keys.count)
        rig.kill(good)
        try send(rig, keys)
        try rig.cluster.trim(topic: name(rig, .customerEvents), partition: place.partition, before: Offset(8))
        for offset in [Offset(7), Offset(11)] {
            let next = rig.start(countingTopology(), resumeAt: [place: offset])
            rig.pass(milliseconds: 30_000)
            #expect(next.stop?.code == .offsetOutOfRange)
            rig.kill(next)
        }
    }

    @Test func `a member that was fenced once comes back, two of one name do not go on together`() throws {
        let rig = ServiceRig(partitions: 1)
        let running = rig.start(countingTopology())
        try send(rig, keys)
        rig.settle()
        // The coordinator takes a request that was sent twice for a newcomer.
        let shadow = try rig.log.makeConsumer(group: group, member: "a", topics: [.customerEvents])
        let limits = BatchLimits(records: 1, bytes: 1_000, lingerMilliseconds: 0)
        _ = try shadow.poll(into: RecordBatch(), limits: limits, waitMilliseconds: 0)
        try send(rig, keys)
        rig.pass(milliseconds: 30_000)
        #expect(running.stop == nil && running.status.isReady)
        #expect(try rig.records(of: .walletCommands).count == keys.count * 2)

        let twin = rig.start(countingTopology())
        rig.pass(milliseconds: 30_000)
        let (ended, left) = running.stop == nil ? (twin, running) : (running, twin)
        #expect(ended.stop?.code == .memberTaken)
        rig.close(ended)
        try send(rig, keys)
        rig.pass(milliseconds: 30_000)
        #expect(left.stop == nil && left.status.isReady)
        #expect(try rig.records(of: .walletCommands).count == keys.count * 3)
    }
}
