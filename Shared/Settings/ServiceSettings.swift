// The settings as typed values: those that every service has, and those of the gateway. Made by Main from
// checked values; handed to what needs them. Never read from the environment a second time.

/// What each of the five services is told when it starts.
public struct ServiceSettings: Sendable, Equatable {
    public let brokers: String
    public let topicPrefix: String
    /// Store files and port files.
    public let dataFolder: String
    /// Of every topic but `config`.
    public let partitions: Int
    public let workers: Int
    /// 0 for any that is free.
    public let operatorPort: Int
    public let batchRecords: Int
    public let batchBytes: Int
    public let batchLingerMilliseconds: Int
    public let batchIntervalMilliseconds: Int
    public let sessionTimeoutMilliseconds: Int
    public let transactionTimeoutMilliseconds: Int
    public let logLevel: String
    /// Topic by name, partition and offset.
    public let resumeAt: [ResumePoint]
    /// For every Kafka client, by librdkafka's names.
    public let clientProperties: [String: String]

    /// - Precondition: the values were resolved for one of the five services.
    public init(_ values: SettingValues) throws(SettingsFailure) {
        resumeAt = try ResumePoint.list(values.text(.resumeAt))
        brokers = values.text(.brokers)
        topicPrefix = values.text(.topicPrefix)
        dataFolder = values.text(.dataFolder)
        partitions = values.integer(.partitions)
        workers = values.integer(.workers)
        operatorPort = values.integer(.operatorPort)
        batchRecords = values.integer(.batchRecords)
        batchBytes = values.integer(.batchBytes)
        batchLingerMilliseconds = values.integer(.batchLinger)
        batchIntervalMilliseconds = values.integer(.batchInterval)
        sessionTimeoutMilliseconds = values.integer(.sessionTimeout)
        transactionTimeoutMilliseconds = values.integer(.transactionTimeout)
        logLevel = values.text(.logLevel)
        clientProperties = values.clientProperties
    }
}

/// What the gateway is told besides.
public struct GatewaySettings: Sendable, Equatable {
    /// 0 for any that is free.
    public let httpPort: Int
    public let httpThreads: Int
    /// The longest that a request may wait for its outcome.
    public let waitMaximumSeconds: Int
    /// Requests that wait at once.
    public let maximumWaits: Int

    /// - Precondition: the values were resolved for `ingress-gateway`.
    public init(_ values: SettingValues) {
        httpPort = values.integer(.httpPort)
        httpThreads = values.integer(.httpThreads)
        waitMaximumSeconds = values.integer(.waitMaximum)
        maximumWaits = values.integer(.maximumWaits)
    }
}
