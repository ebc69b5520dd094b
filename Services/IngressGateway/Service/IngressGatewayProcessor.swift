// The gateway's worker half for one partition: records of `ingress` become canonical events, and each event's
// idempotency key is decided on by the one worker that owns the key's partition. What comes from `intake` is
// decided by its headers alone; the body's bytes are passed on as they came. What cannot be processed is
// thrown, and becomes a dead letter.

import Configuration
import EventLog
import IngressGatewayDomain
import Messages
import Primitives
import StateStore
import StreamRuntime

final class IngressGatewayProcessor: PartitionProcessor {
    /// Rows deleted in one sweep: a fraction of what a batch may write, so that records are not held up.
    private static let rowsPerSweep = 1_000

    let store: IngressGatewayStore
    private let partition: PartitionIndex
    private let metrics: IntakeMetrics
    private var counts = IntakeCounts()
    private(set) var nextPunctuation: Timestamp? = .zero

    init(_ store: IngressGatewayStore, _ partition: PartitionIndex, _ metrics: IntakeMetrics) {
        self.store = store
        self.partition = partition
        self.metrics = metrics
    }

    func process(_ record: Record, _ batch: BatchContext) throws(RecordFailure) {
        if record.topic == .ingress {
            try receive(record, batch)
        } else if record.messageType == .eventQuery {
            try ask(record, batch)
        } else {
            try decide(record, batch)
        }
    }

    // MARK: Records of ingress

    /// Maps and checks a record of an outside system, then decides here or hands it to the owner of its key.
    private func receive(_ record: Record, _ batch: BatchContext) throws(RecordFailure) {
        let source = try source(of: record, batch)
        if record.header(HeaderName.type) != nil, record.messageType != .purchase {
            throw .unprocessable(code: "unknown-type", detail: "\(HeaderName.type): purchase is due")
        }
        let key = try idempotencyKey(of: record)
        guard let range = record.valueRange else {
            throw .unprocessable(code: "empty-body", detail: "the record has no value")
        }
        let purchase = try decoding { () throws(MessageFailure) in
            try readSourceRecord(
                record.bytes, in: range, contentType: record.headerText(HeaderName.contentType),
                source: source,
                &batch.writer)
        }
        let event = CanonicalEvent(purchase, &batch.writer)
        let arrival = Arrival(event, key: key, source: source, programme: batch.configuration.programme.name)
        guard batch.partitions.partition(ofHash: arrival.item.event.keyHash) == partition else {
            counts.rerouted += 1
            return batch.output.append(arrival, toIntakeOf: batch.partitions, traceparentOf: record)
        }
        try settle(arrival.item, source, replyTo: nil, batch) {
            batch.output.append(arrival, of: batch.partitions, traceparentOf: record)
        }
    }

    private func source(of record: Record, _ batch: BatchContext) throws(RecordFailure) -> Source {
        guard let name = record.headerText(HeaderName.source), !name.isEmpty else {
            throw .unprocessable(code: "source-required", detail: "header \(HeaderName.source) is missing")
        }
        guard let source = batch.configuration.sources[name] else {
            throw .unprocessable(code: "unknown-source", detail: "\(HeaderName.source): no such source")
        }
        guard source.active else {
            throw .unprocessable(code: "inactive-source", detail: "source \(name) is switched off")
        }
        return source
    }

    /// The header, or else the record's own key.
    private func idempotencyKey(of record: Record) throws(RecordFailure) -> IdempotencyKey {
        do throws(IdempotencyKey.Failure) {
            return try IdempotencyKey(record.header(HeaderName.idempotencyKey) ?? record.key)
        } catch {
            throw .unprocessable(code: error.rawValue, detail: error.detail)
        }
    }

    // MARK: Records of intake

