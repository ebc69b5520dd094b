// The forms that bodies have, and the codec of each. A form is also the name of its schema. A new message
// type or kind of document does not compile here until it has its form.

import Configuration
import JSONText
import Messages

enum MessageForm: String, CaseIterable {
    case purchase
    case rewardRequest = "reward-request"
    case openWallet = "open-wallet"
    case blockWallet = "block-wallet"
    case awardCommand = "award-command"
    case openHold = "open-hold"
    case endHold = "end-hold"
    case walletTransaction = "wallet-transaction"
    case award, spend
    case rewardIssue = "reward-issue"
    case evaluation
    case deliveryReceipt = "delivery-receipt"
    case eventReference = "event-reference"
    case empty
    case balanceQuery = "balance-query"
    case historyQuery = "history-query"
    case configurationSource = "configuration-source"
    case configurationOffer = "configuration-offer"
    case configurationReward = "configuration-reward"
    case configurationSubscription = "configuration-subscription"
    case configurationAPIKey = "configuration-apikey"
    case configurationProgramme = "configuration-programme"

    init?(_ kind: ConfigurationKind) { self.init(rawValue: "configuration-\(kind.rawValue)") }

    /// The forms of a type's bodies; none for answers, which have the form of what they answer.
    static func forms(of type: MessageType) -> [MessageForm] {
        switch type {
        case .purchase: [.purchase]
        case .walletOpen: [.openWallet]
        case .walletBlock, .walletUnblock: [.blockWallet]
        case .rewardRequest: [.rewardRequest]
        case .award: [.awardCommand]
        case .holdOpen: [.openHold]
        case .holdCommit, .holdVoid: [.endHold]
        case .eventQuery, .rewardQuery: [.eventReference]
        case .walletQuery: [.empty]
        case .balanceQuery: [.balanceQuery]
        case .historyQuery: [.historyQuery]
        case .awarded: [.walletTransaction, .award]
        case .walletOpened, .walletBlocked, .walletUnblocked, .holdOpened, .holdCommitted, .holdVoided,
            .holdExpired,
            .lotExpired:
            [.walletTransaction]
        case .spent: [.spend]
        case .rewardIssued, .rewardRefused: [.rewardIssue]
        case .evaluated: [.evaluation]
        case .noticed: [.deliveryReceipt]
        case .reply: []
        }
    }

    /// Reads a body and writes it again; nil for forms that are written only, or read by one service alone.
    func recoded(_ bytes: [UInt8]) throws -> [UInt8]? {
        var writer = JSONWriter()
        switch self {
        case .purchase: try Purchase.decode(bytes).encode(to: &writer)
        case .rewardRequest: try RewardRequest.decode(bytes).encode(to: &writer)
        case .openWallet: try OpenWallet.decode(bytes).encode(to: &writer)
        case .blockWallet: try BlockWallet.decode(bytes).encode(to: &writer)
        case .awardCommand: try AwardCommand.decode(bytes).encode(to: &writer)
        case .openHold: try OpenHold.decode(bytes).encode(to: &writer)
        case .endHold: try EndHold.decode(bytes).encode(to: &writer)
        case .walletTransaction: try WalletTransaction.decode(bytes).encode(to: &writer)
        case .rewardIssue: try RewardIssue.decode(bytes).encode(to: &writer)
        case .evaluation: try Evaluation.decode(bytes).encode(to: &writer)
        case .deliveryReceipt: try DeliveryReceipt.decode(bytes).encode(to: &writer)
        case .configurationSource, .configurationOffer, .configurationReward, .configurationSubscription,
            .configurationAPIKey, .configurationProgramme:
            return try ConfigurationDocument(parsing: bytes).encoded()
        case .award, .spend, .eventReference, .empty, .balanceQuery, .historyQuery: return nil
        }
        return writer.bytes
    }

    /// What a view of a transaction says; nil for forms that are none.
    func view(of transaction: WalletTransaction) -> [UInt8]? {
        var writer = JSONWriter()
        switch self {
        case .award: transaction.encodeAward(to: &writer)
        case .spend: transaction.encodeSpend(to: &writer)
        default: return nil
        }
        return writer.bytes
    }
}

/// What a codec found wrong, in the codecs' one form; other errors are passed on.
func problems(of error: any Error) throws -> [FieldProblem] {
    switch error {
    case MessageFailure.fields(let problems): return problems
    case MessageFailure.document(let error):
        return [FieldProblem(pointer: error.pointer, code: error.code.rawValue, detail: error.detail)]
    case let failure as ConfigurationFailure: return failure.problems
    default: throw error
    }
}
