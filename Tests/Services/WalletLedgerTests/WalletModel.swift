// One wallet as a slow and obvious model: lots and holds in plain arrays, everything summed anew each time. The random test holds
// the ledger's published transactions against it, one by one. It shares no code with the domain but the message types.

import Messages
import Primitives

struct WalletModel {
    struct Lot {
        var id: MessageID
        var awardedAt: Timestamp
        var expiresAt: Timestamp?
        var points: Int64
    }

    struct Hold {
        enum State { case open, done, expired }
        var id: MessageID
        var isDebit: Bool
        var state = State.open
        var expiresAt: Timestamp
        var rest: Int64
        /// By lot, what a debit has set aside.
        var reserved: [(lot: MessageID, points: Int64)] = []
        var lotExpiresAt: Timestamp?
    }

    enum Command {
        case award(AwardCommand)
        case open(OpenHold)
        case commit(EndHold)
        case void(EndHold)
        case block, unblock
    }

    var exists = false
    var isBlocked = false
    var lots: [Lot] = []
    var holds: [Hold] = []

    // MARK: Sums

    var settled: Int64 { lots.reduce(0) { $0 + $1.points } }
    var held: Int64 { open.filter(\.isDebit).reduce(0) { $0 + $1.rest } }
    var pending: Int64 { open.filter { !$0.isDebit }.reduce(0) { $0 + $1.rest } }
    var open: [Hold] { holds.filter { $0.state == .open } }
    var balances: Balances {
        Balances(settled: Points(settled), held: Points(held), pending: Points(pending))
    }

    func free(_ lot: Lot) -> Int64 {
        lot.points - open.flatMap(\.reserved).filter { $0.lot == lot.id }.reduce(0) { $0 + $1.points }
    }

    /// Whether time has ended something that is still there.
    func isOverdue(at now: Timestamp) -> Bool {
        open.contains { $0.expiresAt <= now } || lots.contains { ended($0, now) && free($0) > 0 }
    }

    private func ended(_ lot: Lot, _ now: Timestamp) -> Bool { lot.expiresAt.map { $0 <= now } ?? false }

    // MARK: What time does

    /// Expires a hold; false if it was not due.
    mutating func expireHold(_ id: MessageID, at now: Timestamp) -> Bool {
        guard let index = holds.firstIndex(where: { $0.id == id }), holds[index].state == .open,
            holds[index].expiresAt <= now
        else { return false }
        holds[index].state = .expired
        return true
    }

    /// Expires the free points of all lots that are due.
    mutating func expireLots(at now: Timestamp) -> [MessageID: Int64] {
        var moved: [MessageID: Int64] = [:]
        for index in lots.indices where ended(lots[index], now) && free(lots[index]) > 0 {
            moved[lots[index].id] = -free(lots[index])
        }
        take(moved)
        return moved
    }

    private mutating func take(_ moved: [MessageID: Int64]) {
        for index in lots.indices { lots[index].points += moved[lots[index].id] ?? 0 }
        lots.removeAll { $0.points == 0 }
    }

    // MARK: Commands

    /// Carries a command out; the refusal, and what moved in each lot.
    mutating func apply(
        _ command: Command, id: MessageID, at now: Timestamp
    ) -> (refusal: String?, moved: [MessageID: Int64]) {
        switch command {
        case .award(let award): return apply(award, now)
        case .open(let hold): return (open(hold, now), [:])
        case .commit(let end): return commit(end, id, now)
        case .void(let end):
            if let refusal = whyNot(end) { return (refusal, [:]) }
            for index in holds.indices where holds[index].id == end.hold { holds[index].state = .done }
            return (nil, [:])
        case .block, .unblock:
            let blocks = if case .block = command { true } else { false }
            guard exists else { return ("unknown-wallet", [:]) }
            guard isBlocked != blocks else { return (blocks ? "already-blocked" : "not-blocked", [:]) }
            isBlocked = blocks
            return (nil, [:])
        }
    }

    private mutating func apply(
        _ award: AwardCommand, _ now: Timestamp
    ) -> (refusal: String?, moved: [MessageID: Int64]) {
        exists = true
        if isBlocked { return ("wallet-blocked", [:]) }
        var moved: [MessageID: Int64] = [:]
        for (index, line) in award.awards.enumerated() {
            let id = award.event.caused(.award(index))
            if line.inflight {
                holds.append(
                    Hold(
                        id: id, isDebit: false, expiresAt: now.adding(milliseconds: 30 * 86_400_000),
                        rest: line.points.units, lotExpiresAt: line.expiresAt))
            } else {
                lots.append(Lot(id: id, awardedAt: now, expiresAt: line.expiresAt, points: line.points.units))
                moved[id] = line.points.units
            }
        }
        return (nil, moved)
    }

    private mutating func open(_ command: OpenHold, _ now: Timestamp) -> String? {
        guard exists else { return "unknown-wallet" }
        if holds.contains(where: { $0.id == command.hold }) { return "hold-exists" }
        if isBlocked { return "wallet-blocked" }
        if command.expiresAt <= now { return "hold-expired" }
        var hold = Hold(
            id: command.hold, isDebit: command.direction == .debit, expiresAt: command.expiresAt,
            rest: command.points.units)
        if hold.isDebit {
            if settled - held - hold.rest < command.minimumRemaining.units { return "insufficient-balance" }
            var missing = hold.rest
            for lot in lots.sorted(by: Self.isSpentBefore) where missing > 0 && free(lot) > 0 {
                hold.reserved.append((lot.id, min(missing, free(lot))))
                missing -= min(missing, free(lot))
            }
        }
        holds.append(hold)
        return nil
    }

    private mutating func commit(
        _ command: EndHold, _ id: MessageID, _ now: Timestamp
    ) -> (refusal: String?, moved: [MessageID: Int64]) {
        if let refusal = whyNot(command) { return (refusal, [:]) }
        guard let index = holds.firstIndex(where: { $0.id == command.hold }) else { return ("unknown-hold", [:]) }
        let points = command.points?.units ?? holds[index].rest
        guard points <= holds[index].rest else { return ("points-exceed-hold", [:]) }
        holds[index].rest -= points
        if holds[index].rest == 0 { holds[index].state = .done }
        guard holds[index].isDebit else {
            lots.append(Lot(id: id, awardedAt: now, expiresAt: holds[index].lotExpiresAt, points: points))
            return (nil, [id: points])
        }
        var (missing, moved) = (points, [MessageID: Int64]())
        for part in holds[index].reserved.indices {
            let taken = min(missing, holds[index].reserved[part].points)
            missing -= taken
            holds[index].reserved[part].points -= taken
            if taken > 0 { moved[holds[index].reserved[part].lot] = -taken }
        }
        take(moved)
        return (nil, moved)
    }

    private func whyNot(_ command: EndHold) -> String? {
        guard exists else { return "unknown-wallet" }
        guard let hold = holds.first(where: { $0.id == command.hold }) else { return "unknown-hold" }
        switch hold.state {
        case .open: return nil
        case .done: return "hold-ended"
        case .expired: return "hold-expired"
        }
    }

    private static func isSpentBefore(_ left: Lot, _ right: Lot) -> Bool {
        let never = Int64.max
        return (left.expiresAt?.milliseconds ?? never, left.awardedAt, left.id)
            < (right.expiresAt?.milliseconds ?? never, right.awardedAt, right.id)
    }
}
