// One batch: process each record in its partition's store, punctuate, put the changed rows on the
// changelog, commit Kafka's transaction, then the stores'. Strictly in this order: a store that
// commits first could be ahead of the log.

import EventLog
import Primitives
import StateStore

extension Worker {
    /// How long positions may wait, in milliseconds: what a restart reads again, and by how much an operator's
    /// view of the lag is late.
    private static var maximumAheadMilliseconds: Int64 { 1_000 }
    /// Of a record that is written: less than the mebibyte that brokers and clients take with their overhead.
    private static var maximumRecordBytes: Int { 1_000_000 }
    /// After a punctuation that failed for good, in milliseconds: it is tried again, not at once.
    private static var failedPunctuationPause: Int64 { 5_000 }

    func processBatch(
        _ consumer: Log.Consumer, _ producer: Log.Producer, at now: Timestamp
    ) throws(WorkerFailure) {
        let due = tasks.filter { task in
            guard task.isRunning, let due = task.nextPunctuation else { return false }
            return due <= now || mustPunctuate
        }
        mustPunctuate = false
        let mustCatchUp = aheadSince.map { now >= $0.adding(milliseconds: Self.maximumAheadMilliseconds) } ?? false
        guard !batch.isEmpty || !due.isEmpty || mustCatchUp else { return }
        context.begin(at: now, configuration: context.configuration)
        let count = try process(due)
        tellDeadLetters()
        if !mustCatchUp, try setAside(now) { return metrics.setAside(records: count) }
        for task in tasks where task.isRunning && task.isAhead { try begin(task) }
        let touched = tasks.filter { $0.store?.isInTransaction ?? false }
        guard !touched.isEmpty else {
            // Those who were ahead are gone; their successors read again.
            aheadSince = nil
            return
        }
        for task in touched { try collectChanges(task) }
        if switchedOff.contains(.commitOrder) { try commitBefore(touched, now) }
        let isTimerAlone = count == 0 && switchedOff.contains(.timerOffsets)
        let outcome = producer.commit(
            context.output, offsets: isTimerAlone ? [] : touched.flatMap(\.positions), of: consumer)
        try finish(outcome, touched, count, now)
        let end = clock.now()
        if count > 0 { pace.noteEnd(at: end) }
        metrics.batch(records: count, written: context.output.count, started: now, ended: end)
    }

    /// A batch that wrote nothing needs no transaction of its own: a service that reads much and answers to
    /// little would otherwise keep the broker busy with positions alone.
    private func setAside(_ now: Timestamp) throws(WorkerFailure) -> Bool {
        let touched = tasks.filter { $0.store?.isInTransaction ?? false }
        guard context.output.isEmpty, touched.allSatisfy({ !($0.store?.hasChanges ?? true) }) else { return false }
        for task in touched { try storing(task) { () throws(StoreFailure) in try task.setAside() } }
        if aheadSince == nil, tasks.contains(where: \.isAhead) { aheadSince = now }
        return true
    }

    /// Nearly every batch goes through without a record that fails after it has changed rows. One that does not is
    /// undone, and done again with a savepoint before each record.
    private func process(_ due: [PartitionTask]) throws(WorkerFailure) -> Int {
        do throws(WorkerFailure) {
            return try processOnce(due, withSavepoints: false)
        } catch {
            guard case .needsSavepoints = error else { throw error }
        }
        for task in tasks where task.store?.isInTransaction ?? false {
            try storing(task) { () throws(StoreFailure) in try task.startBatchAgain() }
        }
        context.output.clear()
        return try processOnce(due, withSavepoints: true)
    }

    private func processOnce(_ due: [PartitionTask], withSavepoints: Bool) throws(WorkerFailure) -> Int {
        deadLetters.removeAll(keepingCapacity: true)
        let count = try processRecords(withSavepoints)
        for task in due { try punctuate(task, withSavepoints) }
        return count
    }

    private func processRecords(_ withSavepoints: Bool) throws(WorkerFailure) -> Int {
        var count = 0
        for record in batch {
            guard let task = tasks.first(where: { $0.partition == record.partition }), task.isRunning,
                task.expects(record)
            else { continue }
            try begin(task)
            try process(record, task, withSavepoints)
            task.advance(record)
            count += 1
        }
        return count
    }

    private func begin(_ task: PartitionTask) throws(WorkerFailure) {
        guard let store = task.store, !store.isInTransaction else { return }
        try storing(task) { () throws(StoreFailure) in try task.begin() }
    }

