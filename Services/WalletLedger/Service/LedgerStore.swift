// The ledger's rows of one partition: what commands are decided on, and how a decision becomes rows. The
// statements stand with their tables in AccountRows, LotRows, HoldRows and HistoryRows. Used by the processor
// alone, inside the transaction that the worker has opened.

import Messages
import Primitives
import StateStore
import WalletLedgerDomain

final class LedgerStore {
    let accounts: AccountRows
    let lots: LotRows
    let holds: HoldRows
    let history: HistoryRows
    private var due = Due.unknown
    /// Of the batch at hand: nearly every record moves points on the same few accounts, which are written once.
    private var moves = ProgrammeMoves()
    private var movesBeforeRecord = ProgrammeMoves()
    /// Balances of the issuing accounts as the rows have them, which is without ``moves``. Kept in memory, because
    /// every award asks for its asset's.
    private var issuing: [(asset: AssetCode, balance: Points)] = []
    /// A programme has a few assets; who sends more than these pays with a select for each award.
    private static let maximumIssuing = 64

    /// When time will end something next. Kept in memory, because it is asked for before every poll and every
    /// command.
    private enum Due {
        case unknown, never
        case at(Timestamp)
    }

    /// How long an ended hold is remembered: whoever ends it again within a quarter is told that it has
    /// ended, later that it is unknown. Neither changes anything.
    static let endedHoldMilliseconds = 90 * Timestamp.millisecondsPerDay

    init(_ store: StateStore) throws(StoreFailure) {
        accounts = try AccountRows(store)
        lots = try LotRows(store)
        holds = try HoldRows(store.connection)
        history = try HistoryRows(store)
    }

    // MARK: Decisions

    /// Writes a decision's rows. `body` is its transaction as published, `snapshot` what was decided on.
    func apply(
        _ decision: LedgerDecision, on snapshot: WalletSnapshot?, body: [UInt8]
    ) throws(StoreFailure) {
        let transaction = decision.transaction
        guard let sequence = transaction.sequence else {
            return try history.insertRefused(transaction.id, body)
        }
        guard sequence == (snapshot?.sequence ?? 0) + 1 else {
            throw StoreFailure(
                operation: "insert a transaction", detail: "wallet \(transaction.wallet) is not at \(sequence)",
                consequence: .rejectRecord)
        }
        for change in decision.changes { try apply(change, transaction) }
        try history.insert(transaction.id, transaction.wallet, sequence, body)
        moves.add(transaction)
        if transaction.refusal == nil {
            let isNew = !(snapshot?.accounts.contains { $0.asset == transaction.asset } ?? false)
            try accounts.save(
                transaction.wallet, transaction.asset, transaction.balances, sequence, isNew: isNew)
        } else {
            // It goes to the account that every wallet has from its opening, so that a refusal in a made-up asset
            // leaves no account behind.
            let balances = snapshot?.balances(of: .points) ?? .zero
            try accounts.save(transaction.wallet, .points, balances, sequence, isNew: false)
        }
    }

    private func apply(_ change: LedgerChange, _ transaction: WalletTransaction) throws(StoreFailure) {
        let (wallet, asset) = (transaction.wallet, transaction.asset)
        switch change {
        case .wallet(let row): try accounts.save(row)
        case .addLot(let lot):
            try lots.insert(lot, wallet, asset)
            note(due: lot.expiresAt)
        case .changeLot(let lot):
            try lots.save(lot, wallet, asset)
            if lot.free > .zero { note(due: lot.expiresAt) }
        case .openHold(let hold):
            try holds.insert(hold)
            note(due: hold.expiresAt)
        case .changeHold(let hold):
            try holds.save(hold)
            note(due: hold.endedAt?.adding(milliseconds: Self.endedHoldMilliseconds))
        case .addReservation(let reservation, let hold): try holds.insert(reservation, of: hold)
        case .changeReservation(let reservation, let hold): try holds.save(reservation, of: hold)
        }
    }

    /// Whether there is or was a hold of that id. Of a forgotten one the history has the expiry, and has it for good: a
    /// second hold of the id could never expire, and nothing that is due after it would be ended either.
    func isHoldKnown(_ id: MessageID) throws(StoreFailure) -> Bool {
        if try holds.hold(id) != nil { return true }
        return try history.body(of: .expiry(ofHold: id)) != nil
    }

    // MARK: The programme's accounts

    func beginRecord() { movesBeforeRecord = moves }
    func undoRecord() { moves = movesBeforeRecord }

    /// The rows are as they were before the batch, or were put back by a restore.
    func undoBatch() {
        moves = ProgrammeMoves()
        issuing.removeAll(keepingCapacity: true)
    }

    /// All records of the batch are handled.
    func writeMoves() throws(StoreFailure) {
        for move in moves.sums {
            try accounts.move(move.points, move.account, move.asset)
            guard move.account == .issued, let index = issuing.firstIndex(where: { $0.asset == move.asset })
            else { continue }
            issuing[index].balance += move.points
        }
        moves = ProgrammeMoves()
    }

    /// What is left of ``Points/maximumIssued``.
    func issuable(_ asset: AssetCode) throws(StoreFailure) -> Points {
        try .maximumIssued + issuingBalance(asset) + moves.points(on: .issued, asset)
    }

    private func issuingBalance(_ asset: AssetCode) throws(StoreFailure) -> Points {
        if let known = issuing.first(where: { $0.asset == asset }) { return known.balance }
        if issuing.count >= Self.maximumIssuing { issuing.removeAll(keepingCapacity: true) }
        let balance = try accounts.balance(of: .issued, asset)
        issuing.append((asset, balance))
        return balance
    }

    // MARK: What time ends

    /// The expiry of the first hold or lot that time can end, or when an ended hold is forgotten; nil:
    /// nothing is there.
    func nextDue() throws(StoreFailure) -> Timestamp? {
        switch due {
        case .never: return nil
        case .at(let time): return time
        case .unknown:
            let forgetting = try holds.firstEnded()?.adding(milliseconds: Self.endedHoldMilliseconds)
            let times = [try holds.firstExpiry(), try lots.firstExpiry(), forgetting]
            let first = times.compactMap { $0 }.min()
            due = first.map { .at($0) } ?? .never
            return first
        }
    }

    /// Asks the tables again: after a sweep, or when rows were undone.
    func forgetDue() { due = .unknown }

    private func note(due time: Timestamp?) {
        guard let time else { return }
        switch due {
        case .unknown: break
        case .never: due = .at(time)
        case .at(let known): due = .at(min(known, time))
        }
    }
}
