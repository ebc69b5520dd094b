// The gateway's tables. Read by StateStore when a partition's file is opened; the changelog carries all of them.

import StateStore

extension StoreSchema {
    static let ingressGateway = StoreSchema(
        versions: [
            """
            -- One row for each key in use. `bucket` is the day (since 1970) on which the row can go: rows of a bucket lie
            -- together and leave together, and the newest are written side by side.
            CREATE TABLE idempotency_key (
                bucket INTEGER NOT NULL,
                event_id BLOB NOT NULL CHECK (length(event_id) = 16),
                fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 16),
                wallet_id BLOB NOT NULL CHECK (length(wallet_id) = 16),
                type TEXT NOT NULL CHECK (type IN ('purchase', 'reward.request')),
                expires_at INTEGER NOT NULL CHECK (expires_at <= bucket * 86400000),
                PRIMARY KEY (bucket, event_id)
            ) STRICT, WITHOUT ROWID;
            """
        ],
        changelogged: ["idempotency_key"])
}