    private func process(
        _ record: Record, _ task: PartitionTask, _ withSavepoint: Bool
    ) throws(WorkerFailure) {
        try guarded(task, withSavepoint) { (processor) throws(RecordFailure) in
            try processor.process(record, context)
        } onUnprocessable: { code, detail in
            deadLetter(record, task, code: code, detail: detail)
        }
    }

    private func punctuate(_ task: PartitionTask, _ withSavepoint: Bool) throws(WorkerFailure) {
        try begin(task)
        try guarded(task, withSavepoint) { (processor) throws(RecordFailure) in
            try processor.punctuate(context)
        } onUnprocessable: { code, detail in
            task.punctuationPausedUntil = context.now.adding(milliseconds: Self.failedPunctuationPause)
            logger.error(
                "punctuation.failed", .number("partition", Int64(task.partition.number)), .string("code", code),
                .string("detail", detail))
        }
    }

    /// Runs a processor's step so that its rows and records vanish if it fails.
    private func guarded(
        _ task: PartitionTask, _ withSavepoint: Bool,
        _ body: (any PartitionProcessor) throws(RecordFailure) -> Void,
        onUnprocessable: (_ code: String, _ detail: String) -> Void
    ) throws(WorkerFailure) {
        guard let store = task.store, let processor = task.processor else { return }
        let mark = context.output.count
        try storing(task) { () throws(StoreFailure) in try store.beginRecord(withSavepoint: withSavepoint) }
        do throws(RecordFailure) {
            try body(processor)
            try refuseUnwritable(since: mark)
            try StreamRuntime.storing { () throws(StoreFailure) in try store.endRecord() }
        } catch {
            let (code, detail) = try unprocessable(error, task)
            if switchedOff.contains(.savepoint) {
                try storing(task) { () throws(StoreFailure) in try store.endRecord() }
            } else {
                guard store.canUndoRecord else { throw .needsSavepoints(task.partition) }
                try storing(task) { () throws(StoreFailure) in try store.undoRecord() }
                context.output.truncate(to: mark)
            }
            processor.recordUndone()
            onUnprocessable(code, detail)
        }
    }

    /// What the log would not take fails every batch that it is in, so the record that asks for it is refused
    /// alone: it may name a partition itself (where to answer to), and its results may be too large.
    private func refuseUnwritable(since mark: Int) throws(RecordFailure) {
        guard partitionsExist(since: mark) else {
            throw .unprocessable(
                code: "unknown-partition", detail: "it asks for an answer on a partition that is not there")
        }
        for index in mark..<context.output.count
        where context.output.byteCount(of: index) > Self.maximumRecordBytes {
            let bytes = context.output.byteCount(of: index)
            throw .unprocessable(
                code: "too-large",
                detail: "a record of \(bytes) bytes for \(name(context.output[index].topic)) would come of it")
        }
    }

    private func partitionsExist(since mark: Int) -> Bool {
        (mark..<context.output.count).allSatisfy {
            (0..<settings.partitions.number).contains(context.output[$0].partition.number)
        }
    }

    private func unprocessable(
        _ failure: RecordFailure, _ task: PartitionTask
    ) throws(WorkerFailure) -> (String, String) {
        switch failure {
        case .unprocessable(let code, let detail): return (code, detail)
        case .store(let cause):
            guard cause.consequence == .rejectRecord else { throw .store(task.partition, cause) }
            return ("store-constraint", cause.description)
        }
    }

    private func deadLetter(_ record: Record, _ task: PartitionTask, code: String, detail: String) {
        context.output.appendDeadLetter(
            record, to: topology.deadLetters, sourceName: name(record.topic), code: code, detail: detail,
            now: context.now)
        let mark = context.output.count
        task.processor?.deadLettered(record, code: code, detail: detail, context)
        if !partitionsExist(since: mark) { context.output.truncate(to: mark) }
        deadLetters.append((record, code, detail))
    }

    /// Once a batch, however often it was begun.
    private func tellDeadLetters() {
        for (record, code, detail) in deadLetters {
            metrics.deadLetter(code)
            logger.warning(
                "record.dead-lettered", .string("topic", name(record.topic)),
                .number("partition", Int64(record.partition.number)), .number("offset", record.offset.number),
                .string("code", code), .string("detail", detail))
        }
    }

    private func collectChanges(_ task: PartitionTask) throws(WorkerFailure) {
        let place = TopicPartition(topology.changelog, task.partition)
        try storing(task) { () throws(StoreFailure) in
            try task.processor?.batchEnding()
            try task.storePositions()
            try task.store?.forEachChange { key, value in
                context.output.append(to: place, key: key)
                if let value { context.output.setValue(value) }
            }
        }
    }

