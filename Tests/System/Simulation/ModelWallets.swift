// Wallets, lots and holds of one partition as the model keeps them, and what each command must come to: plain
// arrays, searched from end to end. Used by ModelLedger, which says when something happened, and by
// ModelStores, which holds the ledger's rows against it.

import Messages
import Primitives

struct ModelLot {
    let id: MessageID
    let wallet: WalletID
    let asset: AssetCode
    let awardedAt: Timestamp
    /// Nil: never.
    let expiresAt: Timestamp?
    var remaining: Points
    var reserved = Points.zero

    var free: Points { remaining - reserved }
    func isOver(_ now: Timestamp) -> Bool { expiresAt.map { $0 <= now } ?? false }

    /// Soonest expiry first, then the oldest.
    static func isSpentBefore(_ left: ModelLot, _ right: ModelLot) -> Bool {
        let (one, other) = (left.expiresAt?.milliseconds ?? .max, right.expiresAt?.milliseconds ?? .max)
        return (one, left.awardedAt, left.id) < (other, right.awardedAt, right.id)
    }
}

struct ModelHold {
    enum State: String { case open, committed, voided, expired }

    let id: MessageID
    let wallet: WalletID
    let isDebit: Bool
    let asset: AssetCode
    let points: Points
    let purpose: String
    let expiresAt: Timestamp
    var offer: String?
    var offerVersion: Int64?
    var lotExpiresAt: Timestamp?
    var committed = Points.zero
    var state = State.open
    var endedAt: Timestamp?
    /// Of which lots, for a debit.
    var reserved: [(lot: MessageID, points: Points)] = []

    var rest: Points { points - committed }
}

struct ModelWallet {
    let externalID: String
    var name: String?
    var isBlocked = false
    let openedAt: Timestamp
    var sequence: Int64 = 0
    /// In the order in which assets came in.
    var accounts: [(asset: AssetCode, balances: Balances)] = []

    func balances(_ asset: AssetCode) -> Balances {
        accounts.first { $0.asset == asset }?.balances ?? .zero
    }
}

/// What a command or time did, before its wallet's number and balances are put on it.
struct ModelLedgerState {
    var wallets: [WalletID: ModelWallet] = [:]
    var lots: [ModelLot] = []
    var holds: [MessageID: ModelHold] = [:]

    /// What a transaction is about.
    struct Cause {
        let id: MessageID
        let wallet: WalletID
        var externalID: String
        var occurredAt: Timestamp
        let now: Timestamp
    }

    private func begin(_ type: MessageType, _ cause: Cause, _ asset: AssetCode = .points) -> WalletTransaction {
        let wallet = wallets[cause.wallet]
        return WalletTransaction(
            id: cause.id, wallet: cause.wallet, externalID: wallet?.externalID ?? cause.externalID,
            sequence: wallet.map { $0.sequence + 1 }, type: type, asset: asset,
            balances: wallet?.balances(asset) ?? .zero, occurredAt: cause.occurredAt, recordedAt: cause.now)
    }

    private func refused(_ transaction: WalletTransaction, _ refusal: String) -> WalletTransaction {
        var refused = transaction
        refused.refusal = refusal
        return refused
    }

    /// Takes a transaction's number and balances over.
    mutating func settle(_ transaction: WalletTransaction) {
        guard let sequence = transaction.sequence, var wallet = wallets[transaction.wallet] else { return }
        wallet.sequence = sequence
        if let index = wallet.accounts.firstIndex(where: { $0.asset == transaction.asset }) {
            wallet.accounts[index].balances = transaction.balances
        } else if transaction.refusal == nil {
            wallet.accounts.append((transaction.asset, transaction.balances))
        }
        wallets[transaction.wallet] = wallet
    }

    // MARK: Wallets

    mutating func open(_ command: OpenWallet, _ cause: Cause) -> WalletTransaction {
        if let wallet = wallets[cause.wallet] {
            let transaction = begin(.walletOpened, cause)
            guard let name = command.name, wallet.name == nil else { return refused(transaction, "wallet-exists") }
            wallets[cause.wallet]?.name = name
            return transaction
        }
        wallets[cause.wallet] = ModelWallet(
            externalID: command.externalID, name: command.name, openedAt: cause.now)
        return begin(.walletOpened, cause)
    }

    mutating func block(_ isBlocked: Bool, _ reason: String, _ cause: Cause) -> WalletTransaction {
        var transaction = begin(isBlocked ? .walletBlocked : .walletUnblocked, cause)
        transaction.reason = reason
        guard let wallet = wallets[cause.wallet] else { return refused(transaction, "unknown-wallet") }
        if wallet.isBlocked == isBlocked { return refused(transaction, isBlocked ? "already-blocked" : "not-blocked") }
        wallets[cause.wallet]?.isBlocked = isBlocked
        return transaction
    }

