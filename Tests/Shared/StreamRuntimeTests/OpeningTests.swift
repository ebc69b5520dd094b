// Partitions whose position the group cannot tell yet: who asks for it waits, and the group is not polled meanwhile.

import EventLog
import Primitives
import ServiceRig
import SimulatedLog
import Synchronization
import Telemetry
import Testing

@testable import StreamRuntime

@Suite("Opening partitions")
struct OpeningTests {
    private static let partitions: Int32 = 4
    private static let maximumSteps = 100

    /// Counts the questions for positions, and lets all pass.
    private final class Questions: Sendable {
        private let count = Atomic<Int>(0)

        func add() { count.add(1, ordering: .relaxed) }
        /// Since the last time.
        func take() -> Int { count.exchange(0, ordering: .relaxed) }
    }

    private struct Counting: FaultSource {
        let questions: Questions

        mutating func decide(_ point: FaultPoint) -> Fault? {
            if point.call == .committedOffset { questions.add() }
            return nil
        }
    }

    private let rig = ServiceRig(partitions: partitions)
    private let questions = Questions()
    private let worker: Worker<SimulatedLog>

    init() {
        worker = Worker(
            log: rig.log, topology: countingTopology(),
            settings: WorkerSettings(member: "a", stores: .memory, partitions: rig.partitions), clock: rig.clock,
            logger: Logger(service: "test", clock: rig.clock, sink: rig.sink), registry: rig.registry,
            status: WorkerStatus())
        rig.cluster.setFaults(Counting(questions: questions))
    }

    /// A former member's transaction stays open, with offsets of these partitions.
    private func leaveUnstable(_ partitions: [Int32]) throws {
        let consumer = try rig.log.makeConsumer(group: worker.groupName, member: "a", topics: [.customerEvents])
        let limits = BatchLimits(records: 1, bytes: 1, lingerMilliseconds: 0)
        _ = try consumer.poll(into: RecordBatch(), limits: limits, waitMilliseconds: 0)
        let producer = try formerProducer()
        rig.cluster.inject(.requestLost, at: .commit, of: "former")
        let offsets = partitions.map {
            InputPosition(TopicPartition(.customerEvents, PartitionIndex($0)), next: .zero)
        }
        guard case .unknown = producer.commit(RecordBatch(), offsets: offsets, of: consumer) else {
            Issue.record("the transaction has ended")
            return
        }
        consumer.close()
    }

    /// Ends a transaction that another of its name has left open.
    private func formerProducer() throws -> SimulatedProducer {
        let producer = try rig.log.makeProducer(transactionalID: "former", tracked: [])
        try producer.initialize()
        return producer
    }

    @Test func `one turn asks no further than to the first position that is not stable`() throws {
        try leaveUnstable(Array(0..<Self.partitions))
        var most = 0
        for _ in 0..<Self.maximumSteps {
            _ = try worker.step()
            most = max(most, questions.take())
        }
        #expect(most == 1)
        #expect(worker.tasks.count == Int(Self.partitions) && worker.tasks.allSatisfy { !$0.isRunning })
        _ = try formerProducer()
        for _ in 0..<Self.maximumSteps where !worker.tasks.allSatisfy(\.isRunning) { _ = try worker.step() }
        #expect(worker.tasks.allSatisfy { $0.isRunning })
    }

    @Test(arguments: 0..<partitions)
    func `a position that is not stable for long keeps no other partition from running`(_ number: Int32) throws {
        try leaveUnstable([number])
        for _ in 0..<Self.maximumSteps { _ = try worker.step() }
        let waiting = worker.tasks.filter { !$0.isRunning }.map(\.partition)
        #expect(waiting == [PartitionIndex(number)])
    }
}
