// librdkafka's properties for each kind of client. Three layers: what is tuned here, what the settings pass
// through, and what the guarantees rest on; the last cannot be overridden, an attempt is a failure. Used when
// a client is made.

import CRDKafka
import EventLog

/// The properties of one client, in the order they are set.
struct ClientProperties {
    private(set) var values: [(name: String, value: String)] = []

    /// - Throws: a failure that stops the process if `passed` names one of `fixed`.
    private init(
        tuned: [(String, String)], passed: [String: String], fixed: [(String, String)]
    ) throws(LogFailure) {
        for (name, _) in fixed where passed[name] != nil {
            throw LogFailure(
                operation: "read client properties", code: "_CONFLICT",
                detail: "\(name) is fixed, exactly-once rests on it", consequence: .stop)
        }
        values = tuned + passed.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } + fixed
    }

    /// The value that counts.
    func last(_ name: String) -> String? { values.last { $0.name == name }?.value }
}

extension ClientProperties {
    /// A member of a group: range assignment (equal partition numbers stay together, and cooperative
    /// assignment is faulty in 2.0.2), static membership, offsets never stored or committed by the client
    /// itself.
    static func member(of group: String, named member: String, _ settings: KafkaSettings) throws(LogFailure)
        -> Self
    {
        try Self(
            tuned: connection(settings) + fetching(queueKibibytes: memberQueueKibibytes, settings) + [
                ("session.timeout.ms", String(settings.sessionTimeoutMilliseconds)),
                ("heartbeat.interval.ms", String(settings.sessionTimeoutMilliseconds / heartbeatsPerSession)),
                ("max.poll.interval.ms", "300000"),
            ],
            passed: passed(settings, settings.consumerProperties),
            fixed: identity(settings, "\(settings.clientID)-\(group)-\(member)") + committedReading + [
                ("group.id", group), ("group.instance.id", member),
                ("partition.assignment.strategy", "range"), ("auto.offset.reset", "error"),
            ])
    }

    /// A reader without group membership; librdkafka wants a group's name for assigning, nothing is committed
    /// to it.
    static func reader(_ use: ReaderUse, _ settings: KafkaSettings) throws(LogFailure) -> Self {
        let wait = use == .following ? [("fetch.wait.max.ms", followingWaitMilliseconds)] : []
        return try Self(
            tuned: connection(settings) + fetching(queueKibibytes: readerQueueKibibytes, settings) + wait,
            passed: passed(settings, settings.consumerProperties),
            fixed: identity(settings, "\(settings.clientID)-reader") + committedReading + [
                ("group.id", "\(settings.clientID)-reader"), ("auto.offset.reset", "error"),
            ])
    }

    /// Each answer that says "nothing new" costs the broker a third of a millisecond, and a platform has six readers
    /// that follow a quiet topic.
    private static let followingWaitMilliseconds = "500"

    /// librdkafka 2.0.2 does not look for the new leader of a partition that it only asks for its end: it would ask
    /// the old one until it forgets it, by default for a quarter of an hour.
    private static let leaderMemoryMilliseconds = "1000"

    /// Questions about topics and ends; reads uncommitted, so that an end counts open transactions.
    static func control(_ settings: KafkaSettings) throws(LogFailure) -> Self {
        try Self(
            tuned: connection(settings), passed: passed(settings, settings.consumerProperties),
            fixed: identity(settings, "\(settings.clientID)-control") + [
                ("isolation.level", "read_uncommitted"), ("metadata.max.age.ms", leaderMemoryMilliseconds),
            ])
    }

    /// A retry pause of 5 ms: back-to-back transactions meet the markers of the one before, and the default
    /// of 100 makes them ten times slower. A message gives up before its transaction does.
    static func transactional(id: String, _ settings: KafkaSettings) throws(LogFailure) -> Self {
        let timeout = settings.transactionTimeoutMilliseconds
        return try Self(
            tuned: connection(settings) + producing + [
                ("linger.ms", "0"), ("queue.buffering.max.messages", "500000"),
                ("message.timeout.ms", String(timeout / 5 * 4)), ("socket.timeout.ms", String(timeout)),
            ],
            passed: passed(settings, settings.producerProperties),
            fixed: identity(settings, "\(settings.clientID)-\(id)") + durableWriting + [
                ("enable.idempotence", "true"), ("transactional.id", id),
                ("transaction.timeout.ms", String(timeout)),
            ])
    }

