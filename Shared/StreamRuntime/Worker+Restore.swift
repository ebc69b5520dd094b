// The recovery procedure of RELIABILITY 1.4, in slices, so that the worker stays in its group and
// running partitions go on meanwhile: open the store, wait for stable committed offsets, then the
// changelog's end read uncommitted, then the changelog and histories up to their end beyond that,
// then compare the store's position with the group's. The order matters.

import EventLog
import Primitives
import StateStore

extension Worker {
    /// One slice: small enough to poll the group in between and for the memory, large enough for fast transactions.
    private static var sliceLimits: BatchLimits {
        BatchLimits(records: 5_000, bytes: 2 << 20, lingerMilliseconds: 5)
    }
    private static var sliceWaitMilliseconds: Int { 50 }

    /// Brings tasks that are not running a step further.
    func restore() throws(WorkerFailure) {
        guard tasks.contains(where: { !$0.isRunning }) else { return }
        try openTasks()
        let finished = try readSlice()
        do throws(WorkerFailure) {
            if !finished.isEmpty { try start(finished) }
        } catch {
            // Their ends have been reported, and are not reported a second time.
            for task in finished where !task.isRunning { task.lookAgain() }
            readerIsCurrent = false
            throw error
        }
        noteProgress()
    }

    /// Steps 1 to 4 for all that are due. What stops one may stop others: all of it is told at once, or somebody
    /// would have to start the service once for each partition to learn it. But no further than to a position that is
    /// not stable: that question may take seconds, in which the group is not polled, and when the coordinator is away
    /// it takes them for each partition.
    private func openTasks() throws(WorkerFailure) {
        var stops: [WorkerStop] = []
        for task in tasksToOpen() {
            do throws(WorkerFailure) {
                guard try open(task) else {
                    unstablePartition = task.partition
                    break
                }
                readerIsCurrent = false
            } catch {
                guard case .stop(let stop) = error else { throw error }
                stops.append(stop)
            }
        }
        guard let first = stops.first else { return }
        stops += try mismatchesElsewhere()
        let alike = stops.filter { $0.code == first.code }.map(\.detail)
        throw .stop(WorkerStop(first.code, alike.joined(separator: "; ")))
    }

    /// Those behind the one that was not stable come first, so that it holds up no other.
    private func tasksToOpen() -> [PartitionTask] {
        let due = tasks.filter { if case .opening = $0.state { true } else { false } }
        guard let last = unstablePartition else { return due }
        unstablePartition = nil
        return due.filter { $0.partition > last } + due.filter { $0.partition <= last }
    }

    /// Steps 1 to 4; false if the group's position is not stable yet.
    private func open(_ task: PartitionTask) throws(WorkerFailure) -> Bool {
        let now = clock.now()
        let oldest = now.adding(milliseconds: -settings.tombstoneLife / 2)
        if task.store == nil {
            let distrust = try storing(task) { () throws(StoreFailure) in
                try task.open(in: clusterID, oldest: oldest)
            }
            if let distrust { noteWipe(task, distrust) }
        }
        guard let committed = try committedOffsets(of: task) else { return false }
        let resumed = try verifyInputs(of: task, committed)
        task.startRestoring(try verifiedSources(of: task), committed: committed, resumed: resumed, at: now)
        return true
    }

    /// The group's position in each input that it has one in; nil if one is not stable yet.
    private func committedOffsets(of task: PartitionTask) throws(WorkerFailure) -> [TopicID: Offset]? {
        var committed: [TopicID: Offset] = [:]
        for topic in topology.inputs {
            guard let consumer else { return nil }
            let answer = try logging { () throws(LogFailure) in try consumer.committedOffset(at: task.place(topic)) }
            switch answer {
            case .offset(let offset): committed[topic] = offset
            case .none: break
            case .unstable: return nil
            }
        }
        return committed
    }

    func currentReader() throws(WorkerFailure) -> Log.Reader {
        if let reader { return reader }
        let made = try logging { () throws(LogFailure) in try log.makeReader(.catchingUp) }
        reader = made
        return made
    }

    /// Step 5: reads on for all tasks that are restoring. The tasks that have reached their goals.
    private func readSlice() throws(WorkerFailure) -> [PartitionTask] {
        let restoring = tasks.filter { if case .restoring = $0.state { true } else { false } }
        guard !restoring.isEmpty else { return [] }
        let reader = try currentReader()
        if !readerIsCurrent {
            var positions: [FetchPosition] = []
            let next = try restoredNext(restoring)
            beingRead = next.tasks.map(\.partition)
            sourcesBeingRead = next.sources
            for task in next.tasks {
                for topic in next.sources {
                    positions.append(
                        try storing(task) { () throws(StoreFailure) in try task.fetchPosition(restoring: topic) })
                }
            }
            try logging { () throws(LogFailure) in try reader.read(from: positions) }
            readerIsCurrent = true
        }
        batchOfReader.clear()
        let ends = try logging { () throws(LogFailure) in
            try reader.poll(
                into: batchOfReader, limits: Self.sliceLimits, waitMilliseconds: Self.sliceWaitMilliseconds)
        }
        for task in restoring where beingRead.contains(task.partition) {
            let records = batchOfReader.filter { $0.partition == task.partition }
            guard !records.isEmpty else { continue }
            try storing(task) { () throws(StoreFailure) in try task.applyRestored(records, now: clock.now()) }
            metrics.restored(records.count)
        }
        // Behind a source that was read alone comes the next one.
        if sourcesBeingRead.count < topology.restoreSources.count, !ends.isEmpty { readerIsCurrent = false }
        return restoring.filter { task in
            ends.contains { $0.place.partition == task.partition && task.reachedEnd(of: $0.place.topic, at: $0.offset) }
        }
    }

