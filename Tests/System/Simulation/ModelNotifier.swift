// What subscribers must have been told of one partition: each outcome to every subscription that was in force
// and wants it, under one id, with the same bytes in every attempt, signed, a wallet's notices one after the
// other. Which version of the configuration was in force when an outcome was read is not known; what every
// possible version says is due, what one of them says may be.

import Digests
import EventLog
import JSONText
import Messages
import Primitives

final class ModelNotifier {
    /// How late a process may learn of a document, with a reader that fails now and then.
    private static let newsMilliseconds: Int64 = 60_000

    private struct Owed {
        let outcome: ModelRecord
        let subscription: String
        let type: String
        let isDue: Bool
        let body: [UInt8]
    }

    private let run: ModelRun
    private var owed: [String: Owed] = [:]
    private var order: [String] = []
    /// With their places in the order in which they arrived.
    private var attempts: [String: [(place: Int, attempt: WebhookAttempt)]] = [:]
    private var receipts: [String: (record: ModelRecord, receipt: DeliveryReceipt)] = [:]
    private var parked: [String: ModelRecord] = [:]
    /// Deliveries that the stores still owe; nil where no store was looked at.
    private var rows: Set<String>?

    init(_ run: ModelRun) {
        self.run = run
        for (place, attempt) in run.evidence.attempts.enumerated() {
            attempts[attempt.header("webhook-id") ?? "", default: []].append((place, attempt))
        }
        for store in run.evidence.stores where store.service == .notifier {
            let due = (store.tables["delivery"] ?? []).map { row in
                "\((row["notice"] ?? nil) ?? "").\((row["subscription"] ?? nil) ?? "")"
            }
            rows = (rows ?? []).union(due)
        }
    }

    func check() {
        for partition in run.partitions.all {
            collect(partition)
            let letters = ModelLetters(run, .notifier, partition)
            letters.finish()
        }
        for id in order { check(id) }
        checkUnexpected()
        checkOrder()
    }

    // MARK: What is owed

    private func collect(_ partition: PartitionIndex) {
        for topic in [TopicID.awards, .spends, .rewardsIssued] {
            for outcome in run.records(topic, partition) { owe(outcome) }
        }
        for record in run.records(.notices, partition) {
            do throws(MessageFailure) {
                let receipt = try DeliveryReceipt.decode(record.value ?? [])
                receipts[receipt.notice] = (record, receipt)
            } catch {
                run.report(.unreadable, "\(record.label): \(error.detail)")
            }
        }
        for record in run.records(.deadLetters(of: .notifier), partition) {
            if let id = record.text("webhook-id") { parked[id] = record }
        }
    }

