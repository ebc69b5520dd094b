// The loop of DESIGN 2: poll, process, punctuate, commit. One worker is one thread with one
// consumer, one transactional producer and a store for each partition it is assigned; it shares
// nothing but its status. Failures are sorted by what has to be done about them: try the batch
// again, drop the partitions, rebuild a store, or stop.

import Configuration
import EventLog
import Messages
import Primitives
import StateStore
import Telemetry

/// Runs one service's topology on its share of the partitions.
public final class Worker<Log: EventLog> {
    /// Wait for records at most this long, so that timers, configuration and the stop request are seen.
    static var maximumWaitMilliseconds: Int { 100 }
    /// While stores are restored the consumer is polled only to stay in the group.
    static var restoringWaitMilliseconds: Int { 0 }
    /// Pause after a failure: doubled each time up to the maximum, back to the first after success.
    static var firstPauseMilliseconds: Int64 { 20 }
    static var maximumPauseMilliseconds: Int64 { 5_000 }
    /// More doublings than lead from the first pause to the longest.
    private static var maximumDoublings: Int { 8 }
    /// A pausing worker looks this often whether it is asked to stop.
    private static var pauseStepMilliseconds: Int64 { 50 }

    let log: Log
    let topology: ServiceTopology
    let settings: WorkerSettings
    let clock: any WallClock
    let logger: Logger
    let metrics: WorkerMetrics
    let status: WorkerStatus
    let context: BatchContext
    let batch = RecordBatch()
    let batchOfReader = RecordBatch()

    var consumer: Log.Consumer?
    var producer: Log.Producer?
    var follower: ConfigurationFollower<Log>?
    var reader: Log.Reader?
    var readerIsCurrent = false
    var clusterID = ""
    var tasks: [PartitionTask] = []
    /// Halved when a batch fails as a whole, doubled back when one succeeds.
    var recordLimit: Int
    /// Since when positions of records without any effect wait to be committed.
    var aheadSince: Timestamp?
    /// Records were polled and not processed: they have to be fetched again before anything else is polled.
    var positionsAreStale = false
    /// Empty but for tests that show what a safeguard is for.
    @_spi(Simulation) public var switchedOff: Set<Safeguard> = []
    private(set) var failures = 0
    private var pausedUntil = Timestamp.zero
    private var lastNow = Timestamp.zero
    /// The clock was set back since the last batch: what is due was reckoned from a later time.
    var mustPunctuate = false

    public init(
        log: Log, topology: ServiceTopology, settings: WorkerSettings, clock: any WallClock, logger: Logger,
        registry: MetricsRegistry, status: WorkerStatus
    ) {
        self.log = log
        self.topology = topology
        self.settings = settings
        self.clock = clock
        self.logger = logger
        self.status = status
        metrics = WorkerMetrics(registry, service: topology.service)
        context = BatchContext(
            service: topology.service, partitions: settings.partitions, configuration: .empty)
        recordLimit = settings.limits.records
    }

    /// One turn of the loop. Waits at most a tenth of a second for records.
    ///
    /// - Returns: how long the caller may pause before the next step, in milliseconds.
    public func step() throws(WorkerStop) -> Int64 {
        let now = clock.now()
        status.update { $0.lastStep = now }
        if now < lastNow { clockWasSetBack(to: now) }
        lastNow = now
        if pausedUntil > now {
            return min(pausedUntil.milliseconds - now.milliseconds, Self.pauseStepMilliseconds)
        }
        do throws(WorkerFailure) {
            try turn(now)
            if failures > 0 {
                failures = 0
                noteProgress()
            }
        } catch {
            try recover(from: error, now)
        }
        return 0
    }

    /// A wait that was to be short must not last as long as the clock was wrong.
    private func clockWasSetBack(to now: Timestamp) {
        logger.warning("clock.set-back", .number("milliseconds", lastNow.milliseconds - now.milliseconds))
        pausedUntil = .zero
        aheadSince = aheadSince.map { min($0, now) }
        mustPunctuate = true
    }

    private func turn(_ now: Timestamp) throws(WorkerFailure) {
        guard try connect() else { return }
        if let news = try logging({ () throws(LogFailure) in try follower?.follow() }) {
            context.configuration = news
            logger.info("config.applied", .number("version", news.version))
        }
        guard let consumer, let producer else { return }
        if positionsAreStale, !switchedOff.contains(.refetch) {
            try refetch()
            positionsAreStale = false
        }
        batch.clear()
        var limits = settings.limits
        limits.records = recordLimit
        let wait = waitMilliseconds(now)
        let change = try logging { () throws(LogFailure) in
            try consumer.poll(into: batch, limits: limits, waitMilliseconds: wait)
        }
        if let change {
            batch.clear()
            take(change)
        }
        try restore()
        try processBatch(consumer, producer)
    }

    /// Makes the clients and reads the configuration; true once records may be read.
    private func connect() throws(WorkerFailure) -> Bool {
        if follower == nil {
            note(waitingFor: ["broker"])
            clusterID = try logging { () throws(LogFailure) in try log.clusterID() }
            follower = try logging { () throws(LogFailure) in try ConfigurationFollower(log, logger: logger) }
        }
        guard let follower else { return false }
        if !follower.isComplete {
            note(waitingFor: ["config"])
            let wait = Self.maximumWaitMilliseconds
            if let read = try logging({ () throws(LogFailure) in try follower.follow(waitMilliseconds: wait) }) {
                context.configuration = read
            }
            guard follower.isComplete || switchedOff.contains(.wholeConfiguration) else { return false }
            logger.info("config.read", .number("version", context.configuration.version))
        }
        if producer == nil { producer = try makeProducer() }
        if consumer == nil {
            note(waitingFor: ["partitions"])
            consumer = try logging { () throws(LogFailure) in
                try log.makeConsumer(
                    group: groupName, member: settings.member, topics: topology.inputs)
            }
        }
        return true
    }

