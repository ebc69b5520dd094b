// What becomes of a reward request, and of an issuance when the ledger answers. Pure: the same arguments give
// the same decision, nothing is read or written. Called by the processor; the moves are IssuanceState's.

import Configuration
import Messages
import Primitives

/// A reward request with what its record says about it.
public struct IncomingRequest: Sendable {
    public var id: EventID
    public var wallet: WalletID
    public var body: RewardRequest
    public var requestedAt: Timestamp
    public var waiters: Waiters
    public var traceparent: String?

    public init(
        id: EventID, wallet: WalletID, body: RewardRequest, requestedAt: Timestamp,
        waiters: Waiters = Waiters(), traceparent: String? = nil
    ) {
        self.id = id
        self.wallet = wallet
        self.body = body
        self.requestedAt = requestedAt
        self.waiters = waiters
        self.traceparent = traceparent
    }
}

/// What is to be done; the issuance is as it stands afterwards.
public enum IssuanceDecision: Sendable, Equatable {
    /// Ask the ledger to hold the price (K22).
    case hold(Issuance, OpenHold)
    /// The price is held: ask the ledger to take it.
    case commit(Issuance, EndHold)
    /// Issued or refused: publish it and tell those who wait.
    case decided(Issuance)
    case ignored(Ignored)

    public enum Ignored: String, Sendable, CaseIterable { case repeated, contrary }
}

public enum DecideIssuance {
    /// There is no such reward on offer: no document, an inactive one, or one outside its validity.
    public static let unknownReward = "unknown-reward"

    /// Decides on a request that was not seen before. What it costs is fixed here, by the document in force.
    ///
    /// - Parameter now: when the hold begins; what is on offer is held against the time of the request.
    public static func decide(
        _ request: IncomingRequest, _ configuration: Configuration, now: Timestamp
    ) -> IssuanceDecision {
        let reward = configuration.rewardsByID[request.body.reward]
        var issuance = Issuance(
            issue: RewardIssue(
                issuance: request.id, wallet: request.wallet, externalID: request.body.externalID,
                reward: request.body.reward, rewardVersion: reward?.version,
                paymentMode: reward?.paymentMode.rawValue, points: reward?.points ?? .zero, status: .pending,
                requestedAt: request.requestedAt),
            state: .requested, waiters: request.waiters, traceparent: request.traceparent)
        guard let reward, reward.active, reward.validity.contains(request.requestedAt) else {
            return refuse(issuance, unknownReward, now: now)
        }
        issuance.state = .holding
        let minimum = max(reward.minimumBalanceAfter, configuration.programme.minimumBalanceAfterSpend)
        let command = OpenHold(
            hold: issuance.hold, points: reward.points, minimumRemaining: minimum,
            expiresAt: now.adding(milliseconds: reward.holdMilliseconds), purpose: "reward \(reward.id)")
        return .hold(issuance, command)
    }

    /// Decides on an answer of the ledger about an open issuance.
    public static func decide(_ open: Issuance, _ answer: LedgerAnswer, now: Timestamp) -> IssuanceDecision {
        var issuance = open
        switch open.state.move(on: answer) {
        case .repeated: return .ignored(.repeated)
        case .contrary: return .ignored(.contrary)
        case .to(.committing):
            issuance.state = .committing
            return .commit(issuance, EndHold(hold: issuance.hold, reward: issuance.issue.reward))
        case .to(.issued):
            issuance.state = .issued
            issuance.issue.status = .issued
            issuance.issue.decidedAt = now
            return .decided(issuance)
        case .to(.refused):
            return refuse(issuance, answer.refusal ?? "refused", now: now)
        case .to(.requested), .to(.holding):
            preconditionFailure("an answer never leads back")
        }
    }

    /// Decides on an answer about an issuance that is decided: nothing changes any more.
    public static func decide(
        _ final: RewardIssue.Status, _ answer: LedgerAnswer
    ) -> IssuanceDecision.Ignored {
        let state: IssuanceState = final == .issued ? .issued : .refused
        return state.move(on: answer) == .repeated ? .repeated : .contrary
    }

    private static func refuse(_ issuance: Issuance, _ reason: String, now: Timestamp) -> IssuanceDecision {
        var refused = issuance
        refused.state = .refused
        refused.issue.status = .refused
        refused.issue.reason = reason
        refused.issue.decidedAt = now
        return .decided(refused)
    }
}
