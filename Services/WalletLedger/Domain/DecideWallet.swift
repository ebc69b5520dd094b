// Opening, blocking and unblocking wallets. Called by the processor; the wallet's evaluator has taken the same commands
// before, in the same order.

import Messages
import Primitives

public enum DecideWallet {
    /// Opens the wallet, or gives one that was opened without a name the name that a sign-up brings.
    public static func open(
        _ snapshot: WalletSnapshot?, _ command: OpenWallet, _ envelope: CommandEnvelope
    ) -> LedgerDecision {
        guard let snapshot else {
            let wallet = Wallet(
                id: envelope.wallet, externalID: command.externalID, name: command.name, openedAt: envelope.now)
            let empty = WalletSnapshot(wallet: wallet, sequence: 0, accounts: [])
            return LedgerDecision(envelope.transaction(.walletOpened, empty), [.wallet(wallet)], from: .zero)
        }
        let transaction = envelope.transaction(.walletOpened, snapshot)
        guard let name = command.name, snapshot.wallet.name == nil else {
            return .refused(transaction, .walletExists)
        }
        var named = snapshot.wallet
        named.name = name
        return LedgerDecision(transaction, [.wallet(named)], from: transaction.balances)
    }

    public static func block(
        _ snapshot: WalletSnapshot?, _ command: BlockWallet, _ envelope: CommandEnvelope
    ) -> LedgerDecision {
        change(snapshot, to: .blocked, command, envelope.transaction(.walletBlocked, snapshot), .alreadyBlocked)
    }

    public static func unblock(
        _ snapshot: WalletSnapshot?, _ command: BlockWallet, _ envelope: CommandEnvelope
    ) -> LedgerDecision {
        change(snapshot, to: .active, command, envelope.transaction(.walletUnblocked, snapshot), .notBlocked)
    }

    private static func change(
        _ snapshot: WalletSnapshot?, to status: Wallet.Status, _ command: BlockWallet,
        _ prepared: WalletTransaction, _ repeated: Refusal
    ) -> LedgerDecision {
        var transaction = prepared
        transaction.reason = command.reason
        guard var wallet = snapshot?.wallet else { return .refused(transaction, .unknownWallet) }
        guard wallet.status != status else { return .refused(transaction, repeated) }
        wallet.status = status
        return LedgerDecision(transaction, [.wallet(wallet)], from: transaction.balances)
    }
}