    // MARK: Awards

    mutating func award(_ command: AwardCommand, _ asset: AssetCode, _ cause: Cause) -> WalletTransaction {
        var transaction = begin(.awarded, cause, asset)
        transaction.source = command.source
        switch command.reason {
        case .unknownWallet: return refused(transaction, "unknown-wallet")
        case .walletBlocked: return refused(transaction, "wallet-blocked")
        case .noOfferFired, nil: break
        }
        guard let wallet = wallets[cause.wallet] else { return refused(transaction, "unknown-wallet") }
        if wallet.isBlocked { return refused(transaction, "wallet-blocked") }
        transaction.reason = command.reason?.rawValue
        for (index, line) in command.awards.enumerated() where line.asset == asset {
            let id = command.event.caused(.award(index))
            transaction.points += line.points
            if line.inflight {
                transaction.hold = transaction.hold ?? id
                transaction.balances.pending += line.points
                holds[id] = ModelHold(
                    id: id, wallet: cause.wallet, isDebit: false, asset: asset, points: line.points,
                    purpose: "offer \(line.offer)",
                    expiresAt: cause.now.adding(milliseconds: 30 * Timestamp.millisecondsPerDay),
                    offer: line.offer, offerVersion: line.offerVersion, lotExpiresAt: line.expiresAt)
                continue
            }
            transaction.balances.settled += line.points
            transaction.transfers.append(
                .init(
                    id: id, debit: .issued, credit: .wallet, points: line.points, offer: line.offer,
                    offerVersion: line.offerVersion))
            add(id, line.points, line.expiresAt, cause, &transaction)
        }
        return transaction
    }

    private mutating func add(
        _ id: MessageID, _ points: Points, _ expiresAt: Timestamp?, _ cause: Cause,
        _ transaction: inout WalletTransaction
    ) {
        transaction.lots.append(.init(lot: id, points: points, expiresAt: expiresAt))
        lots.append(
            ModelLot(
                id: id, wallet: cause.wallet, asset: transaction.asset, awardedAt: cause.now, expiresAt: expiresAt,
                remaining: points))
    }

    // MARK: Holds

    mutating func hold(_ command: OpenHold, _ cause: Cause) -> WalletTransaction {
        var transaction = begin(.holdOpened, cause, command.asset)
        transaction.points = command.points
        transaction.hold = command.hold
        transaction.purpose = command.purpose
        guard let wallet = wallets[cause.wallet] else { return refused(transaction, "unknown-wallet") }
        if holds[command.hold] != nil { return refused(transaction, "hold-exists") }
        if wallet.isBlocked { return refused(transaction, "wallet-blocked") }
        if command.expiresAt <= cause.now { return refused(transaction, "hold-expired") }
        var hold = ModelHold(
            id: command.hold, wallet: cause.wallet, isDebit: command.direction == .debit, asset: command.asset,
            points: command.points, purpose: command.purpose, expiresAt: command.expiresAt)
        if hold.isDebit {
            let left = transaction.balances.available - command.points
            guard left >= command.minimumRemaining, let parts = reserve(command, cause) else {
                return refused(transaction, "insufficient-balance")
            }
            hold.reserved = parts
            transaction.balances.held += command.points
        } else {
            transaction.balances.pending += command.points
        }
        holds[command.hold] = hold
        return transaction
    }

    /// Nil if what has not expired does not suffice.
    private mutating func reserve(_ command: OpenHold, _ cause: Cause) -> [(lot: MessageID, points: Points)]? {
        var missing = command.points
        var parts: [(lot: MessageID, points: Points)] = []
        let usable = lots.filter { lot in
            lot.wallet == cause.wallet && lot.asset == command.asset && lot.free > .zero && !lot.isOver(cause.now)
        }
        for lot in usable.sorted(by: ModelLot.isSpentBefore) where missing > .zero {
            parts.append((lot.id, min(lot.free, missing)))
            missing -= min(lot.free, missing)
        }
        guard missing == .zero else { return nil }
        for part in parts { change(part.lot) { $0.reserved += part.points } }
        return parts
    }

    private mutating func change(_ id: MessageID, _ change: (inout ModelLot) -> Void) {
        guard let index = lots.firstIndex(where: { $0.id == id }) else { return }
        change(&lots[index])
        if lots[index].remaining == .zero { lots.remove(at: index) }
    }

    private func expiry(ofLot id: MessageID) -> Timestamp? { lots.first { $0.id == id }?.expiresAt }

