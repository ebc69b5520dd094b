// What the evaluator must have made of one partition of `customer-events`: a fold over the input in its order.
// Every purchase has one evaluation and one award command, computed again under the version that the
// evaluation names; everything else is passed on as it came.

import EventLog
import JSONText
import Messages
import Primitives

final class ModelEvaluator {
    struct Wallet { var externalID: String, isBlocked = false }
    struct Counter: Equatable { var times: Int64 = 0, points: Int64 = 0 }

    private let run: ModelRun
    private let partition: PartitionIndex
    private let replies: ModelReplies
    private var commands: ModelStream
    private var evaluations: ModelStream
    private let letters: ModelLetters

    // What the store must hold in the end.
    private(set) var wallets: [WalletID: Wallet] = [:]
    private(set) var counters: [ModelCounterKey: Counter] = [:]
    private(set) var changes: [MessageID: WalletID] = [:]
    private(set) var evaluated: Set<EventID> = []
    /// Whether the fold went on to the end of the input.
    private(set) var isComplete = true

    init(_ run: ModelRun, _ partition: PartitionIndex, _ replies: ModelReplies) {
        self.run = run
        self.partition = partition
        self.replies = replies
        commands = ModelStream(
            run.records(.walletCommands, partition).filter {
                !run.isFromOutside($0) && $0.text("ce_source") != ServiceName.rewardsIssuer.rawValue
            })
        evaluations = ModelStream(run.records(.evaluations, partition))
        letters = ModelLetters(run, .ruleEvaluator, partition)
    }

    func check() {
        for input in run.records(.customerEvents, partition) {
            guard take(input) else {
                isComplete = false
                break
            }
        }
        // Beyond what is not visible yet nothing can be told apart.
        guard isComplete else { return }
        for record in commands.unexpected + evaluations.unexpected {
            run.report(.oneOutcome, "\(record.label): no event asked for it")
        }
        letters.finish()
    }

    /// - Returns: false where what comes next cannot be decided without something that is not there yet.
    private func take(_ input: ModelRecord) -> Bool {
        guard let wallet = input.wallet else { return refuse(input, "malformed-key") }
        guard let key = input.record.key, run.partitions.partition(of: key) == partition else {
            return refuse(input, "wrong-partition")
        }
        switch input.type {
        case .purchase: return evaluate(input, wallet)
        case .walletOpen: return open(input, wallet)
        case .walletBlock: return change(input, wallet, isBlocked: true)
        case .walletUnblock: return change(input, wallet, isBlocked: false)
        case .eventQuery: return passOn(input)
        default: return refuse(input, "unknown-type")
        }
    }

    /// Who waits is told too.
    private func refuse(_ input: ModelRecord, _ code: String) -> Bool {
        letters.expect(input, [code])
        replies.expect(input, ModelAnswer(.refused, reason: code))
        return true
    }

    // MARK: Wallets and questions

    private func open(_ input: ModelRecord, _ wallet: WalletID) -> Bool {
        guard let body = input.value else { return refuse(input, "empty-body") }
        let request: OpenWallet
        do throws(MessageFailure) {
            request = try OpenWallet.decode(body)
        } catch {
            return refuse(input, error.code)
        }
        if let known = wallets[wallet], known.externalID != request.externalID {
            return refuse(input, "wrong-wallet")
        }
        if wallets[wallet] == nil { wallets[wallet] = Wallet(externalID: request.externalID) }
        return passOn(input)
    }

    private func change(_ input: ModelRecord, _ wallet: WalletID, isBlocked: Bool) -> Bool {
        guard let id = input.id else { return refuse(input, "malformed-id") }
        guard let body = input.value else { return refuse(input, "empty-body") }
        do throws(MessageFailure) {
            _ = try BlockWallet.decode(body)
        } catch {
            return refuse(input, error.code)
        }
        if changes[id] == nil {
            changes[id] = wallet
            wallets[wallet]?.isBlocked = isBlocked
        }
        return passOn(input)
    }

    private func passOn(_ input: ModelRecord) -> Bool {
        guard let record = next(&commands, input, input.identity) else { return true }
        if record.record.headers != input.record.headers || record.value != input.value
            || record.record.key != input.record.key
        {
            run.report(.rightOutcome, "\(input.label): \(record.place) was not passed on as it came")
        }
        return true
    }

