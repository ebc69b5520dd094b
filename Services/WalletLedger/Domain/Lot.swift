// Points that came in together: every credit is a lot, so that points expire by their own date and a spend can say where
// its points came from. The lots of a wallet and asset add up to its settled balance, their reserved parts to what is held.

import Primitives

/// One credit and what is left of it.
public struct Lot: Sendable, Equatable {
    /// The id of the transfer that brought the points.
    public var id: MessageID
    public var awardedAt: Timestamp
    /// Nil: never.
    public var expiresAt: Timestamp?
    /// Not yet spent or expired.
    public var remaining: Points
    /// The part of it that open holds have set aside.
    public var reserved: Points

    public init(
        id: MessageID, awardedAt: Timestamp, expiresAt: Timestamp?, remaining: Points, reserved: Points = .zero
    ) {
        self.id = id
        self.awardedAt = awardedAt
        self.expiresAt = expiresAt
        self.remaining = remaining
        self.reserved = reserved
    }

    public var free: Points { remaining - reserved }

    /// From the very moment of its expiry on.
    public func isExpired(at now: Timestamp) -> Bool { expiresAt.map { $0 <= now } ?? false }

    /// The order in which spends take from lots: soonest expiry, then oldest, then id.
    public static func isSpentBefore(_ left: Lot, _ right: Lot) -> Bool {
        if left.expiresAt != right.expiresAt {
            guard let leftExpiry = left.expiresAt else { return false }
            guard let rightExpiry = right.expiresAt else { return true }
            return leftExpiry < rightExpiry
        }
        return (left.awardedAt, left.id) < (right.awardedAt, right.id)
    }
}

/// What a hold has set aside of one lot.
public struct Reservation: Sendable, Equatable {
    /// The lot as it is now, the reservation included.
    public var lot: Lot
    public var points: Points

    public init(lot: Lot, points: Points) {
        self.lot = lot
        self.points = points
    }
}
