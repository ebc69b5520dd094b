// Ends holds by command: a commit carries a hold out, wholly or in part; a void gives back what is left of
// it. Allowed on a blocked wallet too: what was promised before is kept. Points that an expired lot gets back
// expire next (DecideExpiry).

import Messages
import Primitives

public enum DecideEndHold {
    /// - Parameters:
    ///   - hold: of the command's id; nil if there is none.
    ///   - reservations: the hold's, in the order of spending.
    ///   - issuable: what is left of ``Points/maximumIssued``, for a credit.
    public static func commit(
        _ snapshot: WalletSnapshot?, _ command: EndHold, _ hold: Hold?, _ reservations: [Reservation],
        issuable: Points, _ envelope: CommandEnvelope
    ) -> LedgerDecision {
        var transaction = prepare(.holdCommitted, snapshot, command, hold, envelope)
        transaction.reward = command.reward
        guard let hold = hold, snapshot != nil, hold.wallet == envelope.wallet else {
            return .refused(transaction, snapshot == nil ? .unknownWallet : .unknownHold)
        }
        if let refusal = refusal(hold, envelope.now) { return .refused(transaction, refusal) }
        let points = command.points ?? hold.rest
        guard points > .zero, points <= hold.rest else { return .refused(transaction, .pointsExceedHold) }
        switch hold.direction {
        case .debit:
            transaction.points = points
            return spend(points, hold, reservations, transaction)
        case .credit:
            guard points <= issuable else { return .refused(transaction, .balanceLimit) }
            transaction.points = points
            return credit(points, hold, transaction)
        }
    }

    /// Gives back all that is left of the hold; the command's points do not count.
    public static func void(
        _ snapshot: WalletSnapshot?, _ command: EndHold, _ hold: Hold?, _ reservations: [Reservation],
        _ envelope: CommandEnvelope
    ) -> LedgerDecision {
        let transaction = prepare(.holdVoided, snapshot, command, hold, envelope)
        guard let hold, snapshot != nil, hold.wallet == envelope.wallet else {
            return .refused(transaction, snapshot == nil ? .unknownWallet : .unknownHold)
        }
        if let refusal = refusal(hold, envelope.now) { return .refused(transaction, refusal) }
        return release(hold, reservations, by: .void, transaction)
    }

    private static func prepare(
        _ type: MessageType, _ snapshot: WalletSnapshot?, _ command: EndHold, _ hold: Hold?,
        _ envelope: CommandEnvelope
    ) -> WalletTransaction {
        let own = hold.flatMap { $0.wallet == envelope.wallet ? $0 : nil }
        var transaction = envelope.transaction(type, snapshot, asset: own?.asset ?? .points)
        transaction.points = command.points ?? .zero
        transaction.hold = command.hold
        transaction.purpose = own?.purpose
        transaction.reason = command.reason
        return transaction
    }

    private static func refusal(_ hold: Hold, _ now: Timestamp) -> Refusal? {
        switch hold.state {
        case .open: hold.isOver(at: now) ? .holdExpired : nil
        case .committed, .voided: .holdEnded
        case .expired: .holdExpired
        }
    }

    // MARK: What ends a hold

    private static func spend(
        _ points: Points, _ hold: Hold, _ reservations: [Reservation], _ prepared: WalletTransaction
    ) -> LedgerDecision {
        var transaction = prepared
        let before = transaction.balances
        transaction.balances.settled -= points
        transaction.balances.held -= points
        transaction.transfers = [
            WalletTransaction.Transfer(id: transaction.id, debit: .wallet, credit: .redeemed, points: points)
        ]
        var changes = [LedgerChange.changeHold(hold.committing(points, at: transaction.recordedAt))]
        var missing = points
        for var reservation in reservations where missing > .zero {
            let part = min(reservation.points, missing)
            missing -= part
            reservation.points -= part
            reservation.lot.remaining -= part
            reservation.lot.reserved -= part
            transaction.lots.append(
                WalletTransaction.LotMovement(
                    lot: reservation.lot.id, points: -part, expiresAt: reservation.lot.expiresAt))
            changes.append(.changeReservation(reservation, hold: hold.id))
            changes.append(.changeLot(reservation.lot))
        }
        return LedgerDecision(transaction, changes, from: before)
    }

    private static func credit(_ points: Points, _ hold: Hold, _ prepared: WalletTransaction)
        -> LedgerDecision
    {
        var transaction = prepared
        let before = transaction.balances
        transaction.balances.pending -= points
        transaction.balances.settled += points
        transaction.transfers = [
            WalletTransaction.Transfer(
                id: transaction.id, debit: .issued, credit: .wallet, points: points, offer: hold.terms.offer,
                offerVersion: hold.terms.offerVersion)
        ]
        let lot = Lot(
            id: transaction.id, awardedAt: transaction.recordedAt, expiresAt: hold.terms.lotExpiresAt,
            remaining: points)
        transaction.lots = [
            WalletTransaction.LotMovement(lot: lot.id, points: points, expiresAt: lot.expiresAt)
        ]
        let committed = hold.committing(points, at: transaction.recordedAt)
        return LedgerDecision(transaction, [.changeHold(committed), .addLot(lot)], from: before)
    }

    /// Gives the rest of a hold back, because of a void or of time.
    static func release(
        _ hold: Hold, _ reservations: [Reservation], by move: Hold.Move, _ prepared: WalletTransaction
    ) -> LedgerDecision {
        var transaction = prepared
        let before = transaction.balances
        transaction.points = hold.rest
        var changes = [LedgerChange.changeHold(hold.moved(by: move, at: transaction.recordedAt))]
        switch hold.direction {
        case .credit: transaction.balances.pending -= hold.rest
        case .debit:
            transaction.balances.held -= hold.rest
            for var reservation in reservations {
                reservation.lot.reserved -= reservation.points
                reservation.points = .zero
                changes.append(.changeReservation(reservation, hold: hold.id))
                changes.append(.changeLot(reservation.lot))
            }
        }
        return LedgerDecision(transaction, changes, from: before)
    }
}
