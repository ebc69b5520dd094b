// How deliveries end: results of attempts are decided on, and what is owed to subscriptions that are no more
// is dropped. Writes rows, receipts and dead letters of the batch; memory follows when the batch is
// committed.

import Configuration
import EventLog
import Messages
import NotifierDomain
import Primitives
import StateStore
import StreamRuntime

/// Headers of a dead letter that is a notice. Sent again to the topic it names, with these headers, it is
/// delivered to that subscription again.
enum NoticeHeader {
    static let subscription: StaticString = "subscription"
    static let attempts: StaticString = "attempts"
    static let webhookID: StaticString = "webhook-id"
}

extension NotifierProcessor {
    /// Decides on every result that has come back. Results of attempts that nobody waits for any more are
    /// dropped.
    func settleResults(_ batch: BatchContext) throws(RecordFailure) {
        let results = carried + mailbox.take()
        carried.removeAll(keepingCapacity: true)
        // Noted first: should a row fail to be written, all of them come again.
        for result in results {
            guard let (queue, wallet) = underway[result.number], let delivery = queue.inFlight(of: wallet)
            else { continue }
            let decision = decide(delivery, queue.subscription, result, batch.now)
            changes.settled.append(BatchChanges.Settled(result: result, decision: decision))
        }
        for settled in changes.settled {
            guard let (queue, wallet) = underway[settled.result.number],
                let delivery = queue.inFlight(of: wallet)
            else { continue }
            try settle(delivery, queue.subscription, settled, batch)
        }
    }

    private func decide(
        _ delivery: Delivery, _ subscription: String, _ result: AttemptResult, _ now: Timestamp
    ) -> DeliveryDecision {
        let policy = subscribers.active[subscription].map { RetryPolicy($0) }
        let decision = decideDelivery(
            attempt: delivery.failedAttempts + 1, outcome: result.outcome, policy: policy ?? .none, now: now,
            entropy: &entropy)
        return policy == nil && decision != .delivered ? .abandon(.unsubscribed) : decision
    }

    private func settle(
        _ delivery: Delivery, _ subscription: String, _ settled: BatchChanges.Settled, _ batch: BatchContext
    ) throws(RecordFailure) {
        let attempts = delivery.failedAttempts + 1
        let status = settled.result.outcome.status
        switch settled.decision {
        case .delivered:
            try storing { () throws(StoreFailure) in
                try end(delivery, subscription, .delivered, attempts: attempts, status: status, batch)
            }
        case .retry(let next):
            try storing { () throws(StoreFailure) in
                try store.noteFailure(
                    of: delivery, subscription, attempts: attempts, next: next, status: status)
            }
        case .abandon(let reason):
            if reason != .unsubscribed {
                appendDeadLetter(
                    delivery, subscription, reason, attempts: attempts, settled.result.outcome, batch)
            }
            try storing { () throws(StoreFailure) in
                try end(delivery, subscription, .abandoned, attempts: attempts, status: status, batch)
            }
        }
    }

    private func end(
        _ delivery: Delivery, _ subscription: String, _ outcome: DeliveryReceipt.Outcome, attempts: Int,
        status: Int?,
        _ batch: BatchContext
    ) throws(StoreFailure) {
        try store.delete(delivery, of: subscription)
        changes.ended += 1
        let receipt = DeliveryReceipt(
            notice: delivery.webhookID(for: subscription), subscription: subscription,
            wallet: delivery.wallet,
            type: delivery.type.rawValue, outcome: outcome, attempts: Int64(attempts),
            httpStatus: status.map(Int64.init), decidedAt: batch.now)
        let body = batch.encoded { receipt.encode(to: &$0) }
        batch.output.append(to: TopicPartition(.notices, partition), key: delivery.wallet.hex)
        batch.output.addEnvelope(.noticed, id: delivery.notice.value, source: .notifier, time: batch.now)
        batch.output.setValue(body)
    }

    /// The outcome as it was read, so that it can be sent again.
    private func appendDeadLetter(
        _ delivery: Delivery, _ subscription: String, _ reason: AbandonReason, attempts: Int,
        _ outcome: AttemptOutcome, _ batch: BatchContext
    ) {
        let origin = delivery.origin
        let output = batch.output
        output.append(to: TopicPartition(.deadLetters(of: .notifier), partition), key: delivery.wallet.hex)
        output.addEnvelope(
            origin.type, id: delivery.notice.value, source: origin.source, time: delivery.occurredAt)
        output.addHeader(NoticeHeader.subscription, subscription)
        output.addHeader(NoticeHeader.webhookID, delivery.webhookID(for: subscription))
        output.addHeader(NoticeHeader.attempts, String(attempts))
        output.addHeader(DeadLetterHeader.reason, reason.rawValue)
        output.addHeader(DeadLetterHeader.detail, outcome.code)
        output.addHeader(DeadLetterHeader.topic, catalog.name(of: origin.topic))
        output.addHeader(DeadLetterHeader.partition, String(partition.number))
        output.addHeader(DeadLetterHeader.time, batch.now.rfc3339)
        output.setValue(delivery.data ?? [])
    }

    // MARK: Subscriptions that ended

    /// Counts what is owed at the start, makes a queue for each active subscription that is owed something,
    /// and drops what is owed to the others: a receipt says `abandoned`, and no dead letter is written, since
    /// nobody asks for it any more.
    func review(_ batch: BatchContext) throws(StoreFailure) {
        var budget = NoticeMemory.droppedAtOnce
        for id in try store.subscriptions() {
            if subscribers.active[id] != nil {
                _ = try queue(of: id)
            } else {
                changes.dropped.insert(id)
                budget -= try drop(id, limit: budget, batch)
            }
        }
        changes.dropped.formUnion(queues.keys.filter { subscribers.active[$0] == nil })
        changes.isReviewed = true
        changes.mustReviewAgain = budget <= 0
        if pending == nil { changes.counted = try store.count() }
    }

    private func drop(_ id: String, limit: Int, _ batch: BatchContext) throws(StoreFailure) -> Int {
        guard limit > 0 else { return 0 }
        let rows = try store.deliveries(of: id, after: 0, limit: limit)
        for delivery in rows {
            try end(
                delivery, id, .abandoned, attempts: delivery.failedAttempts,
                status: delivery.lastStatus.map { Int($0) },
                batch)
            changes.droppedDeliveries += 1
        }
        return rows.count
    }
}

extension Delivery {
    func webhookID(for subscription: String) -> String { "\(notice).\(subscription)" }

    /// Where the outcome was read, and what it was there.
    fileprivate var origin: (topic: TopicID, type: MessageType, source: ServiceName) {
        switch type {
        case .pointsAwarded, .pointsNotAwarded: (.awards, .awarded, .walletLedger)
        case .pointsSpent: (.spends, .spent, .walletLedger)
        case .rewardIssued: (.rewardsIssued, .rewardIssued, .rewardsIssuer)
        case .rewardRefused: (.rewardsIssued, .rewardRefused, .rewardsIssuer)
        }
    }
}