    // MARK: The end of a batch

    private func finish(
        _ outcome: TransactionOutcome, _ touched: [PartitionTask], _ count: Int, _ now: Timestamp
    ) throws(WorkerFailure) {
        switch outcome {
        case .committed(let delivered):
            recordLimit = min(settings.limits.records, max(1, recordLimit) * 2)
            aheadSince = nil
            if !switchedOff.contains(.commitOrder) { try commitStores(touched, delivered, now) }
        case .aborted(let cause):
            metrics.aborted(cause.code)
            // A smaller batch may pass where a large one timed out.
            recordLimit = max(1, recordLimit / 2)
            undoBatch()
            throw .log(cause)
        case .fenced(let cause):
            metrics.aborted(cause.code)
            undoBatch()
            disconnect()
            throw .log(cause)
        case .unknown(let cause):
            metrics.aborted(cause.code)
            try guess(touched, now)
            discardProducer()
            throw .log(cause)
        }
    }

    /// What a worker without these safeguards would take an unknown outcome for.
    private func guess(_ touched: [PartitionTask], _ now: Timestamp) throws(WorkerFailure) {
        guard switchedOff.contains(.unknownOutcome) || switchedOff.contains(.newProducer) else { return }
        if switchedOff.contains(.unknownOutcome) {
            try commitStores(touched, [], now)
            self.producer = nil
        } else {
            undoBatch()
        }
        throw .log(LogFailure(operation: "commit", code: "GUESSED", detail: "", consequence: .retry))
    }

    /// Kafka has the batch, so every store must have it too: one that cannot commit is opened anew
    /// and catches up from the changelog, and the others commit all the same.
    private func commitStores(
        _ touched: [PartitionTask], _ delivered: [InputPosition], _ now: Timestamp
    ) throws(WorkerFailure) {
        var first: WorkerFailure?
        let written = writtenToRestoreSources()
        for task in touched {
            do throws(WorkerFailure) {
                let jump = try storing(task) { () throws(StoreFailure) in
                    try task.commit(delivered: delivered, written: written, now: now)
                }
                if let jump {
                    let place = task.place(jump.topic)
                    first = first ?? .stop(recreated(place, known: jump.known, end: jump.first))
                }
            } catch {
                task.reopen()
                readerIsCurrent = false
                first = first ?? error
            }
        }
        if let first { throw first }
    }

    /// What a worker without that safeguard does.
    private func commitBefore(_ touched: [PartitionTask], _ now: Timestamp) throws(WorkerFailure) {
        try commitStores(touched, [], now)
        for task in touched { try storing(task) { () throws(StoreFailure) in try task.commitHeld() } }
    }

    /// Writes what stores have held for long enough. Stores that began together would be written together ever after,
    /// and a batch waited for all of them; so one that is only half as old as it may be is written in its turn, the
    /// oldest first, when no other was for its share of that time.
    func commitOverdue(_ now: Timestamp) throws(WorkerFailure) {
        let share = StateStore.maximumHeldMilliseconds / Int64(max(1, tasks.count))
        let isTurn = now < lastOverdue || now >= lastOverdue.adding(milliseconds: share)
        var due = tasks.filter { $0.store?.isOverdue(at: now) ?? false }
        if due.isEmpty, isTurn {
            let ripe = tasks.filter { $0.store?.isOverdue(at: now, inTurn: true) ?? false }
            due = ripe.min { ($0.store?.heldSince ?? now) < ($1.store?.heldSince ?? now) }.map { [$0] } ?? []
        }
        for task in due {
            lastOverdue = now
            try storing(task) { () throws(StoreFailure) in try task.commitHeld() }
        }
    }

    private func writtenToRestoreSources() -> [TopicPartition: Int64] {
        var counts: [TopicPartition: Int64] = [:]
        for (place, count, _) in context.output.countsByPlace where topology.restoreSources.contains(place.topic) {
            counts[place] = Int64(count)
        }
        return counts
    }

    /// Rolls every open store back. One that cannot do that, or falls behind the log by it, is opened anew.
    func undoBatch() {
        for task in tasks where task.store?.isInTransaction ?? false {
            do throws(StoreFailure) {
                try task.undo(at: context.now)
            } catch {
                let partition = Int64(task.partition.number)
                if error.cause == .heldUndone {
                    logger.info("store.reads-again", .number("partition", partition))
                } else {
                    logger.error(
                        "store.rollback-failed", .number("partition", partition),
                        .string("failure", error.description))
                }
                task.reopen()
                readerIsCurrent = false
            }
        }
        context.output.clear()
    }
}
