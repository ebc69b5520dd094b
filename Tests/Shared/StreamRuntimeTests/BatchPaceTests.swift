// How long batches wait for company, by the pace at which records come.

import EventLog
import Primitives
import ServiceRig
import SimulatedLog
import Telemetry
import Testing

@testable import StreamRuntime

@Suite("Batch pace")
struct BatchPaceTests {
    private static let end = Timestamp(milliseconds: 1_002_000)

    /// Polls that bring so many records, so long apart, for two seconds; the last one at their end.
    private func pace(records: Int, everyMilliseconds step: Int64, workers: Int = 2) -> BatchPace {
        var pace = BatchPace(workers: workers)
        for milliseconds in stride(from: Int64(2_000), through: 0, by: -Int(step)) {
            pace.note(records: records, areAwaited: false, at: Self.end.adding(milliseconds: -milliseconds))
        }
        return pace
    }

    private func worker(batchIntervalMilliseconds interval: Int) -> (ServiceRig, Worker<SimulatedLog>) {
        let rig = ServiceRig(partitions: 1)
        let settings = WorkerSettings(
            member: "a", workers: 2, stores: .memory, partitions: rig.partitions, batchIntervalMilliseconds: interval)
        let worker = Worker(
            log: rig.log, topology: countingTopology(), settings: settings, clock: rig.clock,
            logger: Logger(service: "test", clock: rig.clock, sink: rig.sink), registry: rig.registry,
            status: WorkerStatus())
        return (rig, worker)
    }

    @Test("a batch waits no longer than it always does while few records come")
    func idle() {
        #expect(BatchPace(workers: 2).restMilliseconds(interval: 100, at: Self.end) == 0)
        #expect(pace(records: 1, everyMilliseconds: 10).recordsPerSecond == 100)
        #expect(pace(records: 1, everyMilliseconds: 10).restMilliseconds(interval: 100, at: Self.end) == 0)
        #expect(pace(records: 5, everyMilliseconds: 20).restMilliseconds(interval: 100, at: Self.end) == 0)
    }

    @Test("it waits for others while many come, and a part of that in between")
    func busy() {
        #expect(pace(records: 5, everyMilliseconds: 8).restMilliseconds(interval: 100, at: Self.end) == 50)
        #expect(pace(records: 10, everyMilliseconds: 10).restMilliseconds(interval: 100, at: Self.end) == 100)
        #expect(pace(records: 25, everyMilliseconds: 10).restMilliseconds(interval: 100, at: Self.end) == 100)
    }

    @Test("it waits for up to twice that while a crowd comes")
    func crowd() {
        #expect(pace(records: 33, everyMilliseconds: 10).restMilliseconds(interval: 50, at: Self.end) == 70)
        #expect(pace(records: 40, everyMilliseconds: 10).restMilliseconds(interval: 50, at: Self.end) == 100)
        #expect(pace(records: 2_000, everyMilliseconds: 100).restMilliseconds(interval: 50, at: Self.end) == 100)
        #expect(pace(records: 2_000, everyMilliseconds: 100).restMilliseconds(interval: 0, at: Self.end) == 0)
    }

    @Test("a crowd is one of the process, and what goes before it of the worker")
    func workers() {
        func rest(_ records: Int, workers: Int) -> Int {
            pace(records: records, everyMilliseconds: 10, workers: workers)
                .restMilliseconds(interval: 50, at: Self.end)
        }
        #expect(rest(66, workers: 1) == 70 && rest(33, workers: 2) == 70)
        #expect(rest(80, workers: 1) == 100 && rest(20, workers: 4) == 100)
        #expect(rest(33, workers: 1) == 50)
        #expect(rest(10, workers: 1) == 50 && rest(10, workers: 2) == 50)
        #expect(rest(5, workers: 1) == 16 && rest(5, workers: 2) == 16)
    }

