// What a decision comes to: one transaction for the wallet's history, and the rows that change beside its
// balances. Made by the Decide functions, written by the store. The constructor checks the books: a decision
// that does not balance is a defect and stops the process before anything is written.

import Messages
import Primitives

/// Why a command was refused. The codes are part of the public contract.
public enum Refusal: String, Sendable, CaseIterable {
    case unknownWallet = "unknown-wallet"
    case walletBlocked = "wallet-blocked"
    case walletExists = "wallet-exists"
    case alreadyBlocked = "already-blocked"
    case notBlocked = "not-blocked"
    case insufficientBalance = "insufficient-balance"
    /// The balance would exceed ``Points/maximum``, or what was ever issued ``Points/maximumIssued``.
    case balanceLimit = "balance-limit"
    /// The points lie in more lots than one transaction may name; fewer points at once can be spent.
    case tooManyLots = "too-many-lots"
    case unknownHold = "unknown-hold"
    case holdExists = "hold-exists"
    case holdEnded = "hold-ended"
    case holdExpired = "hold-expired"
    case pointsExceedHold = "points-exceed-hold"
}

/// A row as it is after the decision. Balances and sequence are not among them: they stand in the
/// transaction.
public enum LedgerChange: Sendable, Equatable {
    case wallet(Wallet)
    case addLot(Lot)
    /// A lot of which nothing remains is removed.
    case changeLot(Lot)
    case openHold(Hold)
    case changeHold(Hold)
    case addReservation(Reservation, hold: MessageID)
    /// A reservation of no points is removed.
    case changeReservation(Reservation, hold: MessageID)
}

/// One outcome of the ledger.
public struct LedgerDecision: Sendable, Equatable {
    public let transaction: WalletTransaction
    public let changes: [LedgerChange]

    /// - Parameter before: the balances that the decision was made on.
    init(_ transaction: WalletTransaction, _ changes: [LedgerChange], from before: Balances) {
        let after = transaction.balances
        let moved = after.settled - before.settled
        precondition(
            transaction.refusal == nil || (changes.isEmpty && after == before), "a refusal changes nothing")
        precondition(transaction.netTransfers == moved, "transfers make up the change of the balance")
        precondition(transaction.netLots == moved, "lots make up the change of the balance")
        precondition(
            after.held >= .zero && after.held <= after.settled, "held points are part of the balance")
        precondition(
            after.pending >= .zero && after.settled + after.pending <= .maximum, "balances have bounds")
        self.transaction = transaction
        self.changes = changes
    }

    /// The command changed nothing, and why.
    static func refused(_ transaction: WalletTransaction, _ refusal: Refusal) -> LedgerDecision {
        var refused = transaction
        refused.refusal = refusal.rawValue
        return LedgerDecision(refused, [], from: transaction.balances)
    }
}

extension WalletTransaction {
    /// What the transfers add to the wallet.
    fileprivate var netTransfers: Points {
        transfers.reduce(.zero) { sum, transfer in
            precondition(transfer.debit != transfer.credit, "a transfer has two accounts")
            switch (transfer.debit, transfer.credit) {
            case (.wallet, _): return sum - transfer.points
            case (_, .wallet): return sum + transfer.points
            default: return sum
            }
        }
    }

    fileprivate var netLots: Points { lots.reduce(.zero) { $0 + $1.points } }
}

/// What a command has besides its body.
public struct CommandEnvelope: Sendable, Equatable {
    /// Becomes the transaction's id, and so the idempotency key.
    public var id: MessageID
    public var wallet: WalletID
    /// Shown where the wallet does not exist.
    public var externalID: String
    public var occurredAt: Timestamp
    public var now: Timestamp

    public init(id: MessageID, wallet: WalletID, externalID: String, occurredAt: Timestamp, now: Timestamp) {
        self.id = id
        self.wallet = wallet
        self.externalID = externalID
        self.occurredAt = occurredAt
        self.now = now
    }

    /// The next transaction of the wallet, with its balances as they are; without a sequence if there is no
    /// wallet.
    func transaction(
        _ type: MessageType, _ snapshot: WalletSnapshot?, asset: AssetCode = .points, points: Points = .zero
    ) -> WalletTransaction {
        WalletTransaction(
            id: id, wallet: wallet, externalID: snapshot?.wallet.externalID ?? externalID,
            sequence: snapshot.map { $0.sequence + 1 }, type: type, asset: asset, points: points,
            balances: snapshot?.balances(of: asset) ?? .zero, occurredAt: occurredAt, recordedAt: now)
    }
}
