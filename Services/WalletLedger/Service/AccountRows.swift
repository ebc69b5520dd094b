// Wallets, their accounts, and the programme's accounts of this partition. The rows that every command reads and nearly
// every one writes: one select, and changed balances wait to be written in the order of their wallets.

import Messages
import Primitives
import StateStore
import WalletLedgerDomain

final class AccountRows {
    private var selectSnapshot: Statement
    private var upsertWallet: Statement
    private var insertAccount: Statement
    private var noteAccount: RowNoter
    private let changed: GatheredRows<ChangedAccount>
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
        insertAccount = try connection.prepare(
            """
            INSERT INTO account (wallet_id, asset, settled, held, pending, sequence) VALUES (?, ?, ?, ?, ?, ?)
            """)
        noteAccount = try store.rowNoter("account", isNew: false)
        changed = try store.gatherRows(
            ChangedAccount.self,
            """
            UPDATE account SET settled = ?3, held = ?4, pending = ?5, sequence = ?6
            WHERE wallet_id = ?1 AND asset = ?2
            """
        ) { row throws(StoreFailure) in
            throw StoreFailure(
                operation: "update an account", detail: "wallet \(row.sought.wallet) has none in \(row.sought.asset)",
                consequence: .rebuild)
        }
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
            let asset = AssetCode(selectSnapshot.text(4))
            let waiting = changed.newestWaiting(AccountPlace(wallet: id, asset: asset))
            accounts.append(WalletSnapshot.Account(asset: asset, balances: waiting?.balances ?? balances))
            sequence = max(sequence, waiting?.sequence ?? selectSnapshot.integer(8))
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
    /// - Throws: `.rejectRecord` for balances that the schema refuses, which sees them when it is too late.
    func save(
        _ wallet: WalletID, _ asset: AssetCode, _ balances: Balances, _ sequence: Int64, isNew: Bool
    ) throws(StoreFailure) {
        let account = ChangedAccount(
            sought: AccountPlace(wallet: wallet, asset: asset), balances: balances, sequence: sequence)
        guard !isNew else {
            account.bind(to: &insertAccount)
            return try insertAccount.run()
        }
        guard balances.areKept else {
            throw StoreFailure(
                operation: "update an account", detail: "\(balances)", consequence: .rejectRecord)
        }
        noteAccount.add(wallet)
        noteAccount.add(asset.text)
        noteAccount.add(balances.settled.units)
        noteAccount.add(balances.held.units)
        noteAccount.add(balances.pending.units)
        noteAccount.add(sequence)
        try noteAccount.note()
        try changed.add(account)
    }

    private struct AccountPlace: Hashable {
        let wallet: WalletID
        let asset: AssetCode
    }

    private struct ChangedAccount: GatheredRow {
        let sought: AccountPlace
        let balances: Balances
        let sequence: Int64

        var place: RowPlace { RowPlace(sought.wallet.value, sequence) }

        func bind(to statement: inout Statement) {
            statement.bind(sought.wallet)
            statement.bind(sought.asset.text)
            statement.bind(balances.settled.units)
            statement.bind(balances.held.units)
            statement.bind(balances.pending.units)
            statement.bind(sequence)
        }
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

extension Balances {
    /// What the schema asks of them.
    fileprivate var areKept: Bool {
        settled >= held && held >= .zero && pending >= .zero && settled + pending <= .maximum
    }
}
