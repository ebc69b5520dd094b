// Every outcome of the ledger, refusals included, in the wallet's order: what moved, between which
// accounts and lots, and the balances after. The ledger's history is restored from these records,
// and awards and spends are views of them, so whatever those show has to stand here.

import JSONText
import Primitives

/// One entry of a wallet's history.
public struct WalletTransaction: Sendable, Equatable {
    /// The id of the command that caused it: the ledger's idempotency key.
    public var id: MessageID
    public var wallet: WalletID
    public var externalID: String
    /// 1, 2, 3, ... per wallet without a gap; nil for a refusal on a wallet that does not exist.
    public var sequence: Int64?
    public var type: MessageType
    /// Nil if applied. A stable code: `insufficient-balance`, `wallet-blocked`, `unknown-wallet`, ...
    public var refusal: String?
    /// Why an event that was not refused awarded nothing.
    public var reason: String?
    public var asset: AssetCode
    /// What the transaction was about: points awarded, held, spent or expired; never negative.
    public var points: Points
    public var transfers: [Transfer]
    public var lots: [LotMovement]
    public var hold: MessageID?
    public var purpose: String?
    public var reward: String?
    public var balances: Balances
    /// The source of the event that caused it, where one did.
    public var source: String?
    public var occurredAt: Timestamp
    public var recordedAt: Timestamp

    /// The accounts that points move between. The programme's accounts are kept per partition and
    /// summed in reports.
    public enum Account: String, Sendable, CaseIterable {
        case wallet, issued, redeemed, expired

        static let words = WordTable<Account>()
    }

    /// One leg of double entry: `points` leave `debit` and enter `credit`.
    public struct Transfer: Sendable, Equatable {
        public var id: MessageID
        public var debit: Account
        public var credit: Account
        public var points: Points
        public var offer: String?
        public var offerVersion: Int64?

        public init(
            id: MessageID, debit: Account, credit: Account, points: Points, offer: String? = nil,
            offerVersion: Int64? = nil
        ) {
            self.id = id
            self.debit = debit
            self.credit = credit
            self.points = points
            self.offer = offer
            self.offerVersion = offerVersion
        }
    }

    /// Points that entered (positive) or left (negative) a lot.
    public struct LotMovement: Sendable, Equatable {
        public var lot: MessageID
        public var points: Points
        /// Nil: never.
        public var expiresAt: Timestamp?

        public init(lot: MessageID, points: Points, expiresAt: Timestamp?) {
            self.lot = lot
            self.points = points
            self.expiresAt = expiresAt
        }
    }

    public init(
        id: MessageID, wallet: WalletID, externalID: String, sequence: Int64?, type: MessageType,
        refusal: String? = nil, reason: String? = nil, asset: AssetCode = .points, points: Points = .zero,
        transfers: [Transfer] = [], lots: [LotMovement] = [], hold: MessageID? = nil, purpose: String? = nil,
        reward: String? = nil, balances: Balances = .zero, source: String? = nil, occurredAt: Timestamp,
        recordedAt: Timestamp
    ) {
        self.id = id
        self.wallet = wallet
        self.externalID = externalID
        self.sequence = sequence
        self.type = type
        self.refusal = refusal
        self.reason = reason
        self.asset = asset
        self.points = points
        self.transfers = transfers
        self.lots = lots
        self.hold = hold
        self.purpose = purpose
        self.reward = reward
        self.balances = balances
        self.source = source
        self.occurredAt = occurredAt
        self.recordedAt = recordedAt
    }
}

/// A wallet's balances in one asset.
public struct Balances: Sendable, Equatable {
    /// What was credited less what was debited.
    public var settled: Points
    /// Set aside by open holds.
    public var held: Points
    /// Announced, not yet credited.
    public var pending: Points
    /// What may be spent: settled less held (B10).
    public var available: Points { settled - held }

    public init(settled: Points, held: Points, pending: Points) {
        self.settled = settled
        self.held = held
        self.pending = pending
    }

    public static let zero = Balances(settled: .zero, held: .zero, pending: .zero)

    public func encode(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("settled", settled.units)
        writer.field("held", held.units)
        writer.field("pending", pending.units)
        writer.field("available", available.units)
        writer.endObject()
    }

    static func read(_ fields: inout FieldReader) -> Balances? {
        let range = -Points.maximum.units...Points.maximum.units
        let settled = fields.integer("settled", in: range, required: true)
        let held = fields.integer("held", in: range, required: true)
        let pending = fields.integer("pending", in: range, required: true)
        guard let settled, let held, let pending else { return nil }
        return Balances(settled: Points(settled), held: Points(held), pending: Points(pending))
    }
}
