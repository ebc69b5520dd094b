// How long batches wait for company, by the pace at which records come.

import EventLog
import Primitives
import ServiceRig
import Telemetry
import Testing

@testable import StreamRuntime

@Suite("Batch pace")
struct BatchPaceTests {
    /// Polls that bring so many records, so long apart, for two seconds.
    private func pace(records: Int, everyMilliseconds step: Int64) -> BatchPace {
        var pace = BatchPace()
        for milliseconds in stride(from: Int64(0), through: 2_000, by: Int(step)) {
            pace.note(records: records, areAwaited: false, at: Timestamp(milliseconds: 1_000_000 + milliseconds))
        }
        return pace
    }

    @Test("a batch waits no longer than it always does while few records come")
    func idle() {
        #expect(BatchPace().lingerMilliseconds(idle: 2, busy: 100) == 2)
        #expect(pace(records: 1, everyMilliseconds: 10).recordsPerSecond == 100)
        #expect(pace(records: 1, everyMilliseconds: 10).lingerMilliseconds(idle: 2, busy: 100) == 2)
        #expect(pace(records: 5, everyMilliseconds: 20).lingerMilliseconds(idle: 2, busy: 100) == 2)
    }

    @Test("it waits for others while many come, and a part of that in between")
    func busy() {
        #expect(pace(records: 15, everyMilliseconds: 40).lingerMilliseconds(idle: 2, busy: 100) == 51)
        #expect(pace(records: 5, everyMilliseconds: 10).lingerMilliseconds(idle: 2, busy: 100) == 100)
        #expect(pace(records: 2_000, everyMilliseconds: 100).lingerMilliseconds(idle: 2, busy: 100) == 100)
    }

    @Test("when they stop coming the wait ends with them, also after one poll that took long")
    func quiet() {
        var pace = pace(records: 100, everyMilliseconds: 10)
        #expect(pace.recordsPerSecond == 10_000)
        pace.note(records: 1, areAwaited: false, at: Timestamp(milliseconds: 1_010_000))
        #expect(pace.recordsPerSecond == 0)
        #expect(pace.lingerMilliseconds(idle: 2, busy: 100) == 2)
    }

    @Test("a worker's batches wait by it, and never longer than the worker may")
    func worker() throws {
        let rig = ServiceRig(partitions: 1)
        let worker = Worker(
            log: rig.log, topology: countingTopology(),
            settings: WorkerSettings(
                member: "a", stores: .memory, partitions: rig.partitions, busyLingerMilliseconds: 100),
            clock: rig.clock, logger: Logger(service: "test", clock: rig.clock, sink: rig.sink),
            registry: rig.registry, status: WorkerStatus())
        func turns(bringing records: Int, headers: [(name: String, value: String)] = []) throws {
            for _ in 0..<100 {
                for _ in 0..<records { try rig.append(.customerEvents, key: [1], headers: headers, value: [2]) }
                _ = try worker.step()
                rig.cluster.advance(milliseconds: 20)
            }
        }
        try turns(bringing: 0)
        #expect(worker.batchLimits(100).lingerMilliseconds == 2)
        try turns(bringing: 50)
        #expect(worker.batchLimits(100).lingerMilliseconds == 100)
        #expect(worker.batchLimits(30).lingerMilliseconds == 30)
        #expect(worker.batchLimits(0).lingerMilliseconds == 2)
        #expect(worker.batchLimits(100).records == 2_000)
        // Callers who wait for their outcome are not held up, however many they are.
        try turns(bringing: 50, headers: [("reply-partition", "0"), ("correlation-id", "7")])
        #expect(worker.batchLimits(100).lingerMilliseconds == 2)
        try turns(bringing: 50)
        #expect(worker.batchLimits(100).lingerMilliseconds == 100)
        try turns(bringing: 0)
        #expect(worker.batchLimits(100).lingerMilliseconds == 2)
    }

    @Test("a clock that was set back starts a new count")
    func setBack() {
        var pace = pace(records: 100, everyMilliseconds: 10)
        pace.note(records: 100, areAwaited: false, at: Timestamp(milliseconds: 5_000))
        pace.note(records: 50, areAwaited: false, at: Timestamp(milliseconds: 5_500))
        #expect(pace.recordsPerSecond == 100)
    }
}
