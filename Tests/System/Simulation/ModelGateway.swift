// What the gateway's worker half must have made of one partition of `ingress` and `intake`: every record is
// handed on, is the first of its key, repeats it, contradicts it, comes at the wrong time, or cannot be
// processed. The two topics are read side by side in an order that nobody knows, so the first of a key may be
// the first of either.

import EventLog
import JSONText
import Messages
import Primitives

final class ModelGateway {
    /// How wrong a process's clock may be: an hour, and some time between a decision and its record.
    static let clockErrorMilliseconds: Int64 = 65 * 60_000

    private enum Outcome {
        /// Passed on, or a repeat of what was.
        case accepted
        case conflict
        /// Refused because of its time, at a time between the two.
        case untimely(String, from: Timestamp, to: Timestamp)
    }

    private struct Item {
        let arrival: ModelArrival
        let outcome: Outcome

        var input: ModelRecord { arrival.input }
        var isUntimely: Bool { if case .untimely = outcome { true } else { false } }
        var isConflict: Bool { if case .conflict = outcome { true } else { false } }
    }

    private let run: ModelRun
    private let partition: PartitionIndex
    private let replies: ModelReplies
    private let letters: ModelLetters
    private let passed: ModelPassedOn
    private let intake: ModelIntake
    private var items: [EventID: [Item]] = [:]
    private var order: [EventID] = []
    private var questions: [(input: ModelRecord, event: EventID)] = []

    /// A key that the store must remember, until some time between two.
    struct Remembered {
        let event: EventID
        let wallet: WalletID
        let type: MessageType
        let fingerprint: UInt128
        let earliestExpiry: Timestamp
        let latestExpiry: Timestamp
    }

    private(set) var remembered: [Remembered] = []
    /// Events whose key was forgotten and came again: the store may know either.
    private(set) var forgotten: Set<String> = []
    var events: [EventID] { order }

    init(_ run: ModelRun, _ partition: PartitionIndex, _ replies: ModelReplies, _ passed: ModelPassedOn) {
        self.run = run
        self.partition = partition
        self.replies = replies
        self.passed = passed
        letters = ModelLetters(run, .ingressGateway, partition)
        intake = ModelIntake(run: run)
    }

    func check() {
        for input in run.records(.ingress, partition) { receive(input, intake.readings(ofIngress: input)) }
        for input in run.records(.intake, partition) {
            if input.type == .eventQuery {
                ask(input)
            } else {
                receive(input, intake.readings(ofIntake: input))
            }
        }
        for event in order { decide(event) }
        for (input, event) in questions { answer(input, event) }
        letters.finish()
    }

    // MARK: Reading

    private static let decisions: Set<String> = ["key-reuse", "too-old", "future-event"]

    private func receive(_ input: ModelRecord, _ readings: [ModelReading]) {
        var (codes, arrivals): (Set<String>?, [ModelArrival]) = ([], [])
        for reading in readings {
            switch reading {
            case .arrival(let arrival): arrivals.append(arrival)
            case .refused(let code?): codes?.insert(code)
            case .refused(nil): codes = nil
            }
        }
        let reason = letters.reason(of: input)
        guard let first = arrivals.first else { return refuse(input, codes) }
        if let reason, codes?.contains(reason) ?? true, !Self.decisions.contains(reason) {
            return refuse(input, codes)
        }
        let owner = run.partitions.partition(ofHash: first.event.keyHash)
        guard owner == partition else {
            if reason != nil { return }
            return passed.handOvers.expect(input, on: owner, arrivals)
        }
        let outcome = outcome(of: first, reason)
        if items[first.event] == nil { order.append(first.event) }
        // Where the source's document changed, the record itself says under which state it was passed on.
        for arrival in passed.fitting(arrivals) {
            items[arrival.event, default: []].append(Item(arrival: arrival, outcome: outcome))
        }
    }

    /// Who waits for a record of `intake` is told.
    private func refuse(_ input: ModelRecord, _ codes: Set<String>?) {
        letters.expect(input, codes)
        guard input.topic == .intake, let reason = letters.reason(of: input) else { return }
        replies.expect(input, ModelAnswer(.refused, reason: reason))
    }

