// The evaluator's tables for one partition. What decisions read is changelogged: wallets, counters, and the
// status changes that were made. `evaluated_event` holds which events the topic `evaluations` tells of, and is restored
// from there.

import StateStore

enum RuleEvaluatorSchema {
    static let schema = StoreSchema(
        versions: [decided, evaluated], changelogged: ["wallet", "offer_counter", "status_change"])

    /// Periods stand with their kind, because an offer's limit may change from one kind to another that
    /// begins at the same time. `ends_at` is null for a period that never ends.
    private static let decided = """
        CREATE TABLE wallet (
            id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
            external_id TEXT NOT NULL CHECK (external_id <> ''),
            status TEXT NOT NULL CHECK (status IN ('active', 'blocked'))
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE offer_counter (
            wallet BLOB NOT NULL CHECK (length(wallet) = 16),
            offer TEXT NOT NULL CHECK (offer <> ''),
            period TEXT NOT NULL CHECK (period = 'day' OR period = 'week' OR period = 'month' OR period = 'year'
                OR period = 'ever'),
            starts_at INTEGER NOT NULL,
            ends_at INTEGER CHECK (ends_at > starts_at),
            times INTEGER NOT NULL CHECK (times > 0),
            points INTEGER NOT NULL CHECK (points BETWEEN 1 AND 1000000000000000),
            PRIMARY KEY (wallet, offer, period, starts_at)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX offer_counter_end ON offer_counter (ends_at) WHERE ends_at IS NOT NULL;
        CREATE TABLE status_change (
            id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
            wallet BLOB NOT NULL CHECK (length(wallet) = 16),
            changed_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX status_change_time ON status_change (changed_at);
        """

    /// Every event there ever was, each at a random place: nothing but its id, so that a page holds many.
    private static let evaluated = """
        CREATE TABLE evaluated_event (
            id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16)
        ) STRICT, WITHOUT ROWID;
        """
}
