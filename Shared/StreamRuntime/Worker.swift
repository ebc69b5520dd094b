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
    /// For a store's file that cannot be opened: somebody looks into it, or too many files are open for a moment.
    static var storePatienceMilliseconds: Int64 { 15_000 }
    /// Of one store, without a batch committed in between: what breaks a fourth copy is not the file.
    static var maximumRebuilds: Int { 3 }
    /// Within the time below, without taking it for another process of the same name.
    static var maximumFencings: Int { 2 }
    static var fencingMilliseconds: Int64 { 60_000 }
    /// A pausing worker looks this often whether it is asked to stop.
    private static var pauseStepMilliseconds: Int64 { 50 }
    /// Longer than a step takes, unless the process was frozen, its machine slept, or a broker let it wait.
    private static var standstillMilliseconds: Int64 { 10_000 }

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
    /// This worker's part of the process's running partitions.
    var countedRunning = 0
    /// Whose position nobody could tell the last time that partitions were opened.
    var unstablePartition: PartitionIndex?
    /// What the reader reads, while it is current.
    var beingRead: [PartitionIndex] = []
    var sourcesBeingRead: [TopicID] = []
    var clusterID = ""
    var tasks: [PartitionTask] = []
    /// Halved when a batch fails as a whole, doubled back when one succeeds.
    var recordLimit: Int
    /// By which a batch waits for more records.
    var pace: BatchPace
    /// When a store was last written because it was late.
    var lastOverdue = Timestamp.zero
    /// Since when positions of records without any effect wait to be committed.
    var aheadSince: Timestamp?
    /// Records were polled and not processed: they have to be fetched again before anything else is polled.
    var positionsAreStale = false
    /// Partitions, perhaps none, are assigned to this worker: it may have offsets committed.
    private var isAssigned = false
    /// Whether the group holds nothing of this worker's older producers any more.
    private var offsetsAreClear = false
    /// Empty but for tests that show what a safeguard is for.
    @_spi(Simulation) public var switchedOff: Set<Safeguard> = []
    private(set) var failures = 0
    /// What `/readyz` tells while it is tried again.
    private(set) var newestFailure = ""
    /// When another member of the same name took this one's place.
    private var fencings: [Timestamp] = []
    /// How far the configuration was read, over all followers: a new one must come as far.
    private var configurationReached = Offset.zero
    /// Of the batch at hand.
    var deadLetters: [(record: Record, code: String, detail: String)] = []
    private var pausedUntil = Timestamp.zero
    private var lastNow = Timestamp.zero
    /// The process stood still: the configuration may be any age.
    private var stoodStill = false
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
        pace = BatchPace(workers: settings.workers)
    }

    /// One turn of the loop. Waits at most a tenth of a second for records, and as long for more of them.
    ///
    /// - Returns: how long the caller may pause before the next step, in milliseconds.
    public func step() throws(WorkerStop) -> Int64 {
        let now = readClock()
        status.update { $0.lastStep = now }
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

    /// The time, for whatever is reckoned from it: a clock that was set back is noticed here.
    func readClock() -> Timestamp {
        let now = clock.now()
        if now < lastNow { clockWasSetBack(to: now) }
        if lastNow > .zero, now >= lastNow.adding(milliseconds: Self.standstillMilliseconds) { stoodStill = true }
        lastNow = now
        return now
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
        if let news = try configuring({ () throws(LogFailure) in try follower?.follow() }) {
            context.configuration = news
            logger.info("config.applied", .number("version", news.version))
        }
        guard let consumer, let producer else { return }
        try commitOverdue(now)
        if positionsAreStale, !switchedOff.contains(.refetch) {
            try refetch()
            positionsAreStale = false
        }
        batch.clear()
        // Stores may just have been written, which takes its time.
        let polledAt = readClock()
        let wait = waitMilliseconds(polledAt)
        let limits = batchLimits(wait, at: polledAt)
        let change = try logging { () throws(LogFailure) in
            try consumer.poll(into: batch, limits: limits, waitMilliseconds: wait)
        }
        if let change {
            batch.clear()
            try take(change)
        }
        try clearStrayOffsets()
        try restore()
        let decidedAt = readClock()
        let isAwaited = batch.isEmpty ? false : batch[batch.count - 1].replyAddress != nil
        pace.note(records: batch.count, areAwaited: isAwaited, at: decidedAt)
        guard !stoodStill else {
            // What was polled waits until the configuration is read again.
            positionsAreStale = true
            return
        }
        try processBatch(consumer, producer, at: decidedAt)
    }

    /// Makes the clients and reads the configuration; true once records may be read.
    private func connect() throws(WorkerFailure) -> Bool {
        if follower == nil {
            note(waitingFor: ["broker"])
            clusterID = try logging { () throws(LogFailure) in try log.clusterID() }
            let made = try configuring { () throws(LogFailure) in try ConfigurationFollower(log, logger: logger) }
            try checkConfiguration(endsAt: made.end)
            follower = made
        }
        guard let follower else { return false }
        if stoodStill {
            try configuring { () throws(LogFailure) in try follower.lookAgain() }
            try checkConfiguration(endsAt: follower.end)
            stoodStill = false
        }
        if !follower.isComplete {
            note(waitingFor: ["config"])
            let wait = Self.maximumWaitMilliseconds
            if let read = try configuring({ () throws(LogFailure) in try follower.follow(waitMilliseconds: wait) }) {
                context.configuration = read
            }
            guard follower.isComplete || switchedOff.contains(.wholeConfiguration) else { return false }
            logger.info("config.read", .number("version", context.configuration.version))
            noteProgress()
        }
        if producer == nil {
            producer = try makeProducer()
            offsetsAreClear = false
        }
        if consumer == nil {
            note(waitingFor: ["partitions"])
            consumer = try logging { () throws(LogFailure) in
                try log.makeConsumer(
                    group: groupName, member: settings.member, topics: topology.inputs)
            }
        }
        return true
    }

    private func checkConfiguration(endsAt end: Offset) throws(WorkerFailure) {
        guard end < configurationReached else { return }
        throw .stop(
            WorkerStop(
                .topicRecreated,
                "\(name(.config))[0]: offset \(configurationReached) was reached before, and now it ends at \(end)"))
    }

    /// Runs a step of the configuration. A follower whose topic went away is not asked again: a new one reads all
    /// there is. One that cannot be read ends the worker, since decisions would go on by an old configuration.
    private func configuring<Result>(_ body: () throws(LogFailure) -> Result) throws(WorkerFailure) -> Result {
        do throws(LogFailure) {
            let result = try body()
            configurationReached = max(configurationReached, follower?.reached ?? .zero)
            return result
        } catch {
            switch error.cause {
            case .topicMissing, .outOfRange:
                follower?.close()
                follower = nil
                throw .log(
                    LogFailure(
                        operation: error.operation, code: error.code, detail: error.detail, consequence: .retry,
                        cause: error.cause))
            case .notAuthorised: throw .log(error)
            default:
                guard error.consequence == .stop else { throw .log(error) }
                throw .stop(WorkerStop(.configUnreadable, "\(name(.config))[0]: \(error)"))
            }
        }
    }

    /// Once for each producer. Whatever fails is tried again before a partition is opened or a batch committed.
    private func clearStrayOffsets() throws(WorkerFailure) {
        guard let consumer, let producer, isAssigned, !offsetsAreClear, !switchedOff.contains(.strayOffsets),
            let input = topology.inputs.first
        else { return }
        let place = TopicPartition(input, tasks.first?.partition ?? PartitionIndex(0))
        switch producer.clearOffsets(at: place, of: consumer) {
        case nil, .committed: offsetsAreClear = true
        case .aborted(let cause): throw .log(cause)
        case .fenced(let cause):
            disconnect()
            throw .log(cause)
        case .unknown(let cause):
            discardProducer()
            throw .log(cause)
        }
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
    var groupName: String {
        let changelog = log.catalog.name(of: topology.changelog)
        return String(changelog.dropLast("-changelog.v1".count))
    }

    /// No batch is held up for longer than the worker may wait at all.
    func batchLimits(_ wait: Int, at now: Timestamp) -> BatchLimits {
        var limits = settings.limits
        limits.earliestEndMilliseconds = min(
            pace.restMilliseconds(interval: settings.batchIntervalMilliseconds, at: now), wait)
        limits.records = recordLimit
        return limits
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

    private func take(_ change: GroupChange) throws(WorkerFailure) {
        switch change {
        case .assigned(let partitions):
            if let surplus = partitions.max(), surplus.number >= settings.partitions.number {
                throw .stop(
                    WorkerStop(
                        .partitionCount,
                        "partition \(surplus) of \(topology.inputs.map(name).joined(separator: ", ")) was assigned, "
                            + "POINTSTREAM_PARTITIONS says \(settings.partitions.number)"))
            }
            let kept = switchedOff.contains(.release) ? tasks.filter { partitions.contains($0.partition) } : []
            if kept.isEmpty { dropTasks() }
            tasks = partitions.sorted().map { partition in
                kept.first { $0.partition == partition }
                    ?? PartitionTask(partition, topology, settings, log.catalog, switchedOff)
            }
            if !kept.isEmpty { positionsAreStale = true }
            logger.info("partitions.assigned", .string("partitions", list(partitions)))
        case .revoked, .lost:
            logger.info(
                change == .lost ? "partitions.lost" : "partitions.revoked",
                .string("partitions", list(tasks.map(\.partition))))
            if !switchedOff.contains(.release) { dropTasks() }
        }
        isAssigned = if case .assigned = change { true } else { false }
        readerIsCurrent = false
        noteProgress()
    }

    private func list(_ partitions: [PartitionIndex]) -> String {
        partitions.sorted().map(\.description).joined(separator: " ")
    }

    /// What a store holds is in the log: whoever opens the file next reads less again if it is written.
    func dropTasks() {
        undoBatch()
        for task in tasks {
            do throws(StoreFailure) {
                try task.commitHeld()
            } catch {
                logger.warning(
                    "store.held-batches-dropped", .number("partition", Int64(task.partition.number)),
                    .string("failure", error.description))
            }
            task.closeStore()
        }
        tasks.removeAll()
    }

    // MARK: Failures

    /// Sorts a failure by its consequence. Whatever was polled in this turn counts as not read.
    private func recover(from failure: WorkerFailure, _ now: Timestamp) throws(WorkerStop) {
        if let stop = stop(for: failure, now) { throw stop }
        failures += 1
        newestFailure = failure.description
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
        case .needsSavepoints: undoBatch()
        case .log(let cause):
            switch cause.consequence {
            case .retry: undoBatch()
            case .discardProducer: discardProducer()
            // What lies behind a missing topic or a position out of range is found when the partitions are opened.
            case .dropPartitions, .stop: disconnect()
            }
        case .store(let partition, let cause):
            undoBatch()
            guard let task = tasks.first(where: { $0.partition == partition }) else { return }
            try rebuild(task, cause)
        }
    }

    private func rebuild(_ task: PartitionTask, _ cause: StoreFailure) throws(WorkerStop) {
        if cause.consequence == .rebuild {
            do throws(StoreFailure) {
                try task.wipe()
            } catch {
                throw WorkerStop(error, task.partition)
            }
            logger.warning(
                "store.wiped", .number("partition", Int64(task.partition.number)),
                .string("reason", cause.description))
            metrics.wiped()
        } else {
            task.reopen()
        }
        readerIsCurrent = false
    }

    /// A member whose answer from the coordinator was lost joins a second time, and is fenced by itself: a broker
    /// that dies does that. Two processes of one name take the partitions from each other again and again.
    private func isFencedAgain(_ now: Timestamp) -> Bool {
        fencings.removeAll { $0 < now.adding(milliseconds: -Self.fencingMilliseconds) }
        fencings.append(now)
        return fencings.count > Self.maximumFencings
    }

    /// Why a failure ends the worker; nil if trying again may mend it.
    private func stop(for failure: WorkerFailure, _ now: Timestamp) -> WorkerStop? {
        switch failure {
        case .stop(let stop): return stop
        case .needsSavepoints: return nil
        case .log(let cause):
            guard cause.consequence == .stop else { return nil }
            switch cause.cause {
            case .topicMissing, .outOfRange: return nil
            case .memberTaken: return isFencedAgain(now) ? WorkerStop(cause) : nil
            default: return WorkerStop(cause)
            }
        case .store(let partition, let cause):
            guard let task = tasks.first(where: { $0.partition == partition }) else { return nil }
            switch cause.consequence {
            case .stop, .rejectRecord: return WorkerStop(cause, partition)
            case .rebuild:
                guard task.rebuilds >= Self.maximumRebuilds else { return nil }
                return WorkerStop(
                    .storeUnusable,
                    "partition \(partition): it was rebuilt \(task.rebuilds) times and fails again: \(cause)")
            case .retry:
                guard cause.cause == .locked || cause.cause == .inaccessible else { return nil }
                let since = task.blockedSince ?? now
                task.blockedSince = since
                let isOver = now >= since.adding(milliseconds: Self.storePatienceMilliseconds)
                return isOver ? WorkerStop(cause, partition) : nil
            }
        }
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
        isAssigned = false
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
