// What a batch moves on the programme's accounts, summed up, so that a row which nearly every record changes is written
// once a batch. Held by LedgerStore, which counts them in when it tells what may still be issued.

import Messages
import Primitives

/// Points by account and asset: seldom more than one of each.
struct ProgrammeMoves {
    struct Sum {
        let account: WalletTransaction.Account
        let asset: AssetCode
        var points: Points
    }

    private(set) var sums: [Sum] = []

    /// Adds the programme's side of a transaction's transfers.
    mutating func add(_ transaction: WalletTransaction) {
        for transfer in transaction.transfers {
            let isCredit = transfer.credit == .wallet
            add(
                isCredit ? -transfer.points : transfer.points, to: isCredit ? transfer.debit : transfer.credit,
                transaction.asset)
        }
    }

    func points(on account: WalletTransaction.Account, _ asset: AssetCode) -> Points {
        sums.first { $0.account == account && $0.asset == asset }?.points ?? .zero
    }

    /// Sums fit, because no partition issues more than ``Points/maximumIssued``, and no more is redeemed or expires.
    private mutating func add(_ points: Points, to account: WalletTransaction.Account, _ asset: AssetCode) {
        if let index = sums.firstIndex(where: { $0.account == account && $0.asset == asset }) {
            sums[index].points += points
        } else {
            sums.append(Sum(account: account, asset: asset, points: points))
        }
    }
}
