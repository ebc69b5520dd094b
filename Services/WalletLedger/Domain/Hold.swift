// A hold: points set aside of a balance (debit), or announced and not yet credited (credit). Its moves are the table
// below; a move that is not in it does not exist, and the schema refuses it too.
//
//          ┌── commit part ──┐
//          v                 │
//        open ───────────────┘
//          ├── commit rest ──> committed
//          ├── void ─────────> voided
//          └── expire ───────> expired

import Messages
import Primitives

public struct Hold: Sendable, Equatable {
    public enum State: String, Sendable, CaseIterable { case open, committed, voided, expired }

    public enum Move: Sendable, CaseIterable { case commitPart, commitRest, void, expire }

    /// What a credit hold becomes when it is committed.
    public struct CreditTerms: Sendable, Equatable {
        public var offer: String?
        public var offerVersion: Int64?
        public var lotExpiresAt: Timestamp?

        public init(offer: String? = nil, offerVersion: Int64? = nil, lotExpiresAt: Timestamp? = nil) {
            self.offer = offer
            self.offerVersion = offerVersion
            self.lotExpiresAt = lotExpiresAt
        }
    }

    public var id: MessageID
    public var wallet: WalletID
    public var direction: OpenHold.Direction
    public var asset: AssetCode
    /// As opened.
    public var points: Points
    /// Carried out so far.
    public private(set) var committed: Points
    public private(set) var state: State
    public var purpose: String
    public var expiresAt: Timestamp
    public private(set) var endedAt: Timestamp?
    public var terms: CreditTerms

    public init(
        id: MessageID, wallet: WalletID, direction: OpenHold.Direction, asset: AssetCode, points: Points,
        committed: Points = .zero, state: State = .open, purpose: String, expiresAt: Timestamp,
        endedAt: Timestamp? = nil, terms: CreditTerms = CreditTerms()
    ) {
        self.id = id
        self.wallet = wallet
        self.direction = direction
        self.asset = asset
        self.points = points
        self.committed = committed
        self.state = state
        self.purpose = purpose
        self.expiresAt = expiresAt
        self.endedAt = endedAt
        self.terms = terms
    }

    /// What is still set aside or announced while the hold is open.
    public var rest: Points { points - committed }

    /// Whether its time is over, swept or not.
    public func isOver(at now: Timestamp) -> Bool { expiresAt <= now }

    /// The table of legal moves: the state a move leads to, nil where there is no such move.
    public static func state(after move: Move, from state: State) -> State? {
        switch (state, move) {
        case (.open, .commitPart): .open
        case (.open, .commitRest): .committed
        case (.open, .void): .voided
        case (.open, .expire): .expired
        case (.committed, _), (.voided, _), (.expired, _): nil
        }
    }

    /// The hold after a part or the rest of it was carried out.
    ///
    /// - Precondition: the hold is open and has that much left.
    func committing(_ part: Points, at now: Timestamp) -> Hold {
        precondition(part > .zero && part <= rest, "a hold commits what it has")
        var after = moved(by: part == rest ? .commitRest : .commitPart, at: now)
        after.committed += part
        return after
    }

    /// The hold in the state that a move leads to.
    ///
    /// - Precondition: there is such a move.
    func moved(by move: Move, at now: Timestamp) -> Hold {
        guard let next = Self.state(after: move, from: state) else {
            preconditionFailure("a hold that is \(state) does not \(move)")
        }
        var after = self
        after.state = next
        after.endedAt = next == .open ? nil : now
        return after
    }
}
