// The ledger's tables. What decisions read goes to the changelog; wallet_transaction, with its transfers in its body,
// transaction_number, wallet_history and refused_transaction are restored from the topic that they were published on.
// A transfer's id is made from its transaction's, so that no transfer can come twice where no transaction does. Points
// are the asset's smallest units, times milliseconds since 1970, ids 16 bytes. A sequence is kept with the account that
// its transaction was about: the wallet's is the highest.

import Messages
import Primitives
import StateStore

extension StoreSchema {
    static let walletLedger = StoreSchema(
        versions: [accounts, lots + holds, history, transactionNumbers],
        changelogged: ["wallet", "account", "programme_account", "lot", "hold", "hold_lot"])

    /// Stands for "never" where an expiry is part of a key.
    static let never = Int64.max
    /// The lots that time can end. The same words in the index and in the queries, or SQLite does not use it.
    static let endableLot = "expires_at < \(never) AND remaining > reserved"

    private static let maximum = Points.maximum.units

    private static let accounts = """
        CREATE TABLE wallet (
            wallet_id BLOB PRIMARY KEY NOT NULL CHECK (length(wallet_id) = 16),
            external_id TEXT NOT NULL,
            name TEXT,
            status TEXT NOT NULL CHECK (status IN ('active', 'blocked')),
            opened_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE account (
            wallet_id BLOB NOT NULL,
            asset TEXT NOT NULL,
            settled INTEGER NOT NULL CHECK (settled >= 0),
            held INTEGER NOT NULL CHECK (held BETWEEN 0 AND settled),
            pending INTEGER NOT NULL CHECK (pending >= 0),
            sequence INTEGER NOT NULL CHECK (sequence >= 1),
            PRIMARY KEY (wallet_id, asset),
            CHECK (settled + pending <= \(maximum))
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE programme_account (
            asset TEXT NOT NULL,
            account TEXT NOT NULL CHECK (account = 'issued' OR account = 'redeemed' OR account = 'expired'),
            balance INTEGER NOT NULL,
            PRIMARY KEY (asset, account),
            CHECK (CASE account WHEN 'issued' THEN balance <= 0 ELSE balance >= 0 END)
        ) STRICT, WITHOUT ROWID;
        """

    /// Clustered in the order of spending, so that a spend reads no more lots than it takes from.
    private static let lots = """
        CREATE TABLE lot (
            wallet_id BLOB NOT NULL,
            asset TEXT NOT NULL,
            expires_at INTEGER NOT NULL,
            awarded_at INTEGER NOT NULL,
            lot_id BLOB NOT NULL CHECK (length(lot_id) = 16),
            remaining INTEGER NOT NULL CHECK (remaining BETWEEN 1 AND \(maximum)),
            reserved INTEGER NOT NULL CHECK (reserved BETWEEN 0 AND remaining),
            PRIMARY KEY (wallet_id, asset, expires_at, awarded_at, lot_id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX lot_due ON lot (expires_at) WHERE \(endableLot);
        """

    private static let holds = """
        CREATE TABLE hold (
            hold_id BLOB PRIMARY KEY NOT NULL CHECK (length(hold_id) = 16),
            wallet_id BLOB NOT NULL,
            direction TEXT NOT NULL CHECK (direction IN ('debit', 'credit')),
            asset TEXT NOT NULL,
            points INTEGER NOT NULL CHECK (points BETWEEN 1 AND \(maximum)),
            committed INTEGER NOT NULL CHECK (committed BETWEEN 0 AND points),
            state TEXT NOT NULL CHECK (state = 'open' OR state = 'committed' OR state = 'voided' OR state = 'expired'),
            purpose TEXT NOT NULL,
            expires_at INTEGER NOT NULL,
            ended_at INTEGER,
            offer TEXT,
            offer_version INTEGER,
            lot_expires_at INTEGER,
            CHECK ((state = 'committed') = (committed = points)),
            CHECK ((state = 'open') = (ended_at IS NULL))
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX hold_due ON hold (expires_at) WHERE state = 'open';
        CREATE INDEX hold_due_of_wallet ON hold (wallet_id, expires_at) WHERE state = 'open';
        CREATE INDEX hold_ended ON hold (ended_at) WHERE state <> 'open';
        CREATE TRIGGER hold_moves BEFORE UPDATE ON hold
            WHEN old.state <> 'open' OR new.committed < old.committed
            BEGIN SELECT RAISE(ABORT, 'not a legal move of a hold'); END;
        CREATE TABLE hold_lot (
            hold_id BLOB NOT NULL,
            expires_at INTEGER NOT NULL,
            awarded_at INTEGER NOT NULL,
            lot_id BLOB NOT NULL,
            points INTEGER NOT NULL CHECK (points BETWEEN 1 AND \(maximum)),
            PRIMARY KEY (hold_id, expires_at, awarded_at, lot_id)
        ) STRICT, WITHOUT ROWID;
        """

    /// So many transactions of a wallet stand in one row of its history. Another value is another version.
    static let historyBlock: Int64 = 32

    /// Bodies are appended in the order of writing. Which of them are a wallet's is noted by the block: an index over
    /// wallet and sequence has a row at a random place for each, and took the ledger a sixth of its time.
    private static let history = """
        CREATE TABLE wallet_transaction (
            number INTEGER PRIMARY KEY,
            wallet_id BLOB NOT NULL,
            sequence INTEGER NOT NULL CHECK (sequence >= 1),
            transaction_id BLOB NOT NULL CHECK (length(transaction_id) = 16),
            body TEXT NOT NULL
        ) STRICT;
        CREATE TABLE wallet_history (
            wallet_id BLOB NOT NULL,
            block INTEGER NOT NULL,
            newest INTEGER NOT NULL,
            numbers TEXT NOT NULL,
            PRIMARY KEY (wallet_id, block)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE refused_transaction (
            transaction_id BLOB PRIMARY KEY NOT NULL CHECK (length(transaction_id) = 16),
            body TEXT NOT NULL
        ) STRICT;
        """

    /// Not an index of wallet_transaction, so that many rows can be written in the order of their ids, which are in no
    /// order of time.
    private static let transactionNumbers = """
        CREATE TABLE transaction_number (
            transaction_id BLOB PRIMARY KEY NOT NULL,
            number INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """
}
