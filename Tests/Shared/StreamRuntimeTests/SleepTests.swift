// A process that sleeps for longer than tombstones live, and what its stores are taken for afterwards.

import EventLog
import Primitives
import ServiceRig
import SimulatedLog
import StateStore
import Telemetry
import Testing

@testable import StreamRuntime

@Suite("A worker that slept")
struct SleepTests {
    private static let sleepMilliseconds: Int64 = 8 * 86_400_000
    /// More than a slice of the restore.
    private static let rows = 6_000
    private static let maximumSteps = 1_000

    private let rig = ServiceRig(partitions: 1)
    private let image = StoreImage()
    private let worker: Worker<SimulatedLog>

    init() {
        worker = Worker(
            log: rig.log, topology: countingTopology(),
            settings: WorkerSettings(member: "a", stores: .images { [image] _ in image }, partitions: rig.partitions),
            clock: rig.clock, logger: Logger(service: "test", clock: rig.clock, sink: rig.sink),
            registry: rig.registry, status: WorkerStatus())
    }

    private func step(until isThere: (PartitionTask) -> Bool) throws {
        for _ in 0..<Self.maximumSteps where !(worker.tasks.first.map(isThere) ?? false) {
            _ = try worker.step()
            rig.cluster.advance(milliseconds: 20)
        }
        #expect(worker.tasks.first.map(isThere) ?? false)
    }

    private func commitTime() throws -> Timestamp? {
        try StateStore(.image(image), schema: countingTopology().schema).commitTime()
    }

    private var wipes: Int64 {
        rig.registry.value(of: "pointstream_store_wipes_total", labels: [("service", "rule-evaluator")]) ?? 0
    }

    @Test(arguments: [true, false])
    func `writes what it held as old as its last batch`(_ isClosed: Bool) throws {
        try step { $0.isRunning }
        try rig.append(.customerEvents, key: Array("ada".utf8), value: [1])
        try step { $0.store?.heldSince != nil }
        let last = rig.clock.now()
        rig.clock.advance(milliseconds: Self.sleepMilliseconds)
        if isClosed { worker.close() } else { _ = try worker.step() }
        #expect(try #require(try commitTime()) <= last, "tombstones may have expired since")
    }

    @Test func `restores a store anew that it was restoring`() throws {
        for number in 0..<Self.rows {
            try rig.append(
                .changelog(of: .ruleEvaluator), key: Array(#"["tally","\#(number)"]"#.utf8),
                value: Array(#"["\#(number)",1]"#.utf8))
        }
        try step { !$0.restoredTo.isEmpty }
        let first = rig.clock.now()
        #expect(try #require(try commitTime()) <= first)
        rig.clock.advance(milliseconds: Self.sleepMilliseconds)
        try step { $0.isRunning }
        #expect(wipes == 1)
        #expect(try #require(try commitTime()) > first)
        #expect(
            try worker.tasks.first?.store?.connection.integer("SELECT count(*) FROM tally") == Int64(Self.rows))
    }
}