    private func decide(_ record: Record, _ batch: BatchContext) throws(RecordFailure) {
        let item = try IntakeItem(record, at: partition, of: batch.partitions)
        let source = try source(of: record, batch)
        guard let range = record.valueRange, !range.isEmpty else {
            throw .unprocessable(code: "empty-body", detail: "the record has no value")
        }
        let address = record.callerAddress(batch.partitions)
        guard address != nil || record.replyAddress == nil else {
            throw .unprocessable(
                code: "unknown-partition", detail: "\(HeaderName.replyPartition): no such partition")
        }
        try settle(item, source, replyTo: address, batch) {
            batch.output.append(to: item.destination(batch.partitions), key: item.wallet.hex)
            batch.output.addHeaders(HeaderName.passedOn, of: record)
            batch.output.setValue(record.bytes[range])
        }
    }

    /// Whether an event is known, and to whom its question goes (GET /v1/events/{id}).
    private func ask(_ record: Record, _ batch: BatchContext) throws(RecordFailure) {
        guard let event = record.eventID, batch.partitions.partition(ofHash: event.keyHash) == partition
        else {
            throw .unprocessable(
                code: "header-invalid", detail: "\(HeaderName.id): an event of this partition is due")
        }
        guard let address = record.callerAddress(batch.partitions) else {
            throw .unprocessable(
                code: "header-missing", detail: "\(HeaderName.replyPartition): a question wants an answer")
        }
        let known = try storing { () throws(StoreFailure) in try store.knownKey(of: event, now: batch.now) }
        guard let known else {
            let body = batch.encoded { $0.event(event) }
            return batch.output.reply(to: address, .notFound, body: body)
        }
        batch.output.appendQuestion(
            about: event, known, replyTo: address, replayed: false,
            traceparent: record.header(HeaderName.traceparent), batch)
    }

    // MARK: Deciding

    /// Decides on the key, remembers it, and answers for all but the first of it, which `passOn` writes.
    private func settle(
        _ item: IntakeItem, _ source: Source, replyTo address: ReplyAddress?, _ batch: BatchContext,
        passOn: () -> Void
    ) throws(RecordFailure) {
        let known = try storing { () throws(StoreFailure) in
            try store.knownKey(of: item.event, now: batch.now)
        }
        switch decideIntake(known, item, source: source, now: batch.now) {
        case .first(let bucket, let expiry):
            try storing { () throws(StoreFailure) in try store.remember(item, in: bucket, until: expiry) }
            nextPunctuation = min(nextPunctuation ?? bucket.end, bucket.end)
            counts.first += 1
            passOn()
        case .repeated:
            counts.repeated += 1
            guard let address, let known else { return }
            batch.output.appendQuestion(
                about: item.event, known, replyTo: address, replayed: true, traceparent: nil, batch)
        case .conflict:
            counts.conflicts += 1
            let detail = "the idempotency key was used for another payload"
            try refuse(item, .conflict, "key-reuse", detail, replyTo: address, batch)
        case .refused(let refusal):
            counts.refused += 1
            try refuse(item, .refused, refusal.rawValue, refusal.detail(for: source), replyTo: address, batch)
        }
    }

    /// Tells the caller who waits; without one, an operator.
    private func refuse(
        _ item: IntakeItem, _ outcome: ReplyOutcome, _ code: String, _ detail: String,
        replyTo address: ReplyAddress?, _ batch: BatchContext
    ) throws(RecordFailure) {
        guard let address else { throw .unprocessable(code: code, detail: detail) }
        let body = batch.encoded { $0.event(item.event, reason: code, detail: detail) }
        batch.output.reply(to: address, outcome, body: body)
    }

    /// Whoever waits for a record of `intake` is told at once that it was not accepted.
    func deadLettered(_ record: Record, code: String, detail: String, _ batch: BatchContext) {
        if record.topic == .intake { batch.replyRefused(record, code: code, detail: detail) }
    }

    // MARK: Time and batches

    func punctuate(_ batch: BatchContext) throws(RecordFailure) {
        try storing { () throws(StoreFailure) in
            try store.forgetExpired(now: batch.now, limit: Self.rowsPerSweep)
            nextPunctuation = try store.nextExpiry()
        }
    }

    func batchCommitted() {
        metrics.add(counts)
        counts = IntakeCounts()
    }

    func recordUndone() {
        store.forgetRead()
        // What was due may be due still.
        nextPunctuation = .zero
    }

    func batchUndone() {
        recordUndone()
        counts = IntakeCounts()
    }
}
