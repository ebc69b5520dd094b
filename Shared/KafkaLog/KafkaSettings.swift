// What an operator may choose about the connection to Kafka. Read by every client of this module when it is
// made; the properties that exactly-once rests on are not here and cannot be overridden
// (ClientProperties.swift).

/// A line that librdkafka would print: an operator's hint, never a control signal.
public struct KafkaLogLine: Sendable {
    /// As in syslog: 3 is an error, 4 a warning, 6 information, 7 debugging.
    public let level: Int
    /// Client and kind of event, for example `wallet-ledger-0 FAIL`.
    public let facility: String
    public let text: String
}

/// How to reach Kafka and how the clients present themselves.
public struct KafkaSettings: Sendable {
    /// `host:port`, separated by commas.
    public var bootstrapServers: String
    /// Names the process in the broker's logs and quotas.
    public var clientID: String
    /// After how long a silent member counts as dead; its partitions wait that long for it.
    public var sessionTimeoutMilliseconds = 10_000
    /// Bounds how long a crash blocks successors and readers, and how long a commit may take.
    public var transactionTimeoutMilliseconds = 10_000
    /// Any property of librdkafka, for all clients: security, sizes, debugging.
    public var properties: [String: String] = [:]
    /// The same for consumers and readers alone.
    public var consumerProperties: [String: String] = [:]
    /// The same for producers alone.
    public var producerProperties: [String: String] = [:]
    /// Called from librdkafka's threads; must not block.
    public var log: @Sendable (KafkaLogLine) -> Void

    public init(
        bootstrapServers: String, clientID: String, log: @escaping @Sendable (KafkaLogLine) -> Void
    ) {
        self.bootstrapServers = bootstrapServers
        self.clientID = clientID
        self.log = log
    }
}
