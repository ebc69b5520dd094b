// Who waits for what: every stage notes the answers that it must give, and in the end all of `replies` is held
// against them. Each address is answered once; an answer that nobody asked for is as wrong as one that is
// missing.

import EventLog
import JSONText
import Messages
import Primitives

/// What may be answered at one address.
struct ModelAnswer {
    let outcome: ReplyOutcome
    var isReplayed = false
    /// Says what is wrong with a body; nil if nothing is.
    let complaint: ([UInt8]) -> String?

    init(_ outcome: ReplyOutcome, isReplayed: Bool = false, complaint: @escaping ([UInt8]) -> String?) {
        self.outcome = outcome
        self.isReplayed = isReplayed
        self.complaint = complaint
    }

    /// Exactly these bytes.
    init(_ outcome: ReplyOutcome, isReplayed: Bool = false, body: [UInt8]) {
        self.init(outcome, isReplayed: isReplayed) { $0 == body ? nil : "other bytes than the outcome's" }
    }

    /// A refusal with a reason that the service words itself.
    init(_ outcome: ReplyOutcome, reason: String) {
        self.init(outcome) { body in
            parsed(body)?["reason"]?.isText(reason) ?? false ? nil : "the reason is not \(reason)"
        }
    }

    /// An answer that names only the event or the wallet.
    init(_ outcome: ReplyOutcome, isReplayed: Bool = false, naming field: String, _ id: some Identifier) {
        self.init(outcome, isReplayed: isReplayed) { body in
            parsed(body)?[field]?.isText(id.description) ?? false ? nil : "it does not name \(id)"
        }
    }
}

final class ModelReplies {
    private struct Due {
        let asked: ModelRecord
        let invariant: Invariant
        let answers: [ModelAnswer]
    }

    private let run: ModelRun
    private var due: [ReplyAddress: [Due]] = [:]
    private var order: [ReplyAddress] = []
    private var given: [ReplyAddress: [ModelRecord]] = [:]

    init(_ run: ModelRun) {
        self.run = run
        for partition in run.partitions.all {
            for reply in run.records(.replies, partition) {
                let number = reply.text("correlation-id").flatMap { UInt64($0, radix: 16) }
                guard let number else {
                    run.report(.unreadable, "\(reply.place): no correlation")
                    continue
                }
                given[ReplyAddress(partition: partition, correlation: number), default: []].append(reply)
            }
        }
    }

    /// The answers at an address, for stages that learn from them what was decided.
    func given(at address: ReplyAddress) -> [ModelRecord] { given[address] ?? [] }

    /// One of the answers is due; none is if nobody waits.
    func expect(
        _ asked: ModelRecord, as invariant: Invariant = .replies, at address: ReplyAddress? = nil,
        _ answers: ModelAnswer...
    ) {
        guard let address = address ?? asked.waiter(run.partitions) else { return }
        if due[address] == nil { order.append(address) }
        due[address, default: []].append(Due(asked: asked, invariant: invariant, answers: answers))
    }

    /// - Parameter isComplete: whether every stage went on to its end; else there may be answers that no
    ///   stage has come to.
    func check(isComplete: Bool) {
        // The answers hold the stages that expect them, which hold this.
        defer { due.removeAll() }
        for address in order {
            let dues = due[address] ?? []
            let replies = given.removeValue(forKey: address) ?? []
            for (number, due) in dues.enumerated() {
                guard number < replies.count else {
                    run.reportMissing(.replies, "\(due.asked.label): nobody answered")
                    continue
                }
                // While the run goes on an answer may be visible before what it tells of.
                if run.isSettled { compare(replies[number], due) }
            }
            for reply in replies.dropFirst(dues.count) {
                run.report(.replies, "\(reply.place): a second answer to \(dues.first?.asked.label ?? "nobody")")
            }
        }
        guard isComplete, run.isSettled else { return }
        for (_, replies) in given.sorted(by: { $0.key.correlation < $1.key.correlation }) {
            for reply in replies { run.report(.replies, "\(reply.place): an answer that nobody waits for") }
        }
    }

    private func compare(_ reply: ModelRecord, _ due: Due) {
        let outcome = reply.text("outcome") ?? ""
        let isReplayed = reply.text("replayed") == "1"
        let fitting = due.answers.filter { $0.outcome.rawValue == outcome && $0.isReplayed == isReplayed }
        guard !fitting.isEmpty else {
            let names = due.answers.map { "\($0.outcome.rawValue)\($0.isReplayed ? " replayed" : "")" }
            let told = "\(outcome)\(isReplayed ? " replayed" : "")"
            return run.report(
                due.invariant, "\(due.asked.label): answered \(told) at \(reply.place), due is \(names)")
        }
        let complaints = fitting.compactMap { $0.complaint(reply.value ?? []) }
        guard complaints.count == fitting.count else { return }
        run.report(due.invariant, "\(due.asked.label): \(reply.place): \(complaints.joined(separator: "; "))")
    }
}
