// One service after the other on what the one before it has written.

import EventLog
import Foundation
import Messages
import Primitives
import StreamRuntime
import Telemetry

/// What a stage did.
struct StageFigures {
    var records = 0
    var batches = 0
    /// Records, those of the changelog included, and their bytes.
    var written = 0
    var bytes = 0
    /// Of the wall, for people: instructions are what is compared.
    var microseconds = 0.0
}

struct ChainFailure: Error, CustomStringConvertible {
    let description: String
}

/// The log that the stages share.
final class Chain {
    private static let partitions: Int32 = 8
    private static let source = "bench"
    private static let limits = BatchLimits(records: 2_000, bytes: 2 << 20, lingerMilliseconds: 0)
    /// Of steps without a record, after which a stage is over.
    private static let quietSteps = 3
    /// Before the first record: partitions are assigned and stores are opened in a few.
    private static let maximumFirstSteps = 1_000

    private let log = MemoryLog(partitions: partitions)
    private let clock = SystemClock()

    init(configuration: String, purchases: String) throws {
        let count = PartitionCount(Self.partitions)
        try Self.forEachLine(of: configuration) { key, value in
            append(TopicPartition(.config, PartitionIndex(0)), key, value, headers: false)
        }
        try Self.forEachLine(of: purchases) { key, value in
            append(TopicPartition(.ingress, count.partition(of: key)), key, value, headers: true)
        }
    }

    private func append(_ place: TopicPartition, _ key: [UInt8], _ value: [UInt8], headers: Bool) {
        let record = RecordBatch()
        record.append(to: place, key: key)
        if headers { record.addHeader(HeaderName.source, Self.source) }
        record.setValue(value)
        log.append(record[0])
    }

    private static func forEachLine(of path: String, _ body: (_ key: [UInt8], _ value: [UInt8]) -> Void) throws {
        for line in [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))).split(separator: UInt8(ascii: "\n")) {
            let parts = line.split(separator: UInt8(ascii: "\t"), maxSplits: 1)
            if parts.count == 2 { body(Array(parts[0]), Array(parts[1])) }
        }
    }

    func run(_ topology: ServiceTopology, _ registry: MetricsRegistry, in folder: String) throws -> StageFigures {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let worker = Worker(
            log: log, topology: topology,
            settings: WorkerSettings(
                member: "chain", stores: .folder(folder), partitions: PartitionCount(Self.partitions),
                limits: Self.limits),
            clock: clock, logger: Logger(service: topology.service.rawValue, clock: clock, sink: InMemorySink()),
            registry: registry, status: WorkerStatus())
        defer { worker.close() }
        let due = topology.inputs.reduce(0) { $0 + log.count(of: $1) }
        let outputs = topology.outputs + [topology.changelog, topology.deadLetters]
        let before = written(outputs)
        let start = ContinuousClock.now
        var figures = StageFigures()
        var (quiet, steps) = (0, 0)
        while quiet < Self.quietSteps {
            steps += 1
            guard figures.batches > 0 || steps < Self.maximumFirstSteps else {
                throw ChainFailure(description: "\(topology.service.rawValue) does not begin")
            }
            let seen = written(outputs)
            _ = try worker.step()
            if written(outputs) != seen {
                figures.batches += 1
                quiet = 0
            } else if figures.batches > 0 {
                quiet += 1
            }
        }
        let end = ContinuousClock.now
        let after = written(outputs)
        guard log.count(of: topology.deadLetters) == 0 else {
            throw ChainFailure(description: "\(topology.service.rawValue) could not process what it was given")
        }
        figures.records = due
        figures.written = after.records - before.records
        figures.bytes = after.bytes - before.bytes
        figures.microseconds = (end - start) / .microseconds(1)
        return figures
    }

    /// Written so far.
    var awards: Int { log.count(of: .awards) }

    private func written(_ topics: [TopicID]) -> (records: Int, bytes: Int) {
        (topics.reduce(0) { $0 + log.count(of: $1) }, topics.reduce(0) { $0 + log.byteCount(of: $1) })
    }
}
