// Turns outcomes into notices, owes each to its subscribers, and sees every delivery to its end. Deliveries
// are rows, written with the batch that read the outcome; they are sent only after that batch was committed.
// Results come back through a mailbox and are applied in `punctuate`, so that Kafka's transaction covers them
// too: exactly once into the store, at least once to the receiver (P26), with an id by which the receiver
// knows a repeat. Nothing here waits for a receiver.

import Configuration
import EventLog
import JSONText
import Messages
import NotifierDomain
import Primitives
import StateStore
import StreamRuntime

/// One partition's notices. Belongs to the worker's thread.
final class NotifierProcessor: PartitionProcessor {
    let database: StateStore
    let store: NotifierStore
    let partition: PartitionIndex
    let sender: any WebhookSender
    let catalog: TopicCatalog
    let metrics: NotifierMetrics
    var entropy: any Entropy

    let mailbox = AttemptMailbox()
    var queues: [String: DeliveryQueue] = [:]
    var underway: [UInt64: (queue: DeliveryQueue, wallet: WalletID)] = [:]
    private var lastNumber: UInt64 = 0
    /// What the newest batch knew of the configuration and the time.
    var subscribers = Subscribers()
    private var now = Timestamp.zero

    /// Results whose batch was undone; they come before those in the mailbox.
    var carried: [AttemptResult] = []
    var changes = BatchChanges()
    /// Rows of subscriptions that are no more may have to be dropped.
    private var mustReview = true
    /// Rows, once they were counted.
    private(set) var pending: Int64?
    private var settledAt = Timestamp.zero
    private var due: Timestamp? = .zero

    init(
        _ database: StateStore, _ store: NotifierStore, _ partition: PartitionIndex,
        sender: any WebhookSender,
        catalog: TopicCatalog, metrics: NotifierMetrics, entropy: any Entropy
    ) {
        self.database = database
        self.store = store
        self.partition = partition
        self.sender = sender
        self.catalog = catalog
        self.metrics = metrics
        self.entropy = entropy
    }

    // MARK: Records

    func process(_ record: Record, _ batch: BatchContext) throws(RecordFailure) {
        follow(batch)
        let notice = try readNotice(record, partitions: batch.partitions)
        let wanting = subscribers.wanting(notice.type, only: record.headerText(NoticeHeader.subscription))
        guard !wanting.isEmpty, try isNew(notice, record, batch) else { return }
        for subscription in wanting { try owe(notice, to: subscription.id) }
        changes.owed += Int64(wanting.count)
    }

    /// A dead letter that an operator sends again names its subscription, and is no news.
    private func isNew(_ notice: Notice, _ record: Record, _ batch: BatchContext) throws(RecordFailure)
        -> Bool
    {
        if record.header(NoticeHeader.subscription) != nil { return true }
        let isNew = try storing { () throws(StoreFailure) in
            if let number = notice.number { return try store.note(number, of: notice.wallet) }
            guard notice.occurredAt.day >= batch.now.day - NoticeMemory.days else { return false }
            return try store.note(notice.id, day: notice.occurredAt.day)
        }
        if !isNew { metrics.repeatedNotice() }
        return isNew
    }

    private func owe(_ notice: Notice, to subscription: String) throws(RecordFailure) {
        try storing { () throws(StoreFailure) in
            let queue = try queue(of: subscription)
            let position = queue.takePosition()
            try store.insert(notice, for: subscription, at: position)
            queue.stage(
                Delivery(
                    position: position, notice: notice.id, wallet: notice.wallet, type: notice.type,
                    occurredAt: notice.occurredAt, data: notice.data))
        }
    }

    func queue(of subscription: String) throws(StoreFailure) -> DeliveryQueue {
        if let known = queues[subscription] { return known }
        let queue = DeliveryQueue(
            subscription, bounds: subscribers.bounds, lastPosition: try store.lastPosition(of: subscription))
        queues[subscription] = queue
        return queue
    }

    func follow(_ batch: BatchContext) {
        now = batch.now
        guard subscribers.version != batch.configuration.version else { return }
        subscribers = Subscribers(batch.configuration)
        mustReview = true
        for queue in queues.values { queue.bounds = subscribers.bounds }
    }

    // MARK: Time

    var nextPunctuation: Timestamp? {
        guard !carried.isEmpty || !mailbox.isEmpty else { return due }
        return settledAt.adding(milliseconds: Self.settlingMilliseconds)
    }

    /// Results that arrive together are settled together: each settling is a transaction.
    static let settlingMilliseconds: Int64 = 30

    /// Results are looked for this often while there may be some.
    private static let resultWaitMilliseconds = 10

    var maximumWaitMilliseconds: Int? { underway.isEmpty ? nil : Self.resultWaitMilliseconds }

    func punctuate(_ batch: BatchContext) throws(RecordFailure) {
        follow(batch)
        settledAt = batch.now
        try settleResults(batch)
        try storing { () throws(StoreFailure) in
            if mustReview { try review(batch) }
            try readWindow(batch.now)
            try store.prune(before: batch.now.day - NoticeMemory.days, limit: NoticeMemory.prunedAtOnce)
        }
    }

