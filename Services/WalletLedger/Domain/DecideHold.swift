// Opens holds. A debit is checked against the available balance here, by the wallet's only writer, and reserves points of
// lots; whoever asks for it ends it later (DecideEndHold), or time does (DecideExpiry).

import Messages
import Primitives

public enum DecideHold {
    /// - Parameters:
    ///   - isKnown: whether there is or was a hold of that id.
    ///   - lots: the wallet's lots with free points, in the order of spending, as many as cover the points or
    ///     ``WalletTransaction/maximumLots``.
    public static func decide(
        _ snapshot: WalletSnapshot?, _ command: OpenHold, isKnown: Bool, lots: [Lot], _ envelope: CommandEnvelope
    ) -> LedgerDecision {
        var transaction = envelope.transaction(
            .holdOpened, snapshot, asset: command.asset, points: command.points)
        transaction.hold = command.hold
        transaction.purpose = command.purpose
        guard let snapshot else { return .refused(transaction, .unknownWallet) }
        if let refusal = refusal(snapshot, command, isKnown, envelope.now) {
            return .refused(transaction, refusal)
        }
        let before = transaction.balances
        let hold = Hold(
            id: command.hold, wallet: envelope.wallet, direction: command.direction, asset: command.asset,
            points: command.points, purpose: command.purpose, expiresAt: command.expiresAt)
        guard command.direction == .debit else {
            transaction.balances.pending += command.points
            return LedgerDecision(transaction, [.openHold(hold)], from: before)
        }
        guard let reserved = reserve(command.points, of: lots, for: hold.id, envelope.now) else {
            let isLimited = lots.count >= WalletTransaction.maximumLots
            return .refused(transaction, isLimited ? .tooManyLots : .insufficientBalance)
        }
        transaction.balances.held += command.points
        return LedgerDecision(transaction, [.openHold(hold)] + reserved, from: before)
    }

    private static func refusal(
        _ snapshot: WalletSnapshot, _ command: OpenHold, _ isKnown: Bool, _ now: Timestamp
    ) -> Refusal? {
        if isKnown { return .holdExists }
        guard snapshot.wallet.status == .active else { return .walletBlocked }
        if command.expiresAt <= now { return .holdExpired }
        let balances = snapshot.balances(of: command.asset)
        switch command.direction {
        case .debit:
            // What must remain may remain exactly (K23).
            let left = balances.available - command.points
            return left < max(command.minimumRemaining, .zero) ? .insufficientBalance : nil
        case .credit:
            return balances.settled + balances.pending + command.points > .maximum ? .balanceLimit : nil
        }
    }

    /// Nil if the lots do not have as much. Expired points are never reserved, whether they were swept or not.
    private static func reserve(
        _ points: Points, of lots: [Lot], for hold: MessageID, _ now: Timestamp
    ) -> [LedgerChange]? {
        var missing = points
        var changes: [LedgerChange] = []
        for var lot in lots.prefix(WalletTransaction.maximumLots) where missing > .zero {
            guard !lot.isExpired(at: now), lot.free > .zero else { continue }
            let part = min(lot.free, missing)
            missing -= part
            lot.reserved += part
            changes.append(.changeLot(lot))
            changes.append(.addReservation(Reservation(lot: lot, points: part), hold: hold))
        }
        return missing == .zero ? changes : nil
    }
}