    /// One of the gateway's two producers: their queues bound the memory that requests can take.
    ///
    /// Not idempotent, because that loses records: an idempotent client of 2.0.2 takes a record as written when the
    /// next one was, but a broker takes any sequence number as the first that it sees of a client. When a leader was
    /// not ready for the first request and was for the second, the first is acknowledged and nowhere. In a transaction
    /// the broker knows better. A record that is written twice instead is found by its id, as a caller's own second
    /// try is.
    static func publisher(_ settings: KafkaSettings, lingerMilliseconds: Int) throws(LogFailure) -> Self {
        try Self(
            tuned: connection(settings) + producing + [
                ("linger.ms", String(lingerMilliseconds)), ("queue.buffering.max.messages", "100000"),
                ("queue.buffering.max.kbytes", "32768"), ("message.timeout.ms", "10000"),
            ],
            passed: passed(settings, settings.producerProperties),
            fixed: identity(settings, "\(settings.clientID)-publisher") + durableWriting + [
                ("enable.idempotence", "false")
            ])
    }

    private static let heartbeatsPerSession = 4

    /// Nagle's delay is on in 2.0.2; a restarted broker is found again within a second.
    private static func connection(_ settings: KafkaSettings) -> [(String, String)] {
        [
            ("socket.nagle.disable", "true"), ("socket.keepalive.enable", "true"),
            ("reconnect.backoff.ms", "50"), ("reconnect.backoff.max.ms", "1000"),
            ("log.connection.close", "false"),
        ]
    }

    /// What waits for a worker is a large part of a service's memory: two batches are enough.
    private static let memberQueueKibibytes = 1_536
    /// A store that is restored waits for its reader. Afterwards this queue is empty.
    private static let readerQueueKibibytes = 4_096

    /// A piece is large and of few partitions, so that a batch is of few: each costs a store's commit and some
    /// requests. A record that is larger than a piece is fetched all the same; only what the settings allow to be
    /// larger than two pieces has to be named here, or the client is refused.
    private static func fetching(queueKibibytes: Int, _ settings: KafkaSettings) -> [(String, String)] {
        let largest = passed(settings, settings.consumerProperties)["message.max.bytes"].flatMap { Int($0) } ?? 0
        return [
            ("queued.max.messages.kbytes", String(queueKibibytes)), ("fetch.message.max.bytes", "1048576"),
            ("fetch.max.bytes", String(max(2_097_152, largest))), ("fetch.wait.max.ms", "50"),
            ("fetch.error.backoff.ms", "100"),
        ] + queueBackoff(version: rd_kafka_version())
    }

    /// From 2.2 on a client looks for room in a full queue again when this time is over, and not when it is woken
    /// (`wakeThreads`). With its default, a second, workers starve: 6,300 purchases/s instead of 16,600. Older versions
    /// refuse the property.
    static func queueBackoff(version: Int32) -> [(String, String)] {
        version < versionWithQueueBackoff ? [] : [("fetch.queue.backoff.ms", queueBackoffMilliseconds)]
    }

    private static let versionWithQueueBackoff: Int32 = 0x0202_00ff
    /// A worker that empties its queue of 1.5 MiB needs longer for it.
    private static let queueBackoffMilliseconds = "5"

    /// A dead letter is a record of a mebibyte with headers added, on a topic that takes two.
    private static let maximumMessageBytes = "2097152"

    private static let producing = [
        ("message.max.bytes", maximumMessageBytes),
        ("queue.buffering.max.kbytes", "262144"), ("retry.backoff.ms", "5"), ("compression.type", "none"),
    ]

    private static func identity(_ settings: KafkaSettings, _ client: String) -> [(String, String)] {
        [
            ("bootstrap.servers", settings.bootstrapServers), ("client.id", client),
            ("allow.auto.create.topics", "false"),
        ]
    }

    private static let committedReading = [
        ("isolation.level", "read_committed"), ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"), ("enable.partition.eof", "true"), ("check.crcs", "true"),
    ]

    private static let durableWriting = [
        ("acks", "all"), ("partitioner", "murmur2_random"),
    ]

    private static func passed(_ settings: KafkaSettings, _ own: [String: String]) -> [String: String] {
        settings.properties.merging(own) { _, specific in specific }
    }
}