    /// Brings what may be sent next into memory.
    private func readWindow(_ now: Timestamp) throws(StoreFailure) {
        for (id, queue) in queues where subscribers.active[id] != nil {
            if let missing = queue.missing {
                let rows = try store.deliveries(of: id, after: missing.after, limit: missing.limit)
                queue.stage(read: rows, limit: missing.limit)
            }
            queue.wake(now)
            try queue.fillData { position throws(StoreFailure) in try store.data(of: id, at: position) }
        }
    }

    // MARK: The end of a batch

    func batchCommitted() {
        for settled in changes.settled { apply(settled) }
        for id in changes.dropped { queues[id] = nil }
        if !changes.dropped.isEmpty {
            underway = underway.filter { queues[$0.value.queue.subscription] === $0.value.queue }
        }
        for queue in queues.values { queue.commit(now: now) }
        if let current = changes.counted ?? pending.map({ $0 + changes.owed - changes.ended }) {
            metrics.pendingChanged(by: current - (pending ?? 0))
            pending = current
        }
        for _ in 0..<changes.droppedDeliveries { metrics.ended(.abandon(.unsubscribed)) }
        mustReview = changes.mustReviewAgain || mustReview && !changes.isReviewed
        changes.clear()
        sendReady()
        due = nextDue()
    }

    private func apply(_ settled: BatchChanges.Settled) {
        let number = settled.result.number
        guard let (queue, wallet) = underway.removeValue(forKey: number) else { return }
        metrics.ended(settled.decision)
        if case .retry(let at) = settled.decision {
            queue.retry(wallet, at: at, status: settled.result.outcome.status, now)
        } else {
            queue.finish(wallet, now)
        }
    }

    /// Hands over everything that may be in flight now.
    private func sendReady() {
        var attempts: [WebhookAttempt] = []
        // In a fixed order, so that the same batches send the same attempts.
        for id in queues.keys.sorted() {
            guard let queue = queues[id], let subscription = subscribers.active[id] else { continue }
            while let delivery = queue.takeNext() {
                attempts.append(attempt(at: delivery, subscription, queue))
            }
        }
        if !attempts.isEmpty { sender.send(attempts, results: mailbox) }
    }

    private func attempt(
        at delivery: Delivery, _ subscription: Subscription, _ queue: DeliveryQueue
    ) -> WebhookAttempt {
        lastNumber += 1
        underway[lastNumber] = (queue, delivery.wallet)
        return WebhookAttempt(
            number: lastNumber, subscription: subscription.id, url: subscription.url,
            timeoutMilliseconds: subscription.timeoutMilliseconds,
            webhookID: delivery.webhookID(for: subscription.id),
            keys: [subscription.secret.bytes] + (subscription.formerSecret.map { [$0.bytes] } ?? []),
            body: NoticeBody.encoded(delivery.type, at: delivery.occurredAt, data: delivery.data ?? []))
    }

    private func nextDue() -> Timestamp? {
        if mustReview || queues.contains(where: { $1.needsStore && subscribers.active[$0] != nil }) {
            return .zero
        }
        guard let pending, pending > 0 else { return nil }
        let review = now.adding(milliseconds: NoticeMemory.reviewMilliseconds)
        return min(review, queues.values.compactMap(\.nextDue).min() ?? review)
    }

    /// Also called when one record's changes were undone and the batch goes on: what was staged before it is
    /// then read from the store, as it is after a whole batch was undone.
    func batchUndone() {
        for queue in queues.values { queue.undo() }
        carried = changes.settled.map(\.result) + carried
        let owed = database.isInTransaction ? changes.owed : 0
        changes.clear()
        changes.owed = owed
        due = .zero
    }

    func close() {
        mailbox.close()
        metrics.pendingChanged(by: -(pending ?? 0))
        pending = nil
    }
}

/// Bounds of what the notifier remembers and when it looks again.
enum NoticeMemory {
    /// Outcomes without a number are known again for this many days by their own time; older ones are taken
    /// as known. Four times as long as anything is kept that could bring them in again.
    static let days: Int64 = 30
    /// Forgotten in one batch, so that no batch gets long.
    static let prunedAtOnce = 200
    /// While something is owed, the configuration is looked at this often, also if nothing else happens.
    static let reviewMilliseconds: Int64 = 60_000
    /// Deliveries of ended subscriptions that are dropped in one batch.
    static let droppedAtOnce = 500
}

/// What a batch did that becomes part of the processor's memory when it is committed.
struct BatchChanges {
    struct Settled {
        let result: AttemptResult
        let decision: DeliveryDecision
    }

    var settled: [Settled] = []
    /// Subscriptions that ended; their queues go.
    var dropped: Set<String> = []
    var isReviewed = false
    var mustReviewAgain = false
    /// Rows written by records, and rows deleted since.
    var owed: Int64 = 0
    var ended: Int64 = 0
    var droppedDeliveries = 0
    /// All rows, where they were counted.
    var counted: Int64?

    mutating func clear() { self = BatchChanges() }
}
