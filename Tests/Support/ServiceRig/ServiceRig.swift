// Runs services' real topologies, workers and stores over the simulated log, in one thread and
// virtual time. For tests of services and of several services together: append what outside systems
// would send, settle, look at the topics.

import Configuration
import EventLog
import JSONText
import Messages
import Primitives
import SimulatedLog
@_spi(Simulation) import StreamRuntime
import Telemetry

/// A cluster with all topics, and the workers that a test starts on it.
public final class ServiceRig {
    /// 2026-11-02T09:00:00Z, a Monday.
    public static let start = Timestamp(milliseconds: 1_793_610_000_000)
    /// Rounds without a new record after which nothing is expected to come any more.
    private static let quietRounds = 12
    /// A test that has not settled after so many rounds never will.
    private static let maximumRounds = 5_000

    public let clock: SimulatedClock
    public let cluster: SimulatedCluster
    public let log: SimulatedLog
    public let partitions: PartitionCount
    public let registry = MetricsRegistry()
    public let sink = InMemorySink()
    public private(set) var workers: [RunningWorker] = []

    public final class RunningWorker {
        fileprivate var worker: Worker<SimulatedLog>?
        public let status: WorkerStatus
        public let topology: ServiceTopology
        public let member: String
        public fileprivate(set) var stop: WorkerStop?

        init(_ worker: Worker<SimulatedLog>, _ status: WorkerStatus, _ topology: ServiceTopology, _ member: String) {
            self.worker = worker
            self.member = member
            self.status = status
            self.topology = topology
        }
    }

    public init(partitions: Int32 = 2, clusterID: String = "simulated") {
        clock = SimulatedClock(at: Self.start)
        cluster = SimulatedCluster(id: clusterID, clock: clock)
        self.partitions = PartitionCount(partitions)
        let catalog = TopicCatalog.pointstream()
        for definition in TopicDefinition.all {
            cluster.createTopic(
                catalog.name(of: definition.topic), partitions: definition.isPartitioned ? partitions : 1,
                isCompacted: definition.retention == .compact)
        }
        log = SimulatedLog(catalog: catalog, cluster: cluster)
    }

    /// Starts a worker, without the safeguards named. With a folder its stores are files that outlive it; without,
    /// they are in memory.
    @discardableResult
    public func start(
        _ topology: ServiceTopology, member: String = "a", folder: String? = nil,
        limits: BatchLimits = BatchLimits(records: 200, bytes: 1 << 20, lingerMilliseconds: 0),
        resumeAt: [TopicPartition: Offset] = [:], restoredAlone: Int64 = .max, undoableRows: Int64 = 1_000,
        without safeguards: [String] = [],
        process: SimulatedProcess = SimulatedProcess()
    ) -> RunningWorker {
        let status = WorkerStatus()
        let worker = Worker(
            log: SimulatedLog(catalog: log.catalog, cluster: cluster, process: process), topology: topology,
            settings: WorkerSettings(
                member: member, stores: folder.map(StorePlace.folder) ?? .memory, partitions: partitions,
                limits: limits, resumeAt: resumeAt, restoredAlone: restoredAlone, undoableRows: undoableRows),
            clock: clock, logger: Logger(service: topology.service.rawValue, clock: clock, sink: sink),
            registry: registry, status: status)
        worker.switchedOff = Set(safeguards.compactMap(Safeguard.init))
        let running = RunningWorker(worker, status, topology, member)
        workers.append(running)
        return running
    }

    /// Ends a worker as a crash does: nothing is committed or closed in order.
    public func kill(_ running: RunningWorker) {
        running.worker = nil
        workers.removeAll { $0 === running }
    }

    /// Ends a worker in order: it gives its partitions up.
    public func close(_ running: RunningWorker) {
        running.worker?.close()
        kill(running)
    }

    // MARK: Time

    /// Steps every worker in turn until no topic grows any more.
    public func settle() {
        var quiet = 0
        var ends = logEnds()
        for _ in 0..<Self.maximumRounds {
            stepAll()
            cluster.advance(milliseconds: 20)
            let now = logEnds()
            let isIdle = now == ends && workers.allSatisfy { $0.status.isReady || $0.stop != nil }
            quiet = isIdle ? quiet + 1 : 0
            ends = now
            if quiet >= Self.quietRounds { return }
        }
    }

    public func stepAll() {
        for running in workers where running.stop == nil { step(running) }
    }

    public func step(_ running: RunningWorker) {
        do throws(WorkerStop) {
            _ = try running.worker?.step()
        } catch {
            running.stop = error
        }
    }

    /// Lets virtual time pass, then settles.
    public func pass(milliseconds: Int64) {
        cluster.advance(milliseconds: milliseconds)
        settle()
    }

    private func logEnds() -> [Int64] {
        TopicDefinition.all.flatMap { definition in
            places(of: definition.topic).map { place in
                do {
                    return try cluster.bounds(topic: log.catalog.name(of: place.topic), partition: place.partition)
                        .end.number
                } catch {
                    return -1
                }
            }
        }
    }

    private func places(of topic: TopicID) -> [TopicPartition] {
        let count = TopicDefinition.all[topic.number].isPartitioned ? partitions.number : 1
        return (0..<count).map { TopicPartition(topic, PartitionIndex($0)) }
    }

    // MARK: Records

    /// Writes a configuration document, as `pointstream apply` does.
    public func configure(_ kind: String, _ id: String, _ json: String) throws {
        _ = try cluster.append(
            topic: log.catalog.name(of: .config), partition: PartitionIndex(0), key: Array("\(kind)/\(id)".utf8),
            value: Array(json.utf8))
    }

    /// Appends a record as an outside system would; without a partition, to that of its key.
    public func append(
        _ topic: TopicID, key: [UInt8]?, headers: [(name: String, value: String)] = [], value: [UInt8]?,
        partition: PartitionIndex? = nil
    ) throws {
        let place = partition ?? key.map { partitions.partition(of: $0) } ?? PartitionIndex(0)
        _ = try cluster.append(
            topic: log.catalog.name(of: topic), partition: place, key: key,
            headers: headers.map { SimulatedRecord.Header($0.name, $0.value) }, value: value)
    }

    /// The committed records of a topic, partition after partition.
    public func records(of topic: TopicID) throws -> [SimulatedRecord] {
        try places(of: topic).flatMap { place in
            try cluster.records(topic: log.catalog.name(of: topic), partition: place.partition, committedOnly: true)
        }
    }

    /// The JSON bodies of a topic's committed records.
    public func bodies(of topic: TopicID) throws -> [JSONValue] {
        try records(of: topic).compactMap { record in
            try record.value.map { try JSONDocument(parsing: $0).root }
        }
    }
}