    @Test("what the batch before took is part of the interval, and polls that brought nothing are not a batch")
    func interval() {
        var pace = pace(records: 10, everyMilliseconds: 10)
        pace.note(records: 0, areAwaited: false, at: Self.end.adding(milliseconds: 30))
        #expect(pace.restMilliseconds(interval: 50, at: Self.end.adding(milliseconds: 30)) == 20)
        #expect(pace.restMilliseconds(interval: 50, at: Self.end.adding(milliseconds: 50)) == 0)
        #expect(pace.restMilliseconds(interval: 50, at: Self.end.adding(milliseconds: 90)) == 0)
        #expect(pace.restMilliseconds(interval: 50, at: Self.end.adding(milliseconds: -4_000)) == 50, "set back")
    }

    @Test("while there is room no interval is longer than half as much again as the batch before took")
    func took() {
        func rest(_ records: Int, took: Int64, workers: Int = 2) -> Int {
            var pace = pace(records: records, everyMilliseconds: 10, workers: workers)
            pace.noteEnd(at: Self.end.adding(milliseconds: took))
            return pace.restMilliseconds(interval: 50, at: Self.end)
        }
        #expect(rest(10, took: 10) == 15 && rest(10, took: 30) == 45)
        #expect(rest(10, took: 34) == 50 && rest(10, took: 400) == 50)
        #expect(rest(10, took: 0) == 0)
        #expect(rest(10, took: -4_000) == 0, "set back")
        #expect(rest(5, took: 10) == 15 && rest(5, took: 30) == 16)
        #expect(rest(30, took: 10, workers: 1) == 15 && rest(15, took: 10) == 15)
        #expect(rest(36, took: 10, workers: 1) == 35 && rest(18, took: 10) == 35)
        #expect(rest(45, took: 10, workers: 1) == 50 && rest(25, took: 10) == 50)
        #expect(rest(33, took: 10) == 70 && rest(40, took: 0) == 100)
    }

    @Test("what callers wait for is held up while there is room, and never by a crowd")
    func awaited() {
        func rest(_ records: Int, took: Int64) -> Int {
            var pace = pace(records: records, everyMilliseconds: 10)
            pace.note(records: 1, areAwaited: true, at: Self.end)
            pace.noteEnd(at: Self.end.adding(milliseconds: took))
            pace.note(records: 0, areAwaited: false, at: Self.end)
            return pace.restMilliseconds(interval: 50, at: Self.end)
        }
        #expect(rest(1, took: 10) == 0)
        #expect(rest(10, took: 10) == 15 && rest(10, took: 400) == 50)
        #expect(rest(18, took: 10) == 0 && rest(18, took: 400) == 30)
        #expect(rest(25, took: 400) == 0 && rest(40, took: 400) == 0)
    }

    @Test("what callers wait for counts while they wait, and makes no crowd for others")
    func mixed() {
        var pace = BatchPace(workers: 2)
        pace.note(records: 0, areAwaited: false, at: Self.end)
        for _ in 0..<100 {
            pace.note(records: 1, areAwaited: false, at: Self.end)
            pace.note(records: 10, areAwaited: true, at: Self.end)
        }
        pace.note(records: 0, areAwaited: false, at: Self.end.adding(milliseconds: 1_000))
        #expect(pace.recordsPerSecond == 100)
        #expect(pace.restMilliseconds(interval: 50, at: Self.end) == 50, "1,100 a second")
        pace.note(records: 1, areAwaited: false, at: Self.end.adding(milliseconds: 1_001))
        #expect(pace.restMilliseconds(interval: 50, at: Self.end.adding(milliseconds: 1_001)) == 0, "100 a second")
    }

    @Test("the newest batch that has ended counts, and before the first the whole interval")
    func newest() {
        var untried = BatchPace(workers: 2)
        untried.noteEnd(at: Self.end)
        #expect(untried.restMilliseconds(interval: 50, at: Self.end) == 0)
        var pace = pace(records: 10, everyMilliseconds: 10)
        pace.noteEnd(at: Self.end.adding(milliseconds: 400))
        pace.note(records: 10, areAwaited: false, at: Self.end.adding(milliseconds: 405))
        pace.noteEnd(at: Self.end.adding(milliseconds: 415))
        #expect(pace.restMilliseconds(interval: 50, at: Self.end.adding(milliseconds: 405)) == 15)
        #expect(pace.restMilliseconds(interval: 50, at: Self.end.adding(milliseconds: 419)) == 1)
    }

