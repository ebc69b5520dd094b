// A wallet as the ledger knows it, and what a decision sees of it: its balances in each asset and where its history stands.
// Loaded by the store for one command, moved on past each decision, never written to by a decision itself.

import Messages
import Primitives

/// A customer's account with the programme.
public struct Wallet: Sendable, Equatable {
    /// A blocked wallet neither earns nor spends; what was held before may still be ended.
    public enum Status: String, Sendable, CaseIterable { case active, blocked }

    public var id: WalletID
    public var externalID: String
    /// For people; nil until a sign-up brings one.
    public var name: String?
    public var status: Status
    public var openedAt: Timestamp

    public init(id: WalletID, externalID: String, name: String?, status: Status = .active, openedAt: Timestamp) {
        self.id = id
        self.externalID = externalID
        self.name = name
        self.status = status
        self.openedAt = openedAt
    }
}

/// A wallet, its balances, and the number of its last transaction.
public struct WalletSnapshot: Sendable, Equatable {
    public struct Account: Sendable, Equatable {
        public var asset: AssetCode
        public var balances: Balances

        public init(asset: AssetCode, balances: Balances) {
            self.asset = asset
            self.balances = balances
        }
    }

    public private(set) var wallet: Wallet
    /// Of the last transaction; 0 if the wallet has none yet.
    public private(set) var sequence: Int64
    public private(set) var accounts: [Account]

    public init(wallet: Wallet, sequence: Int64, accounts: [Account]) {
        self.wallet = wallet
        self.sequence = sequence
        self.accounts = accounts
    }

    /// Zero for an asset that the wallet never had.
    public func balances(of asset: AssetCode) -> Balances {
        accounts.first { $0.asset == asset }?.balances ?? .zero
    }

    /// The wallet after a decision; nil as before if the decision was about a wallet that does not exist.
    public static func after(_ decision: LedgerDecision, from before: WalletSnapshot?) -> WalletSnapshot? {
        let transaction = decision.transaction
        guard let sequence = transaction.sequence else { return before }
        var wallet = before?.wallet
        for case .wallet(let changed) in decision.changes { wallet = changed }
        guard let wallet else { return nil }
        var after = before ?? WalletSnapshot(wallet: wallet, sequence: 0, accounts: [])
        after.wallet = wallet
        after.sequence = sequence
        if let index = after.accounts.firstIndex(where: { $0.asset == transaction.asset }) {
            after.accounts[index].balances = transaction.balances
        } else if transaction.refusal == nil {
            after.accounts.append(Account(asset: transaction.asset, balances: transaction.balances))
        }
        return after
    }
}
