// Wallets, their accounts, and the programme's accounts of this partition. The rows that every command reads
// and nearly every one writes: one select, one upsert.

import Messages
import Primitives
import StateStore
import WalletLedgerDomain

final class AccountRows {
    private var selectSnapshot: Statement
    private var upsertWallet: Statement
    private var upsertAccount: Statement
    private var updateSequence: Statement
    private var addToProgramme: Statement

    init(_ connection: Connection) throws(StoreFailure) {
        selectSnapshot = try connection.prepare(
            """
            SELECT w.external_id, w.name, w.status, w.opened_at,
                a.asset, a.settled, a.held, a.pending, a.sequence
            FROM wallet w JOIN account a ON a.wallet_id = w.wallet_id WHERE w.wallet_id = ?
            """)
        upsertWallet = try connection.prepare(
            """
            INSERT INTO wallet (wallet_id, external_id, name, status, opened_at) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (wallet_id) DO UPDATE SET name = excluded.name, status = excluded.status
            """)
        upsertAccount = try connection.prepare(
            """
            INSERT INTO account (wallet_id, asset, settled, held, pending, sequence) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (wallet_id, asset) DO UPDATE SET settled = excluded.settled, held = excluded.held,
                pending = excluded.pending, sequence = excluded.sequence
            """)
        updateSequence = try connection.prepare(
            "UPDATE account SET sequence = ? WHERE wallet_id = ? AND asset = ?")
        addToProgramme = try connection.prepare(
            """
            INSERT INTO programme_account (asset, account, balance) VALUES (?, ?, ?)
            ON CONFLICT (asset, account) DO UPDATE SET balance = balance + excluded.balance
            """)
    }

    /// The wallet with its balances; nil if there is none.
    func snapshot(of id: WalletID) throws(StoreFailure) -> WalletSnapshot? {
        selectSnapshot.bind(id)
        defer { selectSnapshot.reset() }
        var wallet: Wallet?
        var sequence: Int64 = 0
        var accounts: [WalletSnapshot.Account] = []
        while try selectSnapshot.next() {
            wallet =
                wallet
                ?? Wallet(
                    id: id, externalID: selectSnapshot.text(0), name: selectSnapshot.textOrNil(1),
                    status: Wallet.Status(rawValue: selectSnapshot.text(2)) ?? .blocked,
                    openedAt: Timestamp(milliseconds: selectSnapshot.integer(3)))
            let balances = Balances(
                settled: Points(selectSnapshot.integer(5)), held: Points(selectSnapshot.integer(6)),
                pending: Points(selectSnapshot.integer(7)))
            accounts.append(
                WalletSnapshot.Account(asset: AssetCode(selectSnapshot.text(4)), balances: balances))
            sequence = max(sequence, selectSnapshot.integer(8))
        }
        return wallet.map { WalletSnapshot(wallet: $0, sequence: sequence, accounts: accounts) }
    }

    func save(_ wallet: Wallet) throws(StoreFailure) {
        upsertWallet.bind(wallet.id)
        upsertWallet.bind(wallet.externalID)
        upsertWallet.bind(wallet.name)
        upsertWallet.bind(wallet.status.rawValue)
        upsertWallet.bind(wallet.openedAt.milliseconds)
        try upsertWallet.run()
    }

    func save(
        _ wallet: WalletID, _ asset: AssetCode, _ balances: Balances, _ sequence: Int64
    ) throws(StoreFailure) {
        upsertAccount.bind(wallet)
        upsertAccount.bind(asset.text)
        upsertAccount.bind(balances.settled.units)
        upsertAccount.bind(balances.held.units)
        upsertAccount.bind(balances.pending.units)
        upsertAccount.bind(sequence)
        try upsertAccount.run()
    }

    /// Notes a transaction that changed no balance. It goes to the account that every wallet has from its
    /// opening, so that a refusal in a made-up asset leaves no account behind.
    func saveSequence(_ wallet: WalletID, _ sequence: Int64) throws(StoreFailure) {
        updateSequence.bind(sequence)
        updateSequence.bind(wallet)
        updateSequence.bind(AssetCode.points.text)
        try updateSequence.run()
    }

    /// Adds to one of the programme's accounts.
    func move(
        _ points: Points, _ account: WalletTransaction.Account, _ asset: AssetCode
    ) throws(StoreFailure) {
        addToProgramme.bind(asset.text)
        addToProgramme.bind(account.rawValue)
        addToProgramme.bind(points.units)
        try addToProgramme.run()
    }
}

extension WalletTransaction {
    /// The programme's side of the transfers, one sum for each account: several offers that fire together issue
    /// their points at once.
    var programmeMoves: [(account: Account, points: Points)] {
        var moves: [(account: Account, points: Points)] = []
        for transfer in transfers {
            let isCredit = transfer.credit == .wallet
            let account = isCredit ? transfer.debit : transfer.credit
            let points = isCredit ? -transfer.points : transfer.points
            if let index = moves.firstIndex(where: { $0.account == account }) {
                moves[index].points += points
            } else {
                moves.append((account, points))
            }
        }
        return moves
    }
}
