// What the issuer must have made of one partition of `reward-requests`, together with the ledger's answers on
// `wallet-transactions`. Both are read in their own order; how they came between each other does not matter,
// because an answer always comes behind the request that it belongs to.

import EventLog
import JSONText
import Messages
import Primitives

final class ModelIssuer {
    private struct Issuance {
        let request: ModelRecord
        let wallet: WalletID
        let body: RewardRequest
        let requestedAt: Timestamp
        /// The record on `rewards-issued`, where there is one.
        var issue: (record: ModelRecord, body: RewardIssue)?
        var hold: (record: ModelRecord, body: OpenHold)?
        var isRefused = false
    }

    private let run: ModelRun
    private let partition: PartitionIndex
    private let replies: ModelReplies
    private let letters: ModelLetters
    private var commands: ModelStream
    private var issues: [MessageID: ModelRecord] = [:]
    private var issuances: [EventID: Issuance] = [:]
    private var order: [EventID] = []
    private var answered: [(record: ModelRecord, event: EventID)] = []
    private var known: Set<MessageID> = []

    init(_ run: ModelRun, _ partition: PartitionIndex, _ replies: ModelReplies) {
        self.run = run
        self.partition = partition
        self.replies = replies
        letters = ModelLetters(run, .rewardsIssuer, partition)
        commands = ModelStream(
            run.records(.walletCommands, partition).filter {
                !run.isFromOutside($0) && $0.text("ce_source") == ServiceName.rewardsIssuer.rawValue
            })
        for record in run.records(.rewardsIssued, partition) {
            guard let id = record.id else {
                run.report(.unreadable, record.label)
                continue
            }
            if issues[id] == nil { issues[id] = record }
        }
    }

    /// The rows that the store must hold.
    var decided: [(event: EventID, wallet: WalletID, status: RewardIssue.Status, body: [UInt8])] {
        order.compactMap { event in
            issuances[event]?.issue.map {
                (event, $0.body.wallet, $0.body.status, $0.record.value ?? [])
            }
        }
    }

    func check() {
        for input in run.records(.rewardRequests, partition) { take(input) }
        for event in order { settle(event) }
        for (record, event) in answered { tell(record, event) }
        for record in commands.unexpected {
            // A commit is asked for by an answer, not by a request's place.
            if !known.contains(record.id ?? MessageID(0)) {
                run.report(.oneOutcome, "\(record.label): no request asked for it")
            }
        }
        for (id, record) in issues.sorted(by: { $0.key < $1.key }) where issuances[EventID(id.value)] == nil {
            run.report(.oneOutcome, "\(record.label): nobody asked for this reward")
        }
        letters.finish()
    }

    // MARK: Requests

    private func take(_ input: ModelRecord) {
        switch input.type {
        case .rewardRequest, .rewardQuery: break
        default: return refuse(input, "unknown-type")
        }
        guard let key = input.record.key, let wallet = input.wallet else { return refuse(input, "key") }
        guard run.partitions.partition(of: key) == partition else { return refuse(input, "partition") }
        guard let id = input.id, id.step == 0 else { return refuse(input, "id") }
        let event = EventID(id.value)
        if let known = issuances[event] {
            guard known.wallet == wallet else { return refuse(input, "key-reuse") }
            return answered.append((input, event))
        }
        guard input.type == .rewardRequest else {
            return replies.expect(input, ModelAnswer(.notFound, naming: "event", event))
        }
        begin(input, event, wallet)
    }

    /// Who waits is told too.
    private func refuse(_ input: ModelRecord, _ code: String) {
        letters.expect(input, [code])
        replies.expect(input, ModelAnswer(.refused, reason: code))
    }

    private func begin(_ input: ModelRecord, _ event: EventID, _ wallet: WalletID) {
        if input.header("ce_time") != nil, input.time == nil { return refuse(input, "time") }
        let requestedAt = input.time ?? input.written
        if let code = untimely(input, requestedAt) { return refuse(input, code) }
        guard let bytes = input.value else { return refuse(input, "missing") }
        let body: RewardRequest
        do throws(MessageFailure) {
            body = try RewardRequest.decode(bytes)
        } catch {
            return refuse(input, error.code)
        }
        issuances[event] = Issuance(request: input, wallet: wallet, body: body, requestedAt: requestedAt)
        order.append(event)
        answered.append((input, event))
    }

