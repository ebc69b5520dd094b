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
    /// A batch that cannot be halved any more and still fails this often has a record that no log will take.
    private static var maximumAborts: Int { 5 }
    /// The log's name for a record that exceeds its message size: smaller batches tell which input leads to it.
    private static var tooLarge: String { "MSG_SIZE_TOO_LARGE" }

    func processBatch(_ consumer: Log.Consumer, _ producer: Log.Producer) throws(WorkerFailure) {
        let now = clock.now()
        let due = tasks.filter { task in
            guard task.isRunning, task.hasPosition, let due = task.processor?.nextPunctuation else { return false }
            return due <= now
        }
        let mustCatchUp = aheadSince.map { now >= $0.adding(milliseconds: Self.maximumAheadMilliseconds) } ?? false
        guard !batch.isEmpty || !due.isEmpty || mustCatchUp else { return }
        context.begin(at: now, configuration: context.configuration)
        let started = now
        let count = try processRecords()
        for task in due { try punctuate(task) }
        if !mustCatchUp, try setAside(now) { return metrics.setAside(records: count) }
        for task in tasks where task.isRunning && task.isAhead { try begin(task) }
        let touched = tasks.filter { $0.store?.isInTransaction ?? false }
        guard !touched.isEmpty else { return }
        for task in touched { try collectChanges(task) }
        let outcome = producer.commit(context.output, offsets: touched.flatMap(\.positions), of: consumer)
        try finish(outcome, touched, count, now)
        metrics.batch(records: count, written: context.output.count, started: started, ended: clock.now())
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

    private func processRecords() throws(WorkerFailure) -> Int {
        var count = 0
        for record in batch {
            guard let task = tasks.first(where: { $0.partition == record.partition }), task.isRunning,
                task.expects(record)
            else { continue }
            try begin(task)
            try process(record, task)
            task.advance(record)
            count += 1
        }
        return count
    }

    private func begin(_ task: PartitionTask) throws(WorkerFailure) {
        guard let store = task.store, !store.isInTransaction else { return }
        try storing(task) { () throws(StoreFailure) in try store.begin() }
    }

    private func process(_ record: Record, _ task: PartitionTask) throws(WorkerFailure) {
        if condemned.contains(CondemnedRecord(place: record.place, offset: record.offset)) {
            return deadLetter(record, task, code: "too-large", detail: "its results exceed the log's message size")
        }
        try guarded(task) { (processor) throws(RecordFailure) in
            try processor.process(record, context)
        } onUnprocessable: { code, detail in
            deadLetter(record, task, code: code, detail: detail)
        }
    }

    private func punctuate(_ task: PartitionTask) throws(WorkerFailure) {
        try begin(task)
        try guarded(task) { (processor) throws(RecordFailure) in
            try processor.punctuate(context)
        } onUnprocessable: { code, detail in
            logger.error(
                "punctuation.failed", .number("partition", Int64(task.partition.number)), .string("code", code),
                .string("detail", detail))
        }
    }

    /// Runs a processor's step so that its rows and records vanish if it fails.
    private func guarded(
        _ task: PartitionTask, _ body: (any PartitionProcessor) throws(RecordFailure) -> Void,
        onUnprocessable: (_ code: String, _ detail: String) -> Void
    ) throws(WorkerFailure) {
        guard let store = task.store, let processor = task.processor else { return }
        let mark = context.output.count
        try storing(task) { () throws(StoreFailure) in try store.beginRecord() }
        do throws(RecordFailure) {
            try body(processor)
            try refuseUnknownPartitions(since: mark)
            try StreamRuntime.storing { () throws(StoreFailure) in try store.endRecord() }
        } catch {
            let (code, detail) = try unprocessable(error, task)
            try storing(task) { () throws(StoreFailure) in try store.undoRecord() }
            context.output.truncate(to: mark)
            processor.batchUndone()
            onUnprocessable(code, detail)
        }
    }

    /// A record may name a partition itself (where to answer to); one that does not exist would
    /// fail every batch with it.
    private func refuseUnknownPartitions(since mark: Int) throws(RecordFailure) {
        guard partitionsExist(since: mark) else {
            throw .unprocessable(
                code: "unknown-partition", detail: "it asks for an answer on a partition that is not there")
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
        metrics.deadLetter(code)
        logger.warning(
            "record.dead-lettered", .string("topic", name(record.topic)),
            .number("partition", Int64(record.partition.number)), .number("offset", record.offset.number),
            .string("code", code), .string("detail", detail))
    }

    private func collectChanges(_ task: PartitionTask) throws(WorkerFailure) {
        let place = TopicPartition(topology.changelog, task.partition)
        try storing(task) { () throws(StoreFailure) in
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
            condemned.removeAll()
            aborts = 0
            aheadSince = nil
            try commitStores(touched, delivered, now)
        case .aborted(let cause):
            metrics.aborted(cause.code)
            noteAbort(cause)
            undoBatch()
            throw .log(cause.code == Self.tooLarge ? cause.retried : cause)
        case .fenced(let cause):
            metrics.aborted(cause.code)
            undoBatch()
            disconnect()
            throw .log(cause)
        case .unknown(let cause):
            metrics.aborted(cause.code)
            discardProducer()
            throw .log(cause)
        }
    }

    /// Kafka has the batch, so every store must have it too: one that cannot commit is opened anew
    /// and catches up from the changelog, and the others commit all the same.
    private func commitStores(
        _ touched: [PartitionTask], _ delivered: [InputPosition], _ now: Timestamp
    ) throws(WorkerFailure) {
        var first: WorkerFailure?
        for task in touched {
            do throws(WorkerFailure) {
                try storing(task) { () throws(StoreFailure) in try task.commit(delivered: delivered, now: now) }
            } catch {
                task.reopen()
                readerIsCurrent = false
                first = first ?? error
            }
        }
        if let first { throw first }
    }

    /// Halves what the next batch may hold, until the record that cannot be committed stands alone.
    private func noteAbort(_ cause: LogFailure) {
        if recordLimit > 1 {
            recordLimit /= 2
            return
        }
        aborts += 1
        guard aborts >= Self.maximumAborts, cause.code == Self.tooLarge else { return }
        for record in batch where tasks.contains(where: { $0.partition == record.partition }) {
            condemned.insert(CondemnedRecord(place: record.place, offset: record.offset))
        }
        aborts = 0
    }

    /// Rolls every open store back. One that cannot even do that is opened anew.
    func undoBatch() {
        for task in tasks where task.store?.isInTransaction ?? false {
            do throws(StoreFailure) {
                try task.undo()
            } catch {
                logger.error(
                    "store.rollback-failed", .number("partition", Int64(task.partition.number)),
                    .string("failure", error.description))
                task.reopen()
                readerIsCurrent = false
            }
        }
        context.output.clear()
    }
}