    private func owe(_ outcome: ModelRecord) {
        guard let id = outcome.id, let type = noticeType(outcome), let time = outcome.time else {
            return run.report(.unreadable, "\(outcome.label): no outcome that anyone could be told")
        }
        var body = Array(#"{"type":"\#(type)","timestamp":"\#(time)","data":"#.utf8)
        body += outcome.value ?? []
        body.append(UInt8(ascii: "}"))
        let snapshots = run.configuration.since(
            outcome.written.adding(milliseconds: -Self.newsMilliseconds))
        for name in Set(snapshots.flatMap { $0.subscriptions.keys }).sorted() {
            let wanted = snapshots.map { snapshot in
                snapshot.subscriptions[name].map { $0.isActive && $0.types.contains(type) } ?? false
            }
            guard wanted.contains(true) else { continue }
            let webhook = "\(id).\(name)"
            guard owed[webhook] == nil else { continue }
            order.append(webhook)
            owed[webhook] = Owed(
                outcome: outcome, subscription: name, type: type, isDue: !wanted.contains(false), body: body)
        }
    }

    private func noticeType(_ outcome: ModelRecord) -> String? {
        switch outcome.type {
        case .awarded:
            switch parsed(outcome.value ?? [])?["outcome"]?.string() {
            case "awarded", "pending": "points.awarded"
            case "nothing", "refused": "points.not-awarded"
            default: nil
            }
        case .spent: "points.spent"
        case .rewardIssued: "reward.issued"
        case .rewardRefused: "reward.refused"
        default: nil
        }
    }

    private func subscriptions(_ name: String) -> [ModelSubscription] {
        run.configuration.snapshots.compactMap { $0.subscriptions[name] }
    }

    /// Whether the subscription was in force without a break, from the first version that has it.
    private func isSteady(_ name: String) -> Bool {
        let states = run.configuration.snapshots.map { $0.subscriptions[name]?.isActive ?? false }
        return states.drop { !$0 }.allSatisfy { $0 }
    }

    private func fewestAttempts(_ name: String) -> Int {
        subscriptions(name).map(\.maximumAttempts).min() ?? 1
    }

    // MARK: One notice

    private func check(_ id: String) {
        guard let owed = owed[id] else { return }
        let tries = attempts[id] ?? []
        for (_, attempt) in tries { check(attempt, owed, id) }
        if let (record, receipt) = receipts[id] {
            check(receipt, record, owed, id, tries.map(\.attempt))
        } else {
            if let letter = parked[id] {
                run.reportMissing(.atomicity, "\(letter.label): given up without a receipt")
            }
            let isOwed = rows?.contains(id) ?? true
            if owed.isDue, tries.isEmpty || !isOwed {
                let what = tries.isEmpty ? "never sent" : "neither owed any more nor with a receipt"
                run.reportMissing(.notices, "\(id) of \(owed.outcome.label): \(what)")
            }
        }
        if receipts[id] != nil, rows?.contains(id) ?? false {
            run.report(.storeEqualsFold, "\(id): has a receipt and is owed still")
        }
    }

    private func check(_ attempt: WebhookAttempt, _ owed: Owed, _ id: String) {
        if attempt.body != owed.body {
            run.report(
                .noticeIdentity, "\(id) at \(attempt.time): other bytes than those of \(owed.outcome.label)")
        }
        let known = subscriptions(owed.subscription)
        if !known.contains(where: { $0.url == attempt.url }) {
            run.report(.notices, "\(id) at \(attempt.time): sent to \(attempt.url)")
        }
        let seconds = attempt.header("webhook-timestamp") ?? ""
        let signed = Array("\(id).\(seconds).".utf8) + attempt.body
        let given = attempt.header("webhook-signature") ?? ""
        let isSigned = known.contains { subscription in
            let due = subscription.secrets.map { secret in
                "v1,"
                    + base64Encode(
                        hmacSHA256(key: base64Decode(String(secret.dropFirst(6))) ?? [], message: signed))
            }
            return due.joined(separator: " ") == given
        }
        let error = (Int64(seconds) ?? 0).subtractingReportingOverflow(attempt.time.milliseconds / 1_000)
        let isTimely = !error.overflow && error.partialValue.magnitude <= ModelGateway.clockErrorMilliseconds / 1_000
        if !isSigned || !isTimely {
            run.report(.noticeSigned, "\(id) at \(attempt.time): signed \(given) at \(seconds)")
        }
    }

    private func check(
        _ receipt: DeliveryReceipt, _ record: ModelRecord, _ owed: Owed, _ id: String, _ tries: [WebhookAttempt]
    ) {
        if receipt.subscription != owed.subscription || receipt.type != owed.type
            || receipt.wallet != owed.outcome.wallet || record.wallet != owed.outcome.wallet
            || record.id != owed.outcome.id || receipt.attempts > Int64(tries.count)
        {
            run.report(.notices, "\(record.label): \(receipt) is not the receipt of \(tries.count) attempts at \(id)")
        }
        let isAnswered = tries.contains { $0.status.map(Int64.init) == receipt.httpStatus }
        switch receipt.outcome {
        case .delivered:
            let isGood = receipt.httpStatus.map { (200...299).contains($0) } ?? false
            if !isGood || !isAnswered { run.report(.notices, "\(record.label): \(id) was never taken") }
            if let letter = parked[id] { run.report(.notices, "\(letter.label): \(id) was delivered") }
        case .abandoned: checkAbandoned(receipt, record, owed, id, tries)
        }
    }

    private func checkAbandoned(
        _ receipt: DeliveryReceipt, _ record: ModelRecord, _ owed: Owed, _ id: String, _ tries: [WebhookAttempt]
    ) {
        guard let letter = parked[id] else {
            if isSteady(owed.subscription) {
                run.reportMissing(.deadLetters, "\(record.label): \(id) was given up and is not kept")
            }
            return
        }
        let isRight =
            switch letter.text("dead-letter-reason") {
            case "delivery-gone": tries.contains { $0.status == 410 }
            case "delivery-attempts-exhausted": receipt.attempts >= Int64(fewestAttempts(owed.subscription))
            default: false
            }
        if !isRight || letter.value != owed.outcome.value || letter.text("subscription") != owed.subscription {
            run.report(.deadLetters, "\(letter.label): \(id) is not as it was, or was not to be given up")
        }
    }

    private func checkUnexpected() {
        for (id, tries) in attempts.sorted(by: { $0.key < $1.key }) where owed[id] == nil {
            run.report(.noticeIdentity, "\(id.isEmpty ? "no id" : id): sent \(tries.count) times, and nothing is it")
        }
        for (id, found) in receipts.sorted(by: { $0.key < $1.key }) where owed[id] == nil {
            run.report(.notices, "\(found.record.label): a receipt of \(id), and nothing is it")
        }
        for (id, letter) in parked.sorted(by: { $0.key < $1.key }) where owed[id] == nil {
            run.report(.notices, "\(letter.label): \(id) was given up, and nothing is it")
        }
    }

    // MARK: Order

    /// The notices of a wallet and topic in their order: the next is first sent when the one before is over.
    private func checkOrder() {
        var former: [String: String] = [:]
        for id in order {
            guard let owed = owed[id], let wallet = owed.outcome.wallet, let first = attempts[id]?.first else {
                continue
            }
            // Outcomes that no ledger numbers have no order of their own.
            guard owed.outcome.topic == .rewardsIssued || parsed(owed.outcome.value ?? [])?["sequence"] != nil else {
                continue
            }
            let line = "\(owed.subscription) \(owed.outcome.topic.number) \(wallet)"
            if let before = former[line], let tries = attempts[before] {
                let earlier = tries.filter { $0.place < first.place }
                if !isOver(before, earlier.map(\.attempt), owed.subscription) {
                    run.report(.noticeOrder, "\(id): first sent at \(first.attempt.time), before \(before) was over")
                }
            }
            former[line] = id
        }
    }

    private func isOver(_ id: String, _ tries: [WebhookAttempt], _ subscription: String) -> Bool {
        guard !tries.isEmpty else { return isDropped(id, subscription) }
        let isAnswered = tries.contains { $0.status.map { (200...299).contains($0) || $0 == 410 } ?? false }
        return isAnswered || tries.count >= fewestAttempts(subscription) || !isSteady(subscription)
    }

    /// What was owed while there was no subscription is over without an attempt, and has a receipt of that; a process
    /// that stood still meanwhile may make an attempt afterwards.
    private func isDropped(_ id: String, _ subscription: String) -> Bool {
        !isSteady(subscription) && (receipts[id] != nil || !run.isSettled)
    }
}

extension WebhookAttempt {
    fileprivate func header(_ name: String) -> String? { headers.last { $0.name == name }?.value }
}
