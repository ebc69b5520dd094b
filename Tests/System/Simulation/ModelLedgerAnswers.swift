// The ledger's answers: to repeats of commands, to questions about events, wallets, balances and histories.
// A question changes nothing, so its answer may be of any moment between the commands around it; it names the
// number it is of. Part of ModelLedger.

import EventLog
import JSONText
import Messages
import Primitives

extension ModelLedger {
    // MARK: Repeats

    /// The command was carried out before: nothing happens, and who waits is told the first outcome.
    func answerAgain(
        _ input: ModelRecord, _ type: MessageType, _ wallet: WalletID, _ first: Published
    ) -> Bool {
        let told = first.transaction
        guard told.type == outcome(of: type), told.wallet == wallet else { return refuse(input, "key-reuse") }
        if isMisaddressed(input) { return refuse(input, "unknown-partition") }
        switch type {
        case .award: replies.expect(input, as: .repeatAnswered, award(first, isReplayed: true))
        case .walletOpen, .walletBlock, .walletUnblock:
            replies.expect(input, as: .repeatAnswered, self.told(wallet, .done, isReplayed: true))
        default:
            replies.expect(
                input, as: .repeatAnswered,
                ModelAnswer(
                    told.refusal == nil ? .done : .refused, isReplayed: true, body: first.record.value ?? []))
        }
        return true
    }

    private func outcome(of type: MessageType) -> MessageType? {
        switch type {
        case .award: .awarded
        case .walletOpen: .walletOpened
        case .walletBlock: .walletBlocked
        case .walletUnblock: .walletUnblocked
        case .holdOpen: .holdOpened
        case .holdCommit: .holdCommitted
        case .holdVoid: .holdVoided
        default: nil
        }
    }

    /// The outcome of an event, as on `awards`.
    func award(_ published: Published, isReplayed: Bool) -> ModelAnswer {
        var writer = JSONWriter()
        published.transaction.encodeAward(to: &writer)
        return ModelAnswer(
            published.transaction.refusal == nil ? .done : .refused, isReplayed: isReplayed, body: writer.bytes)
    }

    /// A wallet as it is now.
    func told(_ wallet: WalletID, _ outcome: ReplyOutcome, isReplayed: Bool = false) -> ModelAnswer {
        guard let known = state.wallets[wallet] else {
            return ModelAnswer(.notFound, isReplayed: false, naming: "wallet", wallet)
        }
        return ModelAnswer(outcome, isReplayed: isReplayed) { bytes in
            let body = parsed(bytes)
            let isRight =
                body?["externalId"]?.isText(known.externalID) ?? false
                && body?["name"]?.string() == known.name
                && body?["status"]?.isText(known.isBlocked ? "blocked" : "active") ?? false
                && body?["openedAt"]?.timestamp == known.openedAt
            return isRight ? nil : "not the wallet as it is: \(String(decoding: bytes, as: UTF8.self))"
        }
    }

    // MARK: Questions

    func ask(_ input: ModelRecord, _ type: MessageType, _ wallet: WalletID) -> Bool {
        guard input.reply != nil else { return refuse(input, "no-reply-address") }
        if type == .eventQuery, input.id == nil { return refuse(input, "identifier") }
        if isMisaddressed(input) { return refuse(input, "unknown-partition") }
        switch type {
        case .eventQuery:
            guard let id = input.id else { return true }
            if let first = history[id], first.transaction.type == .awarded, first.transaction.wallet == wallet {
                replies.expect(
                    input, as: .repeatAnswered, award(first, isReplayed: input.header("replayed") != nil))
            } else {
                replies.expect(input, ModelAnswer(.pending, naming: "event", id))
            }
        case .walletQuery: replies.expect(input, told(wallet, .done))
        default:
            guard let known = state.wallets[wallet] else {
                replies.expect(input, ModelAnswer(.notFound, naming: "wallet", wallet))
                return true
            }
            questions.append(Question(record: input, wallet: wallet, lowest: known.sequence))
        }
        return true
    }

    func answerQuestions() {
        for question in questions {
            let (wallet, lowest) = (question.wallet, question.lowest)
            let all = histories[wallet] ?? []
            let highest = highest(after: question, all)
            if question.record.type == .balanceQuery {
                let asset = parsed(question.record.value ?? [])?["asset"]?.string() ?? "points"
                replies.expect(
                    question.record, as: .balanceReply,
                    ModelAnswer(.done) { self.complaint(aboutBalance: $0, asset, all, lowest...highest) })
            } else {
                let limit = parsed(question.record.value ?? [])?["limit"]?.int64 ?? 50
                replies.expect(
                    question.record, as: .balanceReply,
                    ModelAnswer(.done) { self.complaint(aboutHistory: $0, limit, all, lowest...highest) })
            }
        }
    }

    /// What time ended right behind the question may be in its answer.
    private func highest(after question: Question, _ all: [Published]) -> Int64 {
        var highest = question.lowest
        for published in all.dropFirst(Int(question.lowest)) {
            guard published.transaction.type == .holdExpired || published.transaction.type == .lotExpired else {
                break
            }
            highest += 1
        }
        return highest
    }

    private func complaint(
        aboutBalance bytes: [UInt8], _ asset: String, _ all: [Published], _ range: ClosedRange<Int64>
    ) -> String? {
        let body = parsed(bytes)
        guard let sequence = body?["sequence"]?.int64, range.contains(sequence) else {
            return "number \(body?["sequence"]?.int64 ?? 0), due is \(range)"
        }
        let last = all.prefix(Int(sequence)).last { $0.transaction.asset.text == asset }
        let due = last?.transaction.balances ?? .zero
        let isRight =
            body?["settled"]?.int64 == due.settled.units && body?["held"]?.int64 == due.held.units
            && body?["pending"]?.int64 == due.pending.units && body?["available"]?.int64 == due.available.units
        let lots = body?["lots"]?.items.reduce(Int64(0)) { $0 + ($1["points"]?.int64 ?? 0) } ?? 0
        if lots != due.settled.units { return "the lots come to \(lots), due is \(due.settled)" }
        return isRight ? nil : "not the balances of number \(sequence): \(due)"
    }

    private func complaint(
        aboutHistory bytes: [UInt8], _ limit: Int64, _ all: [Published], _ range: ClosedRange<Int64>
    ) -> String? {
        let told = parsed(bytes)?["transactions"]?.items.map { Array($0.rawBytes) } ?? []
        let fitting = range.contains { newest in
            let due = all.prefix(Int(newest)).suffix(Int(limit)).reversed().map { $0.record.value ?? [] }
            return due == told
        }
        return fitting ? nil : "not the newest transactions up to number \(range)"
    }
}