    private func next(_ stream: inout ModelStream, _ input: ModelRecord, _ identity: String) -> ModelRecord? {
        switch stream.take(identity) {
        case .found(let record): return record
        case .misplaced(let record):
            run.report(.inputOrder, "\(record.label) comes behind what came after \(input.place)")
            return record
        case .missing:
            run.reportMissing(.oneOutcome, "\(input.label): lost, \(identity) is due")
            return nil
        }
    }

    // MARK: Purchases

    private func evaluate(_ input: ModelRecord, _ wallet: WalletID) -> Bool {
        guard let id = input.id, id.step == 0 else { return refuse(input, "malformed-id") }
        let event = EventID(id.value)
        if evaluated.contains(event) { return answerRepeat(input, event) }
        guard let source = input.text("ce_source"), !source.isEmpty else { return refuse(input, "malformed-source") }
        guard let body = input.value else { return refuse(input, "empty-body") }
        let purchase: Purchase
        do throws(MessageFailure) {
            purchase = try Purchase.decode(body)
        } catch {
            return refuse(input, error.code)
        }
        if let known = wallets[wallet], known.externalID != purchase.externalID {
            return refuse(input, "wrong-wallet")
        }
        let published = next(&evaluations, input, "\(MessageType.evaluated.rawValue) \(id)")
        guard let published, let evaluation = decoded(published) else {
            // Without it nobody knows which configuration decided.
            _ = next(&commands, input, "\(MessageType.award.rawValue) \(id)")
            evaluated.insert(event)
            return run.isSettled && published == nil
        }
        compare(input, purchase, wallet, source, published, evaluation)
        return true
    }

    private func decoded(_ record: ModelRecord) -> Evaluation? {
        do throws(MessageFailure) {
            return try Evaluation.decode(record.value ?? [])
        } catch {
            run.report(.unreadable, "\(record.label): \(error.detail)")
            return nil
        }
    }

    /// Someone who waits for a repeat is sent on to the ledger.
    private func answerRepeat(_ input: ModelRecord, _ event: EventID) -> Bool {
        guard input.reply != nil else { return true }
        _ = next(&commands, input, "\(MessageType.eventQuery.rawValue) \(event)")
        return true
    }

    private func compare(
        _ input: ModelRecord, _ purchase: Purchase, _ wallet: WalletID, _ source: String,
        _ published: ModelRecord, _ evaluation: Evaluation
    ) {
        let event = evaluation.event
        guard let snapshot = run.configuration.snapshot(version: evaluation.configurationVersion) else {
            run.report(.awardRecomputed, "\(published.label): no version \(evaluation.configurationVersion)")
            evaluated.insert(event)
            _ = next(&commands, input, "\(MessageType.award.rawValue) \(event)")
            return
        }
        let opens = input.header("opens-wallet") == [0x31]
        let decision = decide(purchase, wallet, opens: opens, snapshot, evaluation.evaluatedAt)
        let due = Evaluation(
            event: EventID(input.id?.value ?? 0), wallet: wallet, source: source, occurredAt: purchase.occurredAt,
            evaluatedAt: evaluation.evaluatedAt, configurationVersion: evaluation.configurationVersion,
            points: Points(decision.lines.reduce(0) { $0 + $1.points.units }), reason: decision.reason,
            offers: decision.considered)
        var told = evaluation
        for index in told.offers.indices { told.offers[index].arithmetic = nil }
        if told != due || published.time != evaluation.evaluatedAt || published.wallet != wallet {
            run.report(.awardRecomputed, "\(published.label) says \(told), due is \(due)")
        }
        evaluated.insert(event)
        let command = AwardCommand(
            event: event, source: source, externalID: purchase.externalID, opensWallet: decision.opensWallet,
            occurredAt: purchase.occurredAt, awards: decision.lines, reason: decision.reason)
        guard let sent = next(&commands, input, "\(MessageType.award.rawValue) \(event)") else {
            // Decided, though the command's own partition does not show it yet: it counts against the limits.
            return keepLimits(command, input, snapshot, at: purchase.occurredAt)
        }
        compare(sent, command, input, evaluation, snapshot, at: purchase.occurredAt)
    }

