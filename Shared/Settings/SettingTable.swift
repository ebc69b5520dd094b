// The table of all settings of all processes. One environment may serve the five services and the operator's
// command, so a process knows the names of the others' settings too. Read by SettingsReader and the help
// text; never per process.

extension Setting {
    /// An address list or a path; longer ones are mistakes.
    private static let longText = Bounds.text(maximumBytes: 4_096)
    private static let gateway = Users.process("ingress-gateway")

    // MARK: Every process

    public static let brokers = Setting(
        "BROKERS", unit: "host:port,...", fallback: nil, bounds: longText, usedBy: .everyProcess,
        purpose: "Kafka brokers to ask for the rest of the cluster.")
    public static let topicPrefix = Setting(
        "PREFIX", unit: "text", fallback: "pointstream", bounds: .name(maximumBytes: 64),
        usedBy: .everyProcess,
        purpose: "First part of every topic, group and transactional id.")
    public static let partitions = Setting(
        "PARTITIONS", unit: "partitions", fallback: "8", bounds: .integer(1...256), usedBy: .everyProcess,
        purpose:
            "Partitions of every topic but config, fixed at creation. A service refuses to start on others. "
            + "Each is one store file and one unit that moves.")
    public static let logLevel = Setting(
        "LOG_LEVEL", unit: "level", fallback: "info", bounds: .choice(["debug", "info", "warning", "error"]),
        usedBy: .everyProcess, purpose: "The mildest level that is written.")

    // MARK: The operator's command

    public static let replication = Setting(
        "REPLICATION", unit: "replicas", fallback: "1", bounds: .integer(1...9),
        usedBy: .process(operatorCommand),
        purpose: "Replicas of each topic that is created; 3 where anything is to be trusted to it.")

    // MARK: The five services

    public static let dataFolder = Setting(
        "DATA", unit: "folder", fallback: "./data/<process>", bounds: longText,
        purpose: "Store files and the files that name the chosen ports. A cache: deleting it loses nothing.")
    public static let workers = Setting(
        "WORKERS", unit: "threads", fallback: "2", ownFallbacks: ["ingress-gateway": "1", "rule-evaluator": "1"],
        bounds: .integer(1...16),
        purpose:
            "Workers, each with a consumer, a producer and its partitions' stores. While one waits for the end of its "
            + "transaction another works; each has transactions of its own, which cost a processor and the broker "
            + "more than most records do. One of the gateway's or the evaluator's does more than two of the "
            + "ledger's. More than partitions or cores do nothing.")
    public static let operatorPort = Setting(
        "OPERATOR_PORT", unit: "port", fallback: "0", bounds: .integer(0...65_535),
        purpose: "Health and metrics. 0 takes a free port; the one taken is written to <DATA>/operator.port.")
    public static let batchRecords = Setting(
        "BATCH_RECORDS", unit: "records", fallback: "2000", bounds: .integer(1...50_000),
        purpose:
            "A batch, which is one transaction, ends at so many records; they must fit the client's queue."
    )
    public static let batchBytes = Setting(
        "BATCH_BYTES", unit: "bytes", fallback: "2097152", bounds: .integer(1_024...67_108_864),
        purpose:
            "A batch ends at so many bytes; each worker holds a few batches in memory. With more than 2 MiB, raise "
            + "POINTSTREAM_KAFKA__QUEUED_MAX_MESSAGES_KBYTES (1536), too: no more waits for a worker.")
    public static let batchLinger = Setting(
        "BATCH_LINGER_MS", unit: "milliseconds", fallback: "2", bounds: .integer(0...1_000),
        purpose:
            "A batch ends so long after its first record. Longer costs latency, shorter costs transactions.")
    public static let batchInterval = Setting(
        "BATCH_INTERVAL_MS", unit: "milliseconds", fallback: "50", bounds: .integer(0...100),
        purpose:
            "While 1,000 records a second come to a worker, a batch that has room ends no sooner than so long after the"
            + " one before; a part of that from 250 on. By the pace times the workers of the process: up to 3,000 (and"
            + " less and less up to 4,500) half as much again as the one before took is enough, if that is sooner; from"
            + " 6,000 to 7,500 it grows to twice the interval, and 100 ms at most. Where the newest record's caller"
            + " waits for its outcome there is no wait from 4,500 on, and nowhere while the worker has something due.")
    public static let sessionTimeout = Setting(
        "SESSION_TIMEOUT_MS", unit: "milliseconds", fallback: "10000", bounds: .integer(1_000...300_000),
        purpose: "A worker not heard of for so long loses its partitions. Brokers refuse less than "
            + "their own minimum, 6 s by default.")
    public static let transactionTimeout = Setting(
        "TRANSACTION_TIMEOUT_MS", unit: "milliseconds", fallback: "10000", bounds: .integer(1_000...900_000),
        purpose:
            "The broker aborts a transaction open so long; readers wait for it until then. Brokers refuse "
            + "more than 15 min.")

    public static let resumeAt = Setting(
        "RESUME_AT", unit: "topic[partition]@offset,...", fallback: "none", bounds: longText,
        purpose:
            "Where to go on in inputs whose position is missing or out of range, once it is known what was lost: "
            + "see the runbook in README. Says nothing to partitions whose position is good.")

    // MARK: The gateway

    public static let httpPort = Setting(
        "HTTP_PORT", unit: "port", fallback: "0", bounds: .integer(0...65_535), usedBy: gateway,
        purpose: "The public API. 0 takes a free port; the one taken is written to <DATA>/http.port.")
    public static let httpThreads = Setting(
        "HTTP_THREADS", unit: "threads", fallback: "2", bounds: .integer(1...64), usedBy: gateway,
        purpose: "Threads that read requests and write answers; waiting requests hold none.")
    public static let waitMaximum = Setting(
        "WAIT_MAXIMUM_SECONDS", unit: "seconds", fallback: "30", bounds: .integer(1...120), usedBy: gateway,
        purpose: "Longest wait that 'Prefer: wait=' may ask for; more is cut to it. Proxies cut longer ones.")
    public static let maximumWaits = Setting(
        "MAXIMUM_WAITS", unit: "requests", fallback: "10000", bounds: .integer(1...100_000), usedBy: gateway,
        purpose:
            "Requests that wait for an outcome at once; further ones are answered 202 at once. Each holds a "
            + "connection and its memory.")

    /// All settings, in the order of the help text.
    public static let all: [Setting] = [
        brokers, topicPrefix, partitions, logLevel, replication, dataFolder, workers, operatorPort,
        batchRecords,
        batchBytes, batchLinger, batchInterval, sessionTimeout, transactionTimeout, resumeAt, httpPort, httpThreads,
        waitMaximum, maximumWaits,
    ]
}
