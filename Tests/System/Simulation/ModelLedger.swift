// What the ledger must have made of one partition of `wallet-commands`: a fold in the order of the input, with
// what time ends in between wherever it was published. When something was decided is read from the outcome;
// that nothing overdue was used is checked at that time.

import EventLog
import JSONText
import Messages
import Primitives

final class ModelLedger {
    /// A transaction as it was published.
    struct Published {
        let record: ModelRecord
        let transaction: WalletTransaction
    }

    /// A question and the lowest number that its answer may name.
    struct Question {
        let record: ModelRecord
        let wallet: WalletID
        let lowest: Int64
    }

    let run: ModelRun
    let partition: PartitionIndex
    let replies: ModelReplies
    let letters: ModelLetters
    private let transactions: [Published]
    private var next = 0
    private var passedOver: [Int] = []

    private(set) var state = ModelLedgerState()
    /// Every transaction by its id: a command is carried out once.
    private(set) var history: [MessageID: Published] = [:]
    /// Of each wallet, in the order of their numbers.
    private(set) var histories: [WalletID: [Published]] = [:]
    var questions: [Question] = []
    private(set) var isComplete = true

    init(_ run: ModelRun, _ partition: PartitionIndex, _ replies: ModelReplies) {
        self.run = run
        self.partition = partition
        self.replies = replies
        letters = ModelLetters(run, .walletLedger, partition)
        transactions = run.records(.walletTransactions, partition).compactMap { record in
            do throws(MessageFailure) {
                return Published(record: record, transaction: try WalletTransaction.decode(record.value ?? []))
            } catch {
                run.report(.unreadable, "\(record.label): \(error.detail)")
                return nil
            }
        }
    }

    func check() {
        for input in run.records(.walletCommands, partition) {
            guard take(input) else {
                isComplete = false
                break
            }
        }
        takeWhatTimeEnds()
        for index in passedOver + Array(next..<transactions.count) {
            run.report(.oneOutcome, "\(transactions[index].record.label): no command asked for it")
        }
        if isComplete { letters.finish() }
        answerQuestions()
        if isComplete, run.isSettled { checkNothingIsOverdue() }
    }

    // MARK: Commands

    /// - Returns: false where what comes next cannot be decided without something that is not there yet.
    private func take(_ input: ModelRecord) -> Bool {
        guard let type = input.type else { return refuse(input, "unknown-type") }
        guard let key = input.record.key, let wallet = input.wallet else { return refuse(input, "wrong-key") }
        guard run.partitions.partition(of: key) == partition else { return refuse(input, "wrong-partition") }
        switch type {
        case .eventQuery, .walletQuery, .balanceQuery, .historyQuery: return ask(input, type, wallet)
        case .award, .walletOpen, .walletBlock, .walletUnblock, .holdOpen, .holdCommit, .holdVoid: break
        default: return refuse(input, "unknown-type")
        }
        guard let id = input.id, id.step < 0x80 else { return refuse(input, "identifier") }
        if let first = history[id] { return answerAgain(input, type, wallet, first) }
        let command: Command
        switch read(input, type, wallet, id) {
        case .failure(let refusal): return refuse(input, refusal.code)
        case .success(let read): command = read
        }
        if isMisaddressed(input) { return refuse(input, "unknown-partition") }
        if case .award(let award) = command, takesAnothersHold(award), letters.reason(of: input) == "key-reuse" {
            return refuse(input, "key-reuse")
        }
        return carryOut(command, input, wallet, id)
    }

    /// Whether an award in flight would have the id of a hold that is there.
    private func takesAnothersHold(_ command: AwardCommand) -> Bool {
        command.awards.indices.contains { index in
            command.awards[index].inflight && state.holds[command.event.caused(.award(index))] != nil
        }
    }

    /// Who waits is told too.
    func refuse(_ input: ModelRecord, _ code: String) -> Bool {
        letters.expect(input, [code])
        replies.expect(input, ModelAnswer(.refused, reason: code))
        return true
    }

    /// Whether an answer would have to go where there is nothing.
    func isMisaddressed(_ input: ModelRecord) -> Bool {
        input.reply != nil && input.waiter(run.partitions) == nil
    }

    private enum Command {
        case award(AwardCommand), open(OpenWallet), block(Bool, String), hold(OpenHold), end(EndHold, Bool)
    }

    private struct Refused: Error { let code: String }