    @Test("when they stop coming the wait ends with them, also after one poll that took long")
    func quiet() {
        var pace = pace(records: 100, everyMilliseconds: 10)
        #expect(pace.recordsPerSecond == 10_000)
        let later = Timestamp(milliseconds: 1_010_000)
        pace.note(records: 1, areAwaited: false, at: later)
        #expect(pace.recordsPerSecond == 0)
        #expect(pace.restMilliseconds(interval: 100, at: later) == 0)
    }

    @Test("a worker's batches wait by it, and never longer than the worker may")
    func worker() throws {
        let (rig, worker) = self.worker(batchIntervalMilliseconds: 100)
        let step: Int64 = 20
        func turns(bringing records: Int, headers: [(name: String, value: String)] = []) throws {
            for _ in 0..<100 {
                for _ in 0..<records { try rig.append(.customerEvents, key: [1], headers: headers, value: [2]) }
                _ = try worker.step()
                rig.cluster.advance(milliseconds: step)
            }
        }
        // As when the newest batch has just come.
        func limits(_ wait: Int) -> BatchLimits {
            worker.batchLimits(wait, at: rig.clock.now().adding(milliseconds: -step))
        }
        try turns(bringing: 0)
        #expect(limits(100).earliestEndMilliseconds == 0)
        // Batches take no time in this cluster, and where there is no room that shortens no wait.
        try turns(bringing: 50)
        #expect(limits(100).earliestEndMilliseconds == 100)
        #expect(limits(30).earliestEndMilliseconds == 30)
        #expect(limits(0).earliestEndMilliseconds == 0)
        #expect(limits(100).records == 2_000)
        #expect(limits(100).lingerMilliseconds == 2)
        // Callers who wait for their outcome are not held up where there is no room.
        try turns(bringing: 50, headers: [("reply-partition", "0"), ("correlation-id", "7")])
        #expect(limits(100).earliestEndMilliseconds == 0)
        try turns(bringing: 50)
        #expect(limits(100).earliestEndMilliseconds == 100)
        try turns(bringing: 0)
        #expect(limits(100).earliestEndMilliseconds == 0)
    }

    @Test("a worker tells each poll what is left of the interval, and knows that the process has two of it")
    func polled() throws {
        let (rig, worker) = self.worker(batchIntervalMilliseconds: 50)
        for _ in 0..<200 {
            for _ in 0..<35 { try rig.append(.customerEvents, key: [1], headers: [], value: [2]) }
            _ = try worker.step()
            rig.cluster.advance(milliseconds: 10)
        }
        let limits = try #require(worker.consumer?.polledLimits)
        #expect(limits.earliestEndMilliseconds == 73)
        #expect(limits.lingerMilliseconds == 2 && limits.records == 2_000)
    }

    @Test("a worker measures its batches from their records to their end")
    func measured() throws {
        let (rig, worker) = self.worker(batchIntervalMilliseconds: 50)
        func turn() throws {
            for _ in 0..<15 { try rig.append(.customerEvents, key: [1], headers: [], value: [2]) }
            _ = try worker.step()
        }
        for _ in 0..<200 {
            try turn()
            rig.cluster.advance(milliseconds: 10)
        }
        #expect(worker.batchLimits(100, at: rig.clock.now()).earliestEndMilliseconds == 0)
        rig.cluster.inject(.pause(milliseconds: 12), at: .commit)
        try turn()
        #expect(worker.batchLimits(100, at: rig.clock.now()).earliestEndMilliseconds == 18 - 12)
    }

    @Test("a clock that was set back starts a new count")
    func setBack() {
        var pace = pace(records: 100, everyMilliseconds: 10)
        pace.note(records: 100, areAwaited: false, at: Timestamp(milliseconds: 5_000))
        pace.note(records: 50, areAwaited: false, at: Timestamp(milliseconds: 5_500))
        #expect(pace.recordsPerSecond == 100)
    }
}