    private func outcome(of arrival: ModelArrival, _ reason: String?) -> Outcome {
        let input = arrival.input
        let early = input.written.adding(milliseconds: -Self.clockErrorMilliseconds)
        if let reason {
            letters.expect(input, Self.decisions)
            if reason == "key-reuse" { return .conflict }
            let now = letters.time(of: input) ?? input.written
            return .untimely(reason, from: now, to: now)
        }
        guard let address = input.waiter(run.partitions), input.topic == .intake else { return .accepted }
        for reply in replies.given(at: address) {
            let code = parsed(reply.value ?? [])?["reason"]?.string() ?? ""
            let late = reply.written.adding(milliseconds: Self.clockErrorMilliseconds)
            switch reply.text("outcome") {
            case "conflict":
                replies.expect(input, as: .conflictHarmless, ModelAnswer(.conflict, reason: "key-reuse"))
                return .conflict
            case "refused" where code == "too-old" || code == "future-event":
                replies.expect(input, ModelAnswer(.refused, reason: code))
                return .untimely(code, from: early, to: late)
            default: break
            }
        }
        return .accepted
    }

    // MARK: Deciding

    private func decide(_ event: EventID) {
        let items = items[event] ?? []
        let firsts = passed.firsts(of: event)
        for item in items { checkTime(item) }
        guard let first = firsts.first else {
            for item in items where !item.isUntimely {
                let what = item.isConflict ? "refused as a conflict with nothing" : "lost"
                run.reportMissing(.oneOutcome, "\(item.input.label): key of event \(event): \(what)")
            }
            return
        }
        if firsts.count > 1, !mayBeForgotten(firsts, items) {
            let places = firsts.map(\.place)
            return run.report(.oneOutcome, "event \(event): passed on \(firsts.count) times: \(places)")
        }
        compare(items, first, firsts)
    }

    private func compare(_ items: [Item], _ first: ModelRecord, _ firsts: [ModelRecord]) {
        let senders = items.filter { item in firsts.contains { passed.isSame($0, item.arrival) } }
        guard !senders.isEmpty else {
            return run.report(.oneOutcome, "\(first.label): passed on, and nobody sent it")
        }
        // Of several that look alike any may be it; the earliest allows for most.
        let alike = senders.filter { passed.isExactly(first, $0.arrival) }
        guard let origin = alike.min(by: { $0.input.written < $1.input.written }) else {
            return run.report(.rightOutcome, "\(first.label): not as \(senders[0].input.place) came in")
        }
        checkAccepted(origin, first)
        note(origin, firsts)
        if firsts.count == 1 { checkWinner(items, first) }
        for item in items {
            let isSender = firsts.contains { passed.isSame($0, item.arrival) }
            switch item.outcome {
            case .accepted where !isSender:
                run.reportMissing(.conflictHarmless, "\(item.input.label): contradicts \(first.place), nobody was told")
            case .accepted: repeatAnswer(item, firsts)
            case .conflict where isSender && firsts.count == 1:
                run.report(.repeatAnswered, "\(item.input.label): repeats \(first.place), and was refused for it")
            case .conflict where !senders.contains(where: { mayPrecede($0, item) }):
                run.report(.conflictHarmless, "\(item.input.label): refused before \(first.place) could be known")
            case .untimely(_, _, let now): checkForgotten(item, now, senders, first)
            case .conflict: break
            }
        }
    }

    private func note(_ origin: Item, _ firsts: [ModelRecord]) {
        let arrival = origin.arrival
        guard firsts.count == 1 else {
            forgotten.insert("\(arrival.event)")
            return
        }
        func expiry(_ time: Timestamp, _ error: Int64) -> Timestamp {
            max(arrival.occurredAt, time.adding(milliseconds: error))
                .adding(milliseconds: arrival.source.windowMilliseconds)
        }
        remembered.append(
            Remembered(
                event: arrival.event, wallet: arrival.wallet, type: arrival.type, fingerprint: arrival.fingerprint,
                earliestExpiry: expiry(origin.input.written, -Self.clockErrorMilliseconds),
                latestExpiry: expiry(firsts[0].written, Self.clockErrorMilliseconds)))
    }

    private func mayPrecede(_ one: Item, _ other: Item) -> Bool {
        one.input.topic != other.input.topic || one.input.offset < other.input.offset
    }

    /// The first of either topic wins, those that came at the wrong time aside.
    private func checkWinner(_ items: [Item], _ first: ModelRecord) {
        let heads = [TopicID.ingress, .intake].compactMap { topic in
            items.first { $0.input.topic == topic && !$0.isUntimely }
        }
        if !heads.contains(where: { passed.isSame(first, $0.arrival) }) {
            run.report(.repeatAnswered, "\(first.label): the first of its key was \(heads[0].input.place)")
        }
    }

    /// Who waits for a repeat is told by the owner of the outcome, who is asked.
    private func repeatAnswer(_ item: Item, _ firsts: [ModelRecord]) {
        guard let address = item.input.waiter(run.partitions), item.input.topic == .intake else { return }
        if firsts.contains(where: { $0.reply == address }) { return }
        if !passed.takeQuestion(at: address, item.arrival.event, isReplayed: true) {
            run.reportMissing(.repeatAnswered, "\(item.input.label): nobody asked for the first outcome")
        }
    }

