// The tables of the notifier's store. All are changelogged: a store that is lost owes the same deliveries
// after it was restored. Read by NotifierTopology.

import StateStore

/// `delivery`: what is owed to subscribers, one row for each notice and subscription, in the order in which
/// each subscription gets them. A row never changes: it is written with the batch that read the outcome, and
/// deleted when the delivery has ended. Failed attempts have a table of their own, so that one more of them
/// does not write the data again.
///
/// `wallet_mark` and `seen_notice`: which outcomes were turned into notices before. One number per wallet and
/// series keeps this as small as the number of wallets; outcomes without a number are remembered by id for
/// ``NoticeMemory/days`` days.
let notifierSchema = StoreSchema(
    versions: [
        """
        CREATE TABLE delivery (
            subscription TEXT NOT NULL CHECK (length(subscription) > 0),
            position INTEGER NOT NULL CHECK (position > 0),
            notice BLOB NOT NULL CHECK (length(notice) = 16),
            wallet BLOB NOT NULL CHECK (length(wallet) = 16),
            type TEXT NOT NULL CHECK (type IN (
                'points.awarded', 'points.not-awarded', 'points.spent', 'reward.issued', 'reward.refused')),
            occurred_at_ms INTEGER NOT NULL,
            data TEXT NOT NULL,
            PRIMARY KEY (subscription, position)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE failed_attempt (
            subscription TEXT NOT NULL,
            position INTEGER NOT NULL,
            attempts INTEGER NOT NULL CHECK (attempts > 0),
            next_attempt_at_ms INTEGER NOT NULL,
            http_status INTEGER CHECK (http_status BETWEEN 100 AND 599),
            PRIMARY KEY (subscription, position)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE wallet_mark (
            wallet BLOB PRIMARY KEY NOT NULL CHECK (length(wallet) = 16),
            award_sequence INTEGER NOT NULL CHECK (award_sequence >= 0),
            spend_sequence INTEGER NOT NULL CHECK (spend_sequence >= 0)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE seen_notice (
            day INTEGER NOT NULL,
            notice BLOB NOT NULL CHECK (length(notice) = 16),
            PRIMARY KEY (day, notice)
        ) STRICT, WITHOUT ROWID;
        """
    ],
    changelogged: ["delivery", "failed_attempt", "wallet_mark", "seen_notice"])