    private func read(
        _ input: ModelRecord, _ type: MessageType, _ wallet: WalletID, _ id: MessageID
    ) -> Result<Command, Refused> {
        let body = input.value ?? []
        do throws(MessageFailure) {
            switch type {
            case .award:
                let command = try AwardCommand.decode(body)
                if command.event.value != id.value { return .failure(Refused(code: "identifier")) }
                if isForeign(command.externalID, wallet) { return .failure(Refused(code: "wrong-wallet")) }
                return .success(.award(command))
            case .walletOpen:
                let command = try OpenWallet.decode(body)
                if isForeign(command.externalID, wallet) { return .failure(Refused(code: "wrong-wallet")) }
                return .success(.open(command))
            case .walletBlock, .walletUnblock:
                return .success(.block(type == .walletBlock, try BlockWallet.decode(body).reason))
            case .holdOpen:
                let command = try OpenHold.decode(body)
                return command.hold.step < 0x80 ? .success(.hold(command)) : .failure(Refused(code: "identifier"))
            default: return .success(.end(try EndHold.decode(body), type == .holdCommit))
            }
        } catch {
            return .failure(Refused(code: error.code))
        }
    }

    private func isForeign(_ externalID: String, _ wallet: WalletID) -> Bool {
        state.wallets[wallet].map { $0.externalID != externalID } ?? false
    }

    private func carryOut(_ command: Command, _ input: ModelRecord, _ wallet: WalletID, _ id: MessageID) -> Bool {
        func cause(_ published: Published, _ id: MessageID) -> ModelLedgerState.Cause {
            ModelLedgerState.Cause(
                id: id, wallet: wallet, externalID: input.text("external-id") ?? wallet.description,
                occurredAt: input.time ?? published.transaction.recordedAt, now: published.transaction.recordedAt)
        }
        if case .award(let award) = command { return carryOut(award, input, wallet, id) }
        guard let published = find(id, input) else { return run.isSettled }
        let isNew = state.wallets[wallet] == nil
        keepTime(wallet, published, input)
        let due: WalletTransaction
        switch command {
        case .award: return true
        case .open(let open): due = state.open(open, cause(published, id))
        case .block(let isBlocked, let reason): due = state.block(isBlocked, reason, cause(published, id))
        case .hold(let hold): due = state.hold(hold, cause(published, id))
        case .end(let end, let isCommit): due = state.end(end, isCommit: isCommit, cause(published, id))
        }
        accept(published, due, input)
        switch command {
        case .open, .block: replies.expect(input, told(wallet, isNew ? .created : .done))
        default:
            replies.expect(
                input, ModelAnswer(due.refusal == nil ? .done : .refused, body: published.record.value ?? []))
        }
        return true
    }

    private func carryOut(
        _ command: AwardCommand, _ input: ModelRecord, _ wallet: WalletID, _ id: MessageID
    ) -> Bool {
        func cause(_ published: Published, _ id: MessageID) -> ModelLedgerState.Cause {
            ModelLedgerState.Cause(
                id: id, wallet: wallet, externalID: command.externalID, occurredAt: command.occurredAt,
                now: published.transaction.recordedAt)
        }
        if state.wallets[wallet] == nil, command.opensWallet, !(command.reason?.isRefusal ?? false) {
            let opening = command.event.caused(.open)
            guard let published = find(opening, input) else { return run.isSettled }
            let open = OpenWallet(externalID: command.externalID, name: nil)
            accept(published, state.open(open, cause(published, opening)), input)
        }
        var assets: [AssetCode] = []
        for line in command.awards where !assets.contains(line.asset) { assets.append(line.asset) }
        if assets.isEmpty { assets = [.points] }
        for (number, asset) in assets.enumerated() {
            let first = command.awards.firstIndex { $0.asset == asset } ?? 0
            let own = number == 0 ? id : command.event.caused(.award(first))
            guard let published = find(own, input) else { return run.isSettled }
            if number == 0 { keepTime(wallet, published, input) }
            accept(published, state.award(command, asset, cause(published, own)), input)
            if number == 0 { replies.expect(input, award(published, isReplayed: false)) }
        }
        return true
    }

    // MARK: Transactions

