// Credits what an event's offers gave: a transfer and a lot for each line, or a credit hold for a line that
// is inflight. An earn never fails for lack of balance (K22). One transaction for each asset; nearly every
// event has one asset.

import Messages
import Primitives

extension AwardCommand {
    /// The assets of the lines, in their order; points if there are no lines.
    public var assets: [AssetCode] {
        guard let first = awards.first?.asset else { return [.points] }
        var assets = [first]
        for line in awards where !assets.contains(line.asset) { assets.append(line.asset) }
        return assets
    }
}

extension Points {
    /// What the programme issues of an asset in one partition at most, ever: a thousand times the largest balance, and
    /// a ninth of what its account can hold.
    public static let maximumIssued = Points(1_000 * Points.maximum.units)
}

public enum DecideAward {
    /// How long an inflight award waits for its commit: a month covers the return periods that such awards
    /// wait for.
    public static let inflightMilliseconds = 30 * Timestamp.millisecondsPerDay

    /// Decides the lines of one asset.
    ///
    /// - Parameter asset: one of the command's ``AwardCommand/assets``. The first one's transaction bears
    ///   the event's id; that of a further one bears the id of its first line.
    /// - Parameter issuable: what is left of ``Points/maximumIssued``; negative if there is more than that already.
    public static func decide(
        _ snapshot: WalletSnapshot?, _ command: AwardCommand, in asset: AssetCode, issuable: Points,
        _ envelope: CommandEnvelope
    ) -> LedgerDecision {
        var transaction = envelope.transaction(.awarded, snapshot, asset: asset)
        let first = command.awards.firstIndex { $0.asset == asset } ?? 0
        transaction.id = first == 0 ? MessageID(command.event.value) : command.event.caused(.award(first))
        transaction.source = command.source
        if let refusal = refusal(snapshot, command, asset, issuable, transaction.balances) {
            return .refused(transaction, refusal)
        }
        let before = transaction.balances
        transaction.reason = command.reason?.rawValue
        var changes: [LedgerChange] = []
        changes.reserveCapacity(command.awards.count)
        for (index, line) in command.awards.enumerated() where line.asset == asset {
            let id = command.event.caused(.award(index))
            transaction.points += line.points
            if line.inflight {
                transaction.hold = transaction.hold ?? id
                transaction.balances.pending += line.points
                changes.append(.openHold(hold(id, line, envelope)))
            } else {
                transaction.balances.settled += line.points
                changes.append(.addLot(credit(id, line, envelope.now, &transaction)))
            }
        }
        return LedgerDecision(transaction, changes, from: before)
    }

    private static func refusal(
        _ snapshot: WalletSnapshot?, _ command: AwardCommand, _ asset: AssetCode, _ issuable: Points,
        _ balances: Balances
    ) -> Refusal? {
        switch command.reason {
        case .unknownWallet: return .unknownWallet
        case .walletBlocked: return .walletBlocked
        case .noOfferFired, nil: break
        }
        guard let snapshot else { return .unknownWallet }
        guard snapshot.wallet.status == .active else { return .walletBlocked }
        // At most 64 lines of at most 10^15 points: the sum fits.
        let credited = command.awards.reduce(Points.zero) { $1.asset == asset ? $0 + $1.points : $0 }
        // What cannot be issued now cannot be later, so that goes for lines in flight too.
        if credited > .zero, credited > issuable { return .balanceLimit }
        return balances.settled + balances.pending + credited > .maximum ? .balanceLimit : nil
    }

    private static func credit(
        _ id: MessageID, _ line: AwardCommand.Line, _ now: Timestamp, _ transaction: inout WalletTransaction
    ) -> Lot {
        transaction.transfers.append(
            WalletTransaction.Transfer(
                id: id, debit: .issued, credit: .wallet, points: line.points, offer: line.offer,
                offerVersion: line.offerVersion))
        transaction.lots.append(
            WalletTransaction.LotMovement(lot: id, points: line.points, expiresAt: line.expiresAt))
        return Lot(id: id, awardedAt: now, expiresAt: line.expiresAt, remaining: line.points)
    }

    private static func hold(_ id: MessageID, _ line: AwardCommand.Line, _ envelope: CommandEnvelope) -> Hold
    {
        Hold(
            id: id, wallet: envelope.wallet, direction: .credit, asset: line.asset, points: line.points,
            purpose: "offer \(line.offer)",
            expiresAt: envelope.now.adding(milliseconds: inflightMilliseconds),
            terms: Hold.CreditTerms(
                offer: line.offer, offerVersion: line.offerVersion, lotExpiresAt: line.expiresAt))
    }
}
