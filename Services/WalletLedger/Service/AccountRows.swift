// Wallets, their accounts, and the programme's accounts of this partition. The rows that every command reads
// and nearly every one writes: one select, one upsert.

import Messages
import Primitives
import StateStore
import WalletLedgerDomain

final class AccountRows {
    private var selectSnapshot: Statement
    private var upsertWallet: Statement
    private var insertAccount: RowWriter
    private var updateAccount: RowWriter
    private var updateSequence: Statement
    private var addToProgramme: Statement
    private var selectProgramme: Statement

    init(_ store: StateStore) throws(StoreFailure) {
        let connection = store.connection
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
        insertAccount = try store.rowWriter(.insert, "account")
        updateAccount = try store.rowWriter(.update, "account")
        updateSequence = try connection.prepare(
            "UPDATE account SET sequence = ? WHERE wallet_id = ? AND asset = ?")
        addToProgramme = try connection.prepare(
            """
            INSERT INTO programme_account (asset, account, balance) VALUES (?, ?, ?)
            ON CONFLICT (asset, account) DO UPDATE SET balance = balance + excluded.balance
            """)
        selectProgramme = try connection.prepare(
            "SELECT balance FROM programme_account WHERE asset = ? AND account = ?")
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

    /// - Parameter isNew: whether the wallet had no account in this asset.
    func save(
        _ wallet: WalletID, _ asset: AssetCode, _ balances: Balances, _ sequence: Int64, isNew: Bool
    ) throws(StoreFailure) {
        if isNew {
            Self.add(wallet, asset, balances, sequence, to: &insertAccount)
            try insertAccount.put()
        } else {
            Self.add(wallet, asset, balances, sequence, to: &updateAccount)
            try updateAccount.put()
        }
    }

    private static func add(
        _ wallet: WalletID, _ asset: AssetCode, _ balances: Balances, _ sequence: Int64, to row: inout RowWriter
    ) {
        row.add(wallet)
        row.add(asset.text)
        row.add(balances.settled.units)
        row.add(balances.held.units)
        row.add(balances.pending.units)
        row.add(sequence)
    }

    /// Notes a transaction that changed no balance. It goes to the account that every wallet has from its
    /// opening, so that a refusal in a made-up asset leaves no account behind.
    func saveSequence(_ wallet: WalletID, _ sequence: Int64) throws(StoreFailure) {
        updateSequence.bind(sequence)
        updateSequence.bind(wallet)
        updateSequence.bind(AssetCode.points.text)
        try updateSequence.run()
    }

    /// The balance of one of the programme's accounts.
    func balance(
        of account: WalletTransaction.Account, _ asset: AssetCode
    ) throws(StoreFailure) -> Points {
        selectProgramme.bind(asset.text)
        selectProgramme.bind(account.rawValue)
        defer { selectProgramme.reset() }
        return try selectProgramme.next() ? Points(selectProgramme.integer(0)) : .zero
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