    /// The transaction that a command must have come to. What time ended before it is taken on the way.
    private func find(_ id: MessageID, _ input: ModelRecord) -> Published? {
        takeWhatTimeEnds()
        if next < transactions.count, transactions[next].transaction.id == id {
            next += 1
            return transactions[next - 1]
        }
        if let index = passedOver.firstIndex(where: { transactions[$0].transaction.id == id }) {
            let published = transactions[passedOver.remove(at: index)]
            run.report(.inputOrder, "\(published.record.label) comes behind what came after \(input.place)")
            return published
        }
        guard let found = transactions[next...].firstIndex(where: { $0.transaction.id == id }) else {
            // Those behind it were carried out already, so this one never will be.
            let isLost = run.isSettled || next < transactions.count
            if isLost { run.report(.oneOutcome, "\(input.label): lost, transaction \(id) is due") }
            return nil
        }
        while next < found {
            if !takeOneThatTimeEnds() {
                passedOver.append(next)
                next += 1
            }
        }
        next = found + 1
        return transactions[found]
    }

    /// Holds a transaction against what is due, and takes it over.
    private func accept(_ published: Published, _ due: WalletTransaction, _ input: ModelRecord?) {
        compare(published, due, input)
        history[due.id] = published
        if due.sequence != nil { histories[due.wallet, default: []].append(published) }
        state.settle(due)
    }

    private func compare(_ published: Published, _ due: WalletTransaction, _ input: ModelRecord?) {
        let (told, record) = (published.transaction, published.record)
        let outcome = due.refusal == nil ? "applied" : "refused"
        if record.wallet != due.wallet || record.type != due.type || record.id != due.id
            || record.text("outcome") != outcome || record.time != due.recordedAt
            || record.header("traceparent") != input?.header("traceparent")
        {
            run.report(.rightOutcome, "\(record.label): the headers are not those of \(outcome) \(due.id)")
        }
        guard told != due else { return }
        var other = told
        other.sequence = due.sequence
        let (invariant, what): (Invariant, String) =
            if other == due {
                (.sequence, "number \(told.sequence ?? 0), due is \(due.sequence ?? 0)")
            } else if told.lots != due.lots {
                (.lots, "lots \(told.lots), due are \(due.lots)")
            } else if told.balances != due.balances {
                (.rightOutcome, "balances \(told.balances), due are \(due.balances)")
            } else {
                (.rightOutcome, "\(told), due is \(due)")
            }
        run.report(invariant, "wallet \(due.wallet): \(record.label): \(what)")
    }

    // MARK: Time

    private func takeWhatTimeEnds() {
        while next < transactions.count, takeOneThatTimeEnds() {}
    }

    /// - Returns: false if the next transaction is none that time made.
    private func takeOneThatTimeEnds() -> Bool {
        let published = transactions[next]
        let told = published.transaction
        switch told.type {
        case .holdExpired:
            next += 1
            guard let hold = told.hold.flatMap({ state.holds[$0] }), hold.state == .open,
                hold.wallet == told.wallet, hold.expiresAt <= told.recordedAt
            else {
                run.report(.holds, "\(published.record.label): hold \(told.hold?.description ?? "?") cannot expire")
                return true
            }
            accept(published, state.expire(hold, told.recordedAt), nil)
        case .lotExpired:
            next += 1
            let due = state.overdue(told.wallet, told.asset, told.recordedAt)
            guard !due.isEmpty, told.id.step >= 0x80, history[told.id] == nil else {
                run.report(.lots, "\(published.record.label): wallet \(told.wallet) has nothing that can expire")
                return true
            }
            accept(published, state.expireLots(told.wallet, told.asset, told.id, told.recordedAt), nil)
        default: return false
        }
        return true
    }

    /// Nothing that is over may be used: it ends before a command on its wallet is decided.
    private func keepTime(_ wallet: WalletID, _ published: Published, _ input: ModelRecord) {
        let now = published.transaction.recordedAt
        if let hold = state.overdueHolds(wallet, now).first {
            run.report(.holds, "\(input.label) decided at \(now) with hold \(hold.id) open after \(hold.expiresAt)")
        }
        if let lot = state.overdue(wallet, nil, now).first {
            run.report(.lots, "\(input.label) decided at \(now) with lot \(lot.id) there after its time")
        }
    }

    /// How long after everything has settled something may be overdue: a sweep comes with every batch.
    private static let sweepMilliseconds: Int64 = 10_000

    private func checkNothingIsOverdue() {
        let now = run.quiet.adding(milliseconds: -Self.sweepMilliseconds)
        for wallet in state.wallets.keys.sorted() {
            for hold in state.overdueHolds(wallet, now) {
                run.report(.holds, "wallet \(wallet): hold \(hold.id) is open after \(hold.expiresAt)")
            }
            for lot in state.overdue(wallet, nil, now) {
                run.report(.lots, "wallet \(wallet): lot \(lot.id) is there after its time")
            }
        }
    }
}