    /// Requests of the last 28 days and of the next one are taken, by the clock of whoever takes them.
    private func untimely(_ input: ModelRecord, _ requestedAt: Timestamp) -> String? {
        let now = letters.time(of: input) ?? input.written
        let age = now.milliseconds - requestedAt.milliseconds
        if age > 28 * Timestamp.millisecondsPerDay { return "too-old" }
        if age < -Timestamp.millisecondsPerDay { return "in-the-future" }
        return nil
    }

    // MARK: Decisions

    private func settle(_ event: EventID) {
        guard var issuance = issuances[event] else { return }
        if let record = issues[MessageID(event.value)], let body = decoded(record) { issuance.issue = (record, body) }
        defer { issuances[event] = issuance }
        let holdID = event.caused(.hold)
        let hasHold = commands.records.contains { $0.id == holdID && $0.type == .holdOpen }
        guard hasHold else { return settleAtOnce(event, issuance) }
        guard let hold = take(issuance.request, "\(MessageType.holdOpen.rawValue) \(holdID)"),
            let command = openHold(hold)
        else { return }
        let rewards = price(hold, command, issuance)
        if rewards.isEmpty {
            run.report(.rightOutcome, "\(hold.label): no configuration gives \(issuance.body.reward) \(command)")
        }
        follow(event, issuance, Set(rewards))
    }

    private func decoded(_ record: ModelRecord) -> RewardIssue? {
        do throws(MessageFailure) {
            return try RewardIssue.decode(record.value ?? [])
        } catch {
            run.report(.unreadable, "\(record.label): \(error.detail)")
            return nil
        }
    }

    private func openHold(_ record: ModelRecord) -> OpenHold? {
        do throws(MessageFailure) {
            return try OpenHold.decode(record.value ?? [])
        } catch {
            run.report(.unreadable, "\(record.label): \(error.detail)")
            return nil
        }
    }

    private func take(_ input: ModelRecord, _ identity: String) -> ModelRecord? {
        switch commands.take(identity) {
        case .found(let record): return record
        case .misplaced(let record): return record
        case .missing:
            run.reportMissing(.oneOutcome, "\(input.label): \(identity) is due")
            return nil
        }
    }

    /// Refused in the step that received it, because there is no such reward.
    private func settleAtOnce(_ event: EventID, _ issuance: Issuance) {
        guard let (record, told) = issuance.issue else {
            return run.reportMissing(.oneOutcome, "\(issuance.request.label): neither decided nor under way")
        }
        let versions: [Int64?] = run.configuration.possible(by: record.written).compactMap { snapshot in
            let reward = snapshot.rewards[issuance.body.reward]
            return reward?.isActive ?? false ? nil : .some(reward?.version)
        }
        let points = told.rewardVersion.flatMap { version in
            run.configuration.snapshots.lazy.compactMap { $0.rewards[issuance.body.reward] }.first {
                $0.version == version
            }
        }
        let due = RewardIssue(
            issuance: event, wallet: issuance.wallet, externalID: issuance.body.externalID,
            reward: issuance.body.reward, rewardVersion: told.rewardVersion,
            paymentMode: told.rewardVersion == nil ? nil : "POINTS", points: Points(points?.points ?? 0),
            status: .refused, reason: "unknown-reward", requestedAt: issuance.requestedAt, decidedAt: told.decidedAt)
        if !versions.contains(told.rewardVersion) || told != due {
            run.report(.rightOutcome, "\(record.label) says \(told), due is \(due)")
        }
        check(record, told, issuance)
    }

    /// The documents under which a hold of that price could be asked for.
    private func price(_ record: ModelRecord, _ command: OpenHold, _ issuance: Issuance) -> [Int64] {
        guard let now = record.time, record.wallet == issuance.wallet,
            record.header("traceparent") == issuance.request.header("traceparent")
        else { return [] }
        return run.configuration.possible(by: record.written).compactMap { snapshot in
            guard let reward = snapshot.rewards[issuance.body.reward], reward.isActive else { return nil }
            let due = OpenHold(
                hold: command.hold, points: Points(reward.points),
                minimumRemaining: Points(max(reward.minimumAfter, snapshot.minimumAfterSpend)),
                expiresAt: now.adding(milliseconds: reward.holdMilliseconds),
                purpose: "reward \(issuance.body.reward)")
            return command == due ? reward.version : nil
        }
    }

    private enum State: Equatable { case holding, committing, issued, refused(String) }

