// The tables of the rewards issuer, as numbered steps. Read by the runtime when it opens a store.

import StateStore

let rewardsIssuerSchema = StoreSchema(
    versions: [
        """
        -- Sagas under way; a row lives from the request to the decision.
        CREATE TABLE open_issuance (
            id             BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
            wallet         BLOB    NOT NULL CHECK (length(wallet) = 16),
            external_id    TEXT    NOT NULL CHECK (external_id <> ''),
            reward         TEXT    NOT NULL CHECK (reward <> ''),
            reward_version INTEGER NOT NULL CHECK (reward_version >= 0),
            payment_mode   TEXT    NOT NULL CHECK (payment_mode <> ''),
            points         INTEGER NOT NULL CHECK (points > 0),
            state          TEXT    NOT NULL CHECK (state IN ('holding', 'committing')),
            requested_at   INTEGER NOT NULL,
            -- Who waits: 13 bytes each, see WaiterBytes.
            waiters        BLOB    NOT NULL CHECK (length(waiters) % 13 = 0),
            traceparent    TEXT
        ) STRICT, WITHOUT ROWID;

        -- What was decided within RequestWindow; restored from rewards-issued, so not on the changelog.
        CREATE TABLE decided_issuance (
            id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
            wallet     BLOB    NOT NULL CHECK (length(wallet) = 16),
            status     TEXT    NOT NULL CHECK (status IN ('issued', 'refused')),
            decided_at INTEGER NOT NULL,
            -- The published record's value, byte for byte.
            body       BLOB    NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX decided_issuance_by_time ON decided_issuance (decided_at);
        """
    ],
    changelogged: ["open_issuance"])
