"""What the services call things: topics, message types, metrics, fields of the API. The one place of the
commands where such names stand; every other piece takes them from here."""

SERVICES = ("ingress-gateway", "rule-evaluator", "wallet-ledger", "rewards-issuer", "notifier")

# Topics, between prefix and version.
INGRESS = "ingress"
CUSTOMER_EVENTS = "customer-events"
TRANSACTIONS = "wallet-transactions"
AWARDS = "awards"
SPENDS = "spends"
REWARDS = "rewards-issued"
COMMANDS = "wallet-commands"
CONFIG = "config"


def dead_letters(service: str) -> str:
    return f"{service}-dead-letters"


def changelog(service: str) -> str:
    return f"{service}-changelog"


# Headers of records.
HEADER_KEY = "idempotency-key"
HEADER_ID = "ce_id"
HEADER_TYPE = "ce_type"

# Rows of the ledger's stores on its changelog: the key is [table, ...primary key], the value all columns.
LEDGER = "wallet-ledger"
WALLET_ACCOUNT = "account"  # wallet, asset, settled, ...
PROGRAMME_ACCOUNT = "programme_account"  # asset, account, balance; each partition has its own
BALANCE_COLUMN = 2  # of both

# Metrics, each with the label service.
RECORDS_PROCESSED = "pointstream_records_total"
RECORDS_WRITTEN = "pointstream_records_written_total"
BATCHES = "pointstream_batches_total"
BATCH_RECORDS = "pointstream_batch_records"
BATCH_SECONDS = "pointstream_batch_duration_seconds_sum"
TRANSACTION_ABORTS = "pointstream_transaction_aborts_total"
RUNNING_PARTITIONS = "pointstream_running_partitions"
WORKER_FAILURES = "pointstream_worker_failures_total"  # with the label code
DISK_FULL = "sqlite-13"
STORE_WIPES = "pointstream_store_wipes_total"
# Of the gateway, with the label outcome.
INTAKE = "pointstream_intake_total"
INTAKE_ACCEPTED = "first"
INTAKE_REPEAT = "repeat"

# Outcomes and types.
PURCHASE = "purchase"
APPLIED = "applied"
OPENED = "wallet.opened"
AWARDED_NOTHING = "nothing"
NOTICE_AWARDED = "points.awarded"
NOTICE_NOT_AWARDED = "points.not-awarded"
NOTICE_SPENT = "points.spent"
REWARD_ISSUED = "reward.issued"
REWARD_REFUSED = "reward.refused"
SHORT_BALANCE = "insufficient-balance"
UNKNOWN_WALLET = "unknown-wallet"

# What the configuration in compose/config says.
SOURCE = "cdnow"
REWARD = "cd-voucher"
REWARD_POINTS = 100
REDEMPTIONS = 50
# Customers of the purchases that latency is measured with; no customer of the data is called so.
PROBE = "probe-"
