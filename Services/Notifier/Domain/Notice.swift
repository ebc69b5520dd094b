// A notice: one thing that happened to a wallet and that subscribers are told. Read from an outcome by the
// processor; which outcome gives which notice is decided here. Never carries more of a wallet than the
// outcome itself shows.

import Configuration
import JSONText
import Messages
import Primitives

/// What subscribers are told, before it is known who they are.
public struct Notice: Sendable, Equatable {
    /// The outcome's `ce_id`: the same however often the outcome is read.
    public let id: MessageID
    public let wallet: WalletID
    public let type: NoticeType
    /// Where the outcome stands in its wallet's order; nil for outcomes without a number.
    public let number: SequenceNumber?
    public let occurredAt: Timestamp
    /// The outcome's body, as it was published.
    public let data: [UInt8]

    public init(
        id: MessageID, wallet: WalletID, type: NoticeType, number: SequenceNumber?, occurredAt: Timestamp,
        data: [UInt8]
    ) {
        self.id = id
        self.wallet = wallet
        self.type = type
        self.number = number
        self.occurredAt = occurredAt
        self.data = data
    }

    /// The `webhook-id` for one subscription: the same in all attempts, different for each subscriber.
    public func webhookID(for subscription: String) -> String { "\(id).\(subscription)" }
}

/// The number of a wallet's transaction in the ledger, in the series of awards or in that of spends.
public struct SequenceNumber: Sendable, Equatable {
    public enum Series: Sendable { case awards, spends }

    public let series: Series
    public let value: Int64

    public init(_ series: Series, _ value: Int64) {
        self.series = series
        self.value = value
    }
}

/// The notice that an outcome gives; nil if outcomes of this type give none.
///
/// An award that is announced only (`pending`) is told as awarded: the data says so, and nothing else would
/// tell it.
public func noticeType(of type: MessageType, awardOutcome: WalletTransaction.AwardOutcome?) -> NoticeType? {
    switch type {
    case .awarded:
        switch awardOutcome {
        case .awarded, .pending: .pointsAwarded
        case .nothing, .refused: .pointsNotAwarded
        case nil: nil
        }
    case .spent: .pointsSpent
    case .rewardIssued: .rewardIssued
    case .rewardRefused: .rewardRefused
    default: nil
    }
}
