// When a worker writes what its stores hold.

import EventLog
import Primitives
import ServiceRig
import SimulatedLog
import StateStore
import Telemetry
import Testing

@testable import StreamRuntime

@Suite("Held stores")
struct HeldStoresTests {
    private static let partitions = 4
    private static let stepMilliseconds: Int64 = 20

    private let rig = ServiceRig(partitions: Int32(partitions))
    private let images = (0..<partitions).map { _ in StoreImage() }
    private let worker: Worker<SimulatedLog>

    init() throws {
        worker = Worker(
            log: rig.log, topology: countingTopology(),
            settings: WorkerSettings(
                member: "a", stores: .images { [images] in images[Int($0.number)] }, partitions: rig.partitions),
            clock: rig.clock, logger: Logger(service: "test", clock: rig.clock, sink: rig.sink),
            registry: rig.registry, status: WorkerStatus())
        while worker.tasks.count < Self.partitions || worker.tasks.contains(where: { !$0.isRunning }) {
            _ = try worker.step()
        }
    }

    /// Lets so much time pass, with records for every partition in each step; a partition for each time that a store
    /// was written, and when, in milliseconds from now.
    private func writes(during milliseconds: Int64) throws -> [(partition: Int, at: Int64)] {
        var writes: [(partition: Int, at: Int64)] = []
        var bytes = images.map(\.bytes)
        for time in stride(from: 0, to: milliseconds, by: Int(Self.stepMilliseconds)) {
            for key in 0..<16 { try rig.append(.customerEvents, key: Array("\(key) \(time / 1_000)".utf8), value: [1]) }
            _ = try worker.step()
            for (partition, image) in images.enumerated() where image.bytes != bytes[partition] {
                bytes[partition] = image.bytes
                writes.append((partition, time))
            }
            rig.cluster.advance(milliseconds: Self.stepMilliseconds)
        }
        return writes
    }

    @Test func `stores that began together are written one after the other, each after two seconds at most`() throws {
        let found = try writes(during: 20_000)
        // After the first round they are as far apart as four stores in two seconds can be.
        let later = found.dropFirst(Self.partitions)
        for (one, next) in zip(later, later.dropFirst()) { #expect(next.at - one.at >= 480) }
        for partition in 0..<Self.partitions {
            let times = [0] + found.filter { $0.partition == partition }.map(\.at)
            #expect(times.count >= 10)
            for (one, next) in zip(times, times.dropFirst()) { #expect(next - one <= 2_000 + Self.stepMilliseconds) }
        }
    }

    @Test func `what is late is written at once, however many stores are`() throws {
        #expect(try writes(during: 700).isEmpty)
        rig.clock.advance(milliseconds: 2_000)
        #expect(try writes(during: Self.stepMilliseconds).map(\.partition) == Array(0..<Self.partitions))
        rig.clock.advance(milliseconds: -3_600_000)
        #expect(try writes(during: Self.stepMilliseconds).map(\.partition) == Array(0..<Self.partitions), "set back")
    }
}
