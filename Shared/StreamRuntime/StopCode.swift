// Why a service gives up: what no retry mends, or what going on would lose or double. The codes are a closed
// list, stable for logs, alerts and the runbook in README.md, which names each; a test holds both lists to each
// other. What a retry may mend (a broker that is away, an election, a full disk) is never in it.

/// A page of the runbook. The process ends with exit code 1 after any of them.
public enum StopCode: String, Sendable, CaseIterable {
    // MARK: Before anything is read

    /// Another process uses the data folder.
    case folderLocked = "folder-locked"
    /// The data folder cannot be created, read or written.
    case folderUnusable = "folder-unusable"
    /// The operator's port, or the gateway's, cannot be bound.
    case portUnavailable = "port-unavailable"
    /// The notifier has no TLS to send webhooks with.
    case webhooksUnavailable = "webhooks-unavailable"

    // MARK: Kafka

    /// Credentials are refused, or a right is missing.
    case notAuthorised = "not-authorised"
    /// The client or the brokers refuse a setting or a request for good.
    case clientRefused = "client-refused"
    /// A topic does not exist, or no more.
    case topicMissing = "topic-missing"
    /// A topic has another number of partitions than the platform.
    case partitionCount = "partition-count"
    /// What was read or written lies behind the end of the topic: it was created anew, or cut.
    case topicRecreated = "topic-recreated"
    /// Records of an input were deleted before they were read.
    case offsetOutOfRange = "offset-out-of-range"
    /// The group's position is gone, though the store has seen records.
    case positionMissing = "position-missing"
    /// Rows of the changelog were deleted before a store had them.
    case changelogTrimmed = "changelog-trimmed"
    /// A record is damaged on the broker's disk.
    case recordUnreadable = "record-unreadable"
    /// The configuration cannot be read.
    case configUnreadable = "config-unreadable"
    /// Another process has the same member name, from a copy of this one's data folder, and takes its place again
    /// and again.
    case memberTaken = "member-taken"

    // MARK: Stores

    /// A newer program wrote the store or its changelog.
    case storeNewer = "store-newer"
    /// Another program holds the store's file.
    case storeLocked = "store-locked"
    /// The store's file cannot be opened, or fails again after it was rebuilt.
    case storeUnusable = "store-unusable"
    /// Rebuilt from its changelog, the store does not stand where the group does.
    case storeDisagrees = "store-disagrees"
}

/// Why a worker, or a whole process, gave up: told in one line of the log, and by `/readyz` until the end.
public struct WorkerStop: Error, Sendable, Equatable, CustomStringConvertible {
    public let code: StopCode
    /// What was found, and where: topic, partition and offsets, or the file.
    public let detail: String

    public init(_ code: StopCode, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    public var description: String { "\(code.rawValue): \(detail)" }
}