    /// All that lack few records together, with all their sources; of those that lack many, one, and one source after
    /// the other: the pages of the tables that each of them fills are then more likely to be in the store's cache.
    private func restoredNext(
        _ restoring: [PartitionTask]
    ) throws(WorkerFailure) -> (tasks: [PartitionTask], sources: [TopicID]) {
        var near: [PartitionTask] = []
        for task in restoring {
            let distance = try storing(task) { () throws(StoreFailure) in try task.distanceToGoals() }
            if distance < settings.restoredAlone { near.append(task) }
        }
        guard near.isEmpty, let first = restoring.first else { return (near, topology.restoreSources) }
        return ([first], Array(topology.restoreSources.filter(first.lacks).prefix(1)))
    }

    /// Steps 6 and 7: compares positions and lets the tasks run.
    private func start(_ finished: [PartitionTask]) throws(WorkerFailure) {
        let oldest = clock.now().adding(milliseconds: -settings.tombstoneLife)
        for task in finished {
            // The process slept meanwhile. Opened anew the store is found too old, and wiped.
            if try storing(task, { () throws(StoreFailure) in try task.hasMissedDeletions(before: oldest) }) {
                task.reopen()
                continue
            }
            let found = try storing(task) { () throws(StoreFailure) in try task.disagreement() }
            if let found, !switchedOff.contains(.comparison) {
                // If this process stood still since it asked, somebody else may have owned the partition and
                // committed, and the store has read of it. Only a position that is asked for afterwards counts.
                guard try committedOffsets(of: task) == task.committed else {
                    task.lookAgain()
                    continue
                }
                if found.group == nil, let stored = found.store {
                    // Looked at once more: now the store knows what it has seen.
                    guard settings.resumeAt[task.place(found.topic)] == nil else {
                        task.lookAgain()
                        continue
                    }
                    throw .stop(try positionMissing(task, found.topic, stored))
                }
                let stored = found.store?.description ?? "nothing"
                let group = found.group?.description ?? "nothing"
                try distrust(task, "\(name(found.topic)): the store has seen \(stored), the group committed \(group)")
                continue
            }
            try storing(task) { () throws(StoreFailure) in try task.startRunning() }
            if task.isAhead, aheadSince == nil { aheadSince = readClock() }
            logger.info("partition.running", .number("partition", Int64(task.partition.number)))
        }
        try refetch()
        readerIsCurrent = false
        if tasks.allSatisfy(\.isRunning) {
            reader?.close()
            reader = nil
        }
    }

    /// The store and the log disagree: once, the store is rebuilt from nothing; twice is beyond repair here.
    private func distrust(_ task: PartitionTask, _ reason: String) throws(WorkerFailure) {
        if task.wasWiped {
            throw .stop(WorkerStop(.storeDisagrees, "partition \(task.partition): \(reason)"))
        }
        noteWipe(task, reason)
        try storing(task) { () throws(StoreFailure) in try task.wipe() }
        readerIsCurrent = false
    }

    private func noteWipe(_ task: PartitionTask, _ reason: String) {
        logger.warning(
            "store.wiped", .number("partition", Int64(task.partition.number)), .string("reason", reason))
        metrics.wiped()
    }

    /// Fetches for the running tasks, from where each stands.
    func refetch() throws(WorkerFailure) {
        guard let consumer else { return }
        let positions = tasks.filter(\.isRunning).flatMap(\.fetchPositions)
        try logging { () throws(LogFailure) in try consumer.fetch(from: positions) }
    }

    func storing<Result>(
        _ task: PartitionTask, _ body: () throws(StoreFailure) -> Result
    ) throws(WorkerFailure) -> Result {
        do throws(StoreFailure) {
            return try body()
        } catch {
            throw .store(task.partition, error)
        }
    }

    func name(_ topic: TopicID) -> String { log.catalog.name(of: topic) }

    // MARK: Telling people

    func note(waitingFor reasons: [String]) {
        status.update { $0.waitingFor = reasons }
    }

    func noteProgress() {
        var waiting: [String] = consumer == nil ? ["partitions"] : []
        if failures > 0 { waiting.append("trying again after a failure: \(newestFailure)") }
        for task in tasks {
            switch task.state {
            case .running: break
            case .opening: waiting.append("opening partition \(task.partition)")
            case .restoring(let goals):
                let progress = goals.sorted { $0.key < $1.key }.map { topic, goal in
                    "\(name(topic)) at offset \(task.restoredTo[topic] ?? .zero) of \(goal)"
                }
                waiting.append("restoring partition \(task.partition): \(progress.joined(separator: ", "))")
            }
        }
        let running = tasks.filter(\.isRunning).map(\.partition.number)
        status.update {
            $0.waitingFor = waiting
            $0.runningPartitions = running
        }
        metrics.runningPartitions(more: running.count - countedRunning)
        countedRunning = running.count
    }
}