    /// Where the ledger's answers lead to.
    private func state(_ event: EventID) -> State {
        var state = State.holding
        for record in run.records(.walletTransactions, partition) {
            guard let id = record.id, id.cause == event, let type = record.type else { continue }
            let isApplied = record.text("outcome") == "applied"
            func reason() -> String { parsed(record.value ?? [])?["refusal"]?.string() ?? "refused" }
            switch (type, state) {
            case (.holdOpened, .holding) where id.step == Step.hold.code:
                state = isApplied ? .committing : .refused(reason())
            case (.holdCommitted, .holding) where id.step == Step.commit.code && isApplied,
                (.holdCommitted, .committing) where id.step == Step.commit.code && isApplied:
                state = .issued
            case (.holdCommitted, .committing) where id.step == Step.commit.code: state = .refused(reason())
            case (.holdExpired, .holding) where isApplied, (.holdExpired, .committing) where isApplied:
                state = .refused("hold-expired")
            case (.holdVoided, .holding) where isApplied, (.holdVoided, .committing) where isApplied:
                state = .refused("hold-voided")
            default: break
            }
        }
        return state
    }

    private func follow(_ event: EventID, _ issuance: Issuance, _ versions: Set<Int64>) {
        let state = state(event)
        checkCommit(event, issuance, isDue: state != .holding && wasOpened(event))
        guard let (record, told) = issuance.issue else {
            return run.reportMissing(.unfinished, "\(issuance.request.label): stands at \(state), undecided")
        }
        var due = RewardIssue(
            issuance: event, wallet: issuance.wallet, externalID: issuance.body.externalID,
            reward: issuance.body.reward, rewardVersion: told.rewardVersion, paymentMode: "POINTS",
            points: told.points, status: .issued, requestedAt: issuance.requestedAt, decidedAt: told.decidedAt)
        switch state {
        case .issued: break
        case .refused(let reason): (due.status, due.reason) = (.refused, reason)
        case .holding, .committing: due.status = .pending
        }
        let isPriced = told.rewardVersion.map { version in
            versions.contains(version)
                && run.configuration.snapshots.contains { snapshot in
                    let reward = snapshot.rewards[issuance.body.reward]
                    return reward?.version == version && reward?.points == told.points.units
                }
        }
        if told != due || isPriced != true {
            run.report(.rightOutcome, "\(record.label) says \(told), due is \(due) of versions \(versions.sorted())")
        }
        check(record, told, issuance)
    }

    private func wasOpened(_ event: EventID) -> Bool {
        let id = event.caused(.hold)
        return run.records(.walletTransactions, partition).contains {
            $0.id == id && $0.type == .holdOpened && $0.text("outcome") == "applied"
        }
    }

    private func checkCommit(_ event: EventID, _ issuance: Issuance, isDue: Bool) {
        let id = event.caused(.commit)
        guard let command = commands.records.first(where: { $0.id == id && $0.type == .holdCommit }) else {
            if isDue { run.reportMissing(.oneOutcome, "\(issuance.request.label): \(id) is due, points are held") }
            return
        }
        known.insert(id)
        let told: EndHold
        do throws(MessageFailure) {
            told = try EndHold.decode(command.value ?? [])
        } catch {
            return run.report(.unreadable, "\(command.label): \(error.detail)")
        }
        let due = EndHold(hold: event.caused(.hold), reward: issuance.body.reward)
        if !isDue || told != due || command.wallet != issuance.wallet {
            run.report(.rightOutcome, "\(command.label) says \(told), due is \(isDue ? "\(due)" : "none")")
        }
    }

    private func check(_ record: ModelRecord, _ told: RewardIssue, _ issuance: Issuance) {
        let type: MessageType = told.status == .issued ? .rewardIssued : .rewardRefused
        if record.type != type || record.wallet != issuance.wallet || record.time != told.decidedAt
            || record.text("outcome") != (told.status == .issued ? "applied" : "refused")
        {
            run.report(.rightOutcome, "\(record.label): the headers are not those of \(told.status)")
        }
    }

    // MARK: Answers

    /// Everyone who asked is told the one outcome; those who come while many wait are told to ask again.
    private func tell(_ input: ModelRecord, _ event: EventID) {
        guard let issuance = issuances[event] else { return }
        let isFirst = input.offset == issuance.request.offset
        let isReplayed = !isFirst && (input.type == .rewardRequest || input.text("replayed") == "1")
        let pending = ModelAnswer(.pending, isReplayed: isReplayed) { body in
            parsed(body)?["status"]?.isText("pending") ?? false ? nil : "it does not say pending"
        }
        guard let (record, body) = issuance.issue else { return replies.expect(input, pending) }
        let outcome: ReplyOutcome = body.status == .issued ? .done : .refused
        replies.expect(
            input, as: isFirst ? .replies : .repeatAnswered,
            ModelAnswer(outcome, isReplayed: isReplayed, body: record.value ?? []), pending)
    }
}