    mutating func end(_ command: EndHold, isCommit: Bool, _ cause: Cause) -> WalletTransaction {
        let known = holds[command.hold].flatMap { $0.wallet == cause.wallet ? $0 : nil }
        var transaction = begin(isCommit ? .holdCommitted : .holdVoided, cause, known?.asset ?? .points)
        transaction.points = command.points ?? .zero
        transaction.hold = command.hold
        transaction.purpose = known?.purpose
        transaction.reason = command.reason
        if isCommit { transaction.reward = command.reward }
        if wallets[cause.wallet] == nil { return refused(transaction, "unknown-wallet") }
        guard let hold = known else { return refused(transaction, "unknown-hold") }
        switch hold.state {
        case .open: if hold.expiresAt <= cause.now { return refused(transaction, "hold-expired") }
        case .committed, .voided: return refused(transaction, "hold-ended")
        case .expired: return refused(transaction, "hold-expired")
        }
        guard isCommit else { return release(hold, .voided, transaction, cause.now) }
        let points = command.points ?? hold.rest
        if points > hold.rest { return refused(transaction, "points-exceed-hold") }
        transaction.points = points
        return commit(points, hold, transaction, cause)
    }

    private mutating func commit(
        _ points: Points, _ hold: ModelHold, _ begun: WalletTransaction, _ cause: Cause
    ) -> WalletTransaction {
        var (transaction, after) = (begun, hold)
        after.committed += points
        if after.rest == .zero { (after.state, after.endedAt) = (.committed, cause.now) }
        if hold.isDebit {
            transaction.balances.settled -= points
            transaction.balances.held -= points
            transaction.transfers = [.init(id: cause.id, debit: .wallet, credit: .redeemed, points: points)]
            var missing = points
            for index in after.reserved.indices where missing > .zero {
                let (lot, held) = after.reserved[index]
                let part = min(held, missing)
                missing -= part
                after.reserved[index].points -= part
                transaction.lots.append(.init(lot: lot, points: -part, expiresAt: expiry(ofLot: lot)))
                change(lot) { lot in
                    lot.remaining -= part
                    lot.reserved -= part
                }
            }
            after.reserved.removeAll { $0.points == .zero }
        } else {
            transaction.balances.pending -= points
            transaction.balances.settled += points
            transaction.transfers = [
                .init(
                    id: cause.id, debit: .issued, credit: .wallet, points: points, offer: hold.offer,
                    offerVersion: hold.offerVersion)
            ]
            add(cause.id, points, hold.lotExpiresAt, cause, &transaction)
        }
        holds[hold.id] = after
        return transaction
    }

    private mutating func release(
        _ hold: ModelHold, _ state: ModelHold.State, _ begun: WalletTransaction, _ now: Timestamp
    ) -> WalletTransaction {
        var (transaction, after) = (begun, hold)
        transaction.points = hold.rest
        if hold.isDebit {
            transaction.balances.held -= hold.rest
            for part in hold.reserved { change(part.lot) { $0.reserved -= part.points } }
        } else {
            transaction.balances.pending -= hold.rest
        }
        (after.state, after.endedAt, after.reserved) = (state, now, [])
        holds[hold.id] = after
        return transaction
    }

    // MARK: Time

    mutating func expire(_ hold: ModelHold, _ now: Timestamp) -> WalletTransaction {
        let cause = Cause(
            id: MessageID(hold.id.value | 0x80), wallet: hold.wallet, externalID: "", occurredAt: hold.expiresAt,
            now: now)
        var transaction = begin(.holdExpired, cause, hold.asset)
        transaction.hold = hold.id
        transaction.purpose = hold.purpose
        return release(hold, .expired, transaction, now)
    }

    /// The lots of a wallet that are over and have points that nobody holds.
    func overdue(_ wallet: WalletID, _ asset: AssetCode?, _ now: Timestamp) -> [ModelLot] {
        lots.filter { lot in
            lot.wallet == wallet && (asset == nil || lot.asset == asset) && lot.isOver(now) && lot.free > .zero
        }.sorted(by: ModelLot.isSpentBefore)
    }

    func overdueHolds(_ wallet: WalletID, _ now: Timestamp) -> [ModelHold] {
        holds.values.filter { $0.wallet == wallet && $0.state == .open && $0.expiresAt <= now }
    }

    /// - Parameter id: as it was published; the ledger makes it up.
    mutating func expireLots(
        _ wallet: WalletID, _ asset: AssetCode, _ id: MessageID, _ now: Timestamp
    ) -> WalletTransaction {
        let due = overdue(wallet, asset, now)
        let cause = Cause(
            id: id, wallet: wallet, externalID: "", occurredAt: due.compactMap(\.expiresAt).max() ?? now, now: now)
        var transaction = begin(.lotExpired, cause, asset)
        for lot in due {
            transaction.points += lot.free
            transaction.lots.append(.init(lot: lot.id, points: -lot.free, expiresAt: lot.expiresAt))
            change(lot.id) { $0.remaining = $0.reserved }
        }
        transaction.balances.settled -= transaction.points
        transaction.transfers = [
            .init(id: id, debit: .wallet, credit: .expired, points: transaction.points)
        ]
        return transaction
    }
}