    private func makeProducer() throws(WorkerFailure) -> Log.Producer {
        try logging { () throws(LogFailure) in
            let made = try log.makeProducer(
                transactionalID: "\(groupName)-\(settings.member)", tracked: topology.restoreSources)
            try made.initialize()
            return made
        }
    }

    /// The group and the transactional ids carry the topics' prefix, so that platforms can share a cluster.
    private var groupName: String {
        let changelog = log.catalog.name(of: topology.changelog)
        return String(changelog.dropLast("-changelog.v1".count))
    }

    private func waitMilliseconds(_ now: Timestamp) -> Int {
        if tasks.contains(where: { !$0.isRunning }) { return Self.restoringWaitMilliseconds }
        let due = tasks.compactMap(\.nextPunctuation).min()
        let longest = Int64(Self.maximumWaitMilliseconds)
        let untilDue = due.map { Int(max(0, min($0.milliseconds - now.milliseconds, longest))) }
        let bound = tasks.compactMap { $0.processor?.maximumWaitMilliseconds }.min() ?? Self.maximumWaitMilliseconds
        return min(Self.maximumWaitMilliseconds, bound, untilDue ?? Self.maximumWaitMilliseconds)
    }

    // MARK: Assignment

    private func take(_ change: GroupChange) {
        switch change {
        case .assigned(let partitions):
            let kept = switchedOff.contains(.release) ? tasks.filter { partitions.contains($0.partition) } : []
            if kept.isEmpty { dropTasks() }
            tasks = partitions.sorted().map { partition in
                kept.first { $0.partition == partition }
                    ?? PartitionTask(partition, topology, settings.location(of: partition), log.catalog, switchedOff)
            }
            if !kept.isEmpty { positionsAreStale = true }
            logger.info("partitions.assigned", .string("partitions", list(partitions)))
        case .revoked, .lost:
            logger.info(
                change == .lost ? "partitions.lost" : "partitions.revoked",
                .string("partitions", list(tasks.map(\.partition))))
            if !switchedOff.contains(.release) { dropTasks() }
        }
        readerIsCurrent = false
        noteProgress()
    }

    private func list(_ partitions: [PartitionIndex]) -> String {
        partitions.sorted().map(\.description).joined(separator: " ")
    }

    func dropTasks() {
        for task in tasks { task.closeStore() }
        tasks.removeAll()
    }

    // MARK: Failures

    /// Sorts a failure by its consequence. Whatever was polled in this turn counts as not read.
    private func recover(from failure: WorkerFailure, _ now: Timestamp) throws(WorkerStop) {
        failures += 1
        let doubling = min(failures - 1, Self.maximumDoublings)
        let pause = min(Self.firstPauseMilliseconds << doubling, Self.maximumPauseMilliseconds)
        pausedUntil = now.adding(milliseconds: pause)
        logger.warning(
            "worker.failure", .string("failure", failure.description), .number("pause_ms", pause))
        metrics.failure(failure.code)
        positionsAreStale = true
        defer { noteProgress() }
        switch failure {
        case .stop(let stop): throw stop
        case .log(let cause):
            switch cause.consequence {
            case .retry: undoBatch()
            case .dropPartitions: disconnect()
            case .discardProducer: discardProducer()
            case .stop: throw WorkerStop(code: "log", detail: cause.description)
            }
        case .store(let partition, let cause):
            undoBatch()
            guard let task = tasks.first(where: { $0.partition == partition }) else { return }
            try rebuild(task, cause)
        }
    }

    private func rebuild(_ task: PartitionTask, _ cause: StoreFailure) throws(WorkerStop) {
        switch cause.consequence {
        case .stop, .rejectRecord: throw WorkerStop(code: "store", detail: cause.description)
        case .retry: task.reopen()
        case .rebuild:
            do throws(StoreFailure) {
                try task.wipe()
            } catch {
                throw WorkerStop(code: "store", detail: error.description)
            }
        }
        readerIsCurrent = false
    }

    /// The producer's last transaction has no known end: a new one of the same id ends it, and
    /// every store finds its place again from the log.
    func discardProducer() {
        undoBatch()
        producer?.close()
        producer = nil
        for task in tasks { task.reopen() }
        readerIsCurrent = false
    }

    /// Leaves the group and comes back as a new member.
    func disconnect() {
        dropTasks()
        producer?.close()
        producer = nil
        consumer?.close()
        consumer = nil
        readerIsCurrent = false
        noteProgress()
    }

    /// Finishes: gives the partitions up. The batch of the last step is committed or was undone.
    public func close() {
        disconnect()
        reader?.close()
        reader = nil
        follower?.close()
        follower = nil
    }
}

/// What went wrong in a step.
enum WorkerFailure: Error, CustomStringConvertible {
    case log(LogFailure)
    case store(PartitionIndex, StoreFailure)
    case stop(WorkerStop)

    var code: String {
        switch self {
        case .log(let failure): failure.code
        case .store(_, let failure): "sqlite-\(failure.code)"
        case .stop(let stop): stop.code
        }
    }

    var description: String {
        switch self {
        case .log(let failure): failure.description
        case .store(let partition, let failure): "partition \(partition): \(failure)"
        case .stop(let stop): stop.description
        }
    }
}

func logging<Result>(_ body: () throws(LogFailure) -> Result) throws(WorkerFailure) -> Result {
    do throws(LogFailure) {
        return try body()
    } catch {
        throw .log(error)
    }
}