    // MARK: Questions

    private func ask(_ input: ModelRecord) {
        guard let event = input.event, run.partitions.partition(ofHash: event.keyHash) == partition else {
            return refuse(input, ["header-invalid"])
        }
        guard input.waiter(run.partitions) != nil else { return refuse(input, ["header-missing"]) }
        questions.append((input, event))
    }

    private func answer(_ input: ModelRecord, _ event: EventID) {
        guard let address = input.waiter(run.partitions) else { return }
        let firsts = passed.firsts(of: event)
        if passed.takeQuestion(at: address, event, isReplayed: false) {
            if firsts.isEmpty { run.reportMissing(.rightOutcome, "\(input.label): asked about an event that is none") }
            return
        }
        let senders = items[event] ?? []
        let known = senders.first { item in
            item.input.topic == .intake && item.input.offset < input.offset && !item.isUntimely
        }
        if let known, !firsts.isEmpty, let arrival = earliest(senders),
            !isOver(arrival, at: late(input), margin: Self.clockErrorMilliseconds)
        {
            return run.reportMissing(.replies, "\(input.label): event of \(known.input.place) was not known")
        }
        replies.expect(input, ModelAnswer(.notFound, naming: "event", event))
    }

    private func late(_ input: ModelRecord) -> Timestamp {
        let reply = input.waiter(run.partitions).flatMap { replies.given(at: $0).first }
        return (reply?.written ?? input.written).adding(milliseconds: Self.clockErrorMilliseconds)
    }

    // MARK: Time

    private func isTooOld(_ arrival: ModelArrival, at now: Timestamp) -> Bool {
        now.milliseconds - arrival.occurredAt.milliseconds > arrival.source.windowMilliseconds
    }

    private func isTooEarly(_ arrival: ModelArrival, at now: Timestamp) -> Bool {
        arrival.occurredAt.milliseconds - now.milliseconds > arrival.source.toleranceMilliseconds
    }

    private func checkTime(_ item: Item) {
        guard case .untimely(let code, let from, let to) = item.outcome else { return }
        let isRight =
            code == "too-old" ? isTooOld(item.arrival, at: to) : isTooEarly(item.arrival, at: from)
        if !isRight {
            run.report(
                .keyForgotten, "\(item.input.label): \(code) at \(to), of \(item.arrival.occurredAt)")
        }
    }

    /// At some time between its coming in and its going on, its own time was acceptable.
    private func checkAccepted(_ origin: Item, _ first: ModelRecord) {
        let early = origin.input.written.adding(milliseconds: -Self.clockErrorMilliseconds)
        let late = first.written.adding(milliseconds: Self.clockErrorMilliseconds)
        if isTooOld(origin.arrival, at: early) || isTooEarly(origin.arrival, at: late) {
            run.report(
                .keyForgotten, "\(first.label): accepted between \(early) and \(late), of \(origin.arrival.occurredAt)")
        }
    }

    /// Whether a key's window may be over at a time.
    private func isOver(_ arrival: ModelArrival, at now: Timestamp, margin: Int64) -> Bool {
        let since = max(arrival.occurredAt, arrival.input.written.adding(milliseconds: -margin))
        return now.milliseconds >= since.milliseconds + arrival.source.windowMilliseconds - margin
    }

    /// A key's window runs from the first of it; repeats do not make it longer.
    private func earliest(_ items: [Item]) -> ModelArrival? {
        items.filter { !$0.isUntimely }.min { $0.input.written < $1.input.written }?.arrival
    }

    /// An event that came behind the first of its key, and was refused because of its time: the key was
    /// forgotten by then.
    private func checkForgotten(_ item: Item, _ now: Timestamp, _ senders: [Item], _ first: ModelRecord) {
        let isKnown = senders.contains { sender in
            !sender.isUntimely && sender.input.topic == item.input.topic && sender.input.offset < item.input.offset
        }
        guard isKnown, let arrival = earliest(senders),
            !isOver(arrival, at: now, margin: Self.clockErrorMilliseconds)
        else { return }
        run.report(
            .keyForgotten, "\(item.input.label): refused for its time, though \(first.place) had its key at \(now)")
    }

    private func mayBeForgotten(_ firsts: [ModelRecord], _ items: [Item]) -> Bool {
        zip(firsts, firsts.dropFirst()).allSatisfy { one, other in
            guard let sender = items.first(where: { passed.isSame(one, $0.arrival) }) else { return false }
            let late = other.written.adding(milliseconds: Self.clockErrorMilliseconds)
            return isOver(sender.arrival, at: late, margin: Self.clockErrorMilliseconds)
        }
    }
}