    private func compare(
        _ sent: ModelRecord, _ due: AwardCommand, _ input: ModelRecord, _ evaluation: Evaluation,
        _ snapshot: ModelSnapshot, at time: Timestamp
    ) {
        let told: AwardCommand
        do throws(MessageFailure) {
            told = try AwardCommand.decode(sent.value ?? [])
        } catch {
            return run.report(.unreadable, "\(sent.label): \(error.detail)")
        }
        if told != due { run.report(.awardRecomputed, "\(sent.label) says \(told), due is \(due)") }
        if sent.time != evaluation.evaluatedAt || sent.reply != input.reply
            || sent.record.key != input.record.key || sent.header("traceparent") != input.header("traceparent")
        {
            run.report(.rightOutcome, "\(sent.label) does not belong to \(input.place) by its headers")
        }
        keepLimits(told, input, snapshot, at: time)
    }

    /// Holds what was awarded against the limits, and counts it.
    private func keepLimits(
        _ told: AwardCommand, _ input: ModelRecord, _ snapshot: ModelSnapshot, at time: Timestamp
    ) {
        guard let wallet = input.wallet else { return }
        for line in told.awards {
            guard let limit = snapshot.offers[line.offer]?.limit else { continue }
            let key = ModelCounterKey(wallet, line.offer, limit.period, at: time)
            var counter = counters[key] ?? Counter()
            counter.times += 1
            counter.points += line.points.units
            counters[key] = counter
            if counter.times > limit.times ?? .max || counter.points > limit.points ?? .max {
                run.report(
                    .limitKept,
                    "\(input.label): wallet \(wallet) has had \(line.offer) \(counter.times) times, \(counter.points)")
            }
        }
    }

    private struct Decision {
        var opensWallet = false
        var lines: [AwardCommand.Line] = []
        var considered: [Evaluation.Considered] = []
        var reason: AwardCommand.Reason?
    }

    private func decide(
        _ purchase: Purchase, _ wallet: WalletID, opens: Bool, _ snapshot: ModelSnapshot, _ now: Timestamp
    ) -> Decision {
        var decision = Decision()
        if let known = wallets[wallet] {
            if known.isBlocked {
                decision.reason = .walletBlocked
                return decision
            }
        } else if opens {
            decision.opensWallet = true
            wallets[wallet] = Wallet(externalID: purchase.externalID)
        } else {
            decision.reason = .unknownWallet
            return decision
        }
        for offer in snapshot.offersInOrder {
            let (verdict, points) = outcome(of: offer, purchase, wallet)
            decision.considered.append(
                Evaluation.Considered(
                    offer: offer.id, version: offer.version, points: Points(points), verdict: verdict))
            guard points > 0 else { continue }
            decision.lines.append(
                AwardCommand.Line(
                    offer: offer.id, offerVersion: offer.version, asset: AssetCode(offer.asset),
                    points: Points(points),
                    expiresAt: offer.expiresAfterDays.map {
                        now.adding(milliseconds: $0 * Timestamp.millisecondsPerDay)
                    }, inflight: offer.isInflight))
        }
        if decision.lines.isEmpty { decision.reason = .noOfferFired }
        return decision
    }

    private func outcome(
        of offer: ModelOffer, _ purchase: Purchase, _ wallet: WalletID
    ) -> (verdict: String, points: Int64) {
        if let unmet = offer.unmet(by: purchase) { return (unmet, 0) }
        let (points, isCapped) = offer.amount(for: purchase)
        if points <= 0 { return ("no-points", 0) }
        let plain = isCapped ? "fired-capped" : "fired"
        guard let limit = offer.limit else { return (plain, points) }
        let used = counters[ModelCounterKey(wallet, offer.id, limit.period, at: purchase.occurredAt)] ?? Counter()
        if let times = limit.times, used.times >= times { return ("limit-reached", 0) }
        guard let most = limit.points, used.points + points > most else { return (plain, points) }
        let left = max(most - used.points, 0)
        return (left == 0 ? "limit-reached" : "fired-limited", left)
    }
}
