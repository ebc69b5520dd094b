// What time ends: holds that nobody ended, and lots whose points were not spent. Called by the sweep, and before any command
// on a wallet that has something overdue, so that no decision is made on points or holds that are no longer there.

import Messages
import Primitives

public enum DecideExpiry {
    /// Gives back what an overdue hold still has.
    ///
    /// - Precondition: the hold is open and belongs to the wallet.
    public static func hold(
        _ snapshot: WalletSnapshot, _ hold: Hold, _ reservations: [Reservation], now: Timestamp
    ) -> LedgerDecision {
        let envelope = CommandEnvelope(
            id: .expiry(ofHold: hold.id), wallet: snapshot.wallet.id, externalID: snapshot.wallet.externalID,
            occurredAt: hold.expiresAt, now: now)
        var transaction = envelope.transaction(.holdExpired, snapshot, asset: hold.asset)
        transaction.hold = hold.id
        transaction.purpose = hold.purpose
        return DecideEndHold.release(hold, reservations, by: .expire, transaction)
    }

    /// Moves the free points of expired lots to the programme's expired points. Reserved ones stay: who holds them may
    /// still commit.
    ///
    /// - Precondition: 1...``WalletTransaction/maximumLots`` lots of one asset, each with free points.
    /// - Returns: a transaction that occurred when the last of the lots expired.
    public static func lots(
        _ snapshot: WalletSnapshot, _ lots: [Lot], of asset: AssetCode, now: Timestamp
    ) -> LedgerDecision {
        let envelope = CommandEnvelope(
            id: .expiryOfLots(in: snapshot.wallet.id, sequence: snapshot.sequence + 1),
            wallet: snapshot.wallet.id, externalID: snapshot.wallet.externalID,
            occurredAt: lots.compactMap(\.expiresAt).max() ?? now, now: now)
        var transaction = envelope.transaction(.lotExpired, snapshot, asset: asset)
        let before = transaction.balances
        var changes: [LedgerChange] = []
        for var lot in lots {
            precondition(lot.isExpired(at: now) && lot.free > .zero, "only free points of expired lots expire")
            transaction.points += lot.free
            transaction.lots.append(
                WalletTransaction.LotMovement(lot: lot.id, points: -lot.free, expiresAt: lot.expiresAt))
            lot.remaining = lot.reserved
            changes.append(.changeLot(lot))
        }
        transaction.balances.settled -= transaction.points
        transaction.transfers = [
            WalletTransaction.Transfer(
                id: transaction.id, debit: .wallet, credit: .expired, points: transaction.points)
        ]
        return LedgerDecision(transaction, changes, from: before)
    }
}
