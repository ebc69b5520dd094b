// An issuance that is not decided yet: what was asked for, at which price, and who waits for the outcome.
// Made by DecideIssuance, kept by the store as one row. Once decided, only its RewardIssue remains.

import Messages
import Primitives

/// An open issuance.
public struct Issuance: Sendable, Equatable {
    /// As it would be told now; the price and the reward's version in it are those of the time of the
    /// request.
    public var issue: RewardIssue
    public var state: IssuanceState
    public var waiters: Waiters
    /// Carried from the request to every record that it leads to.
    public var traceparent: String?

    public init(issue: RewardIssue, state: IssuanceState, waiters: Waiters, traceparent: String?) {
        self.issue = issue
        self.state = state
        self.waiters = waiters
        self.traceparent = traceparent
    }

    public var id: EventID { issue.issuance }
    /// The hold of its price, and the id of the command that opens it.
    public var hold: MessageID { id.caused(.hold) }
}

/// Someone who waits for the outcome of an issuance.
public struct Waiter: Sendable, Hashable {
    public let address: ReplyAddress
    /// The outcome will be told as that of an earlier request.
    public let isRepeat: Bool

    public init(_ address: ReplyAddress, isRepeat: Bool) {
        self.address = address
        self.isRepeat = isRepeat
    }
}

/// Those who wait, in the order in which they asked.
public struct Waiters: Sendable, Equatable {
    /// A client asks again a few times at most while one request is being decided; more are told that it is
    /// pending.
    public static let maximum = 8

    public private(set) var all: [Waiter] = []

    public init(_ all: [Waiter] = []) {
        self.all = Array(all.prefix(Self.maximum))
    }

    /// Remembers a waiter; an address that waits already is not told twice.
    ///
    /// - Returns: false if there is no room for it.
    public mutating func add(_ waiter: Waiter) -> Bool {
        if all.contains(where: { $0.address == waiter.address }) { return true }
        guard all.count < Self.maximum else { return false }
        all.append(waiter)
        return true
    }
}
