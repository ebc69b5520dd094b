// What the processor knows of sending: it hands attempts over and finds their results in a mailbox. The real
// sender posts over HTTP in a thread of its own; tests have one that answers by script. Results come from
// other threads, which see nothing of the processor but the mailbox.

import Configuration
import NotifierDomain
import Primitives
import Synchronization

/// One attempt to deliver a notice.
public struct WebhookAttempt: Sendable {
    /// What the processor knows the attempt by. Numbers of different mailboxes have nothing to do with each
    /// other.
    public let number: UInt64
    /// Attempts of different subscriptions must not wait for each other.
    public let subscription: String
    public let url: WebhookURL
    public let timeoutMilliseconds: Int
    public let webhookID: String
    /// The keys to sign with, in the order of the signatures.
    public let keys: [[UInt8]]
    public let body: [UInt8]

    /// The headers of the request. Made when it is sent, because receivers refuse a signature that is minutes
    /// old.
    public func headers(at now: Timestamp) -> [(name: String, value: String)] {
        let seconds = now.milliseconds / 1_000
        let signature = NoticeSigning.signature(id: webhookID, seconds: seconds, body: body, keys: keys)
        return [
            ("content-type", "application/json"),
            (NoticeSigning.idHeader, webhookID),
            (NoticeSigning.timestampHeader, String(seconds)),
            (NoticeSigning.signatureHeader, signature),
        ]
    }
}

/// The end of an attempt.
public struct AttemptResult: Sendable, Equatable {
    public let number: UInt64
    public let outcome: AttemptOutcome

    public init(number: UInt64, outcome: AttemptOutcome) {
        self.number = number
        self.outcome = outcome
    }
}

/// Sends webhooks. One for the process, used by all its workers.
public protocol WebhookSender: Sendable {
    /// Starts attempts and returns at once. Each has one result in `results`, unless that is closed before.
    func send(_ attempts: [WebhookAttempt], results: AttemptMailbox)
}

/// Where the results of one partition's attempts arrive. It holds no more of them than attempts are in
/// flight, which ``DeliveryBounds`` bounds.
public final class AttemptMailbox: Sendable {
    private struct Contents {
        var results: [AttemptResult] = []
        var isClosed = false
    }

    private let contents = Mutex(Contents())

    init() {}

    /// The partition was given up: nobody waits for results, and attempts that are not under way must not be
    /// started, because another instance may have begun to make them.
    public var isClosed: Bool { contents.withLock { $0.isClosed } }

    public func post(_ result: AttemptResult) {
        contents.withLock { contents in
            if !contents.isClosed { contents.results.append(result) }
        }
    }

    var isEmpty: Bool { contents.withLock { $0.results.isEmpty } }

    func take() -> [AttemptResult] {
        contents.withLock { contents in
            defer { contents.results.removeAll(keepingCapacity: true) }
            return contents.results
        }
    }

    func close() {
        contents.withLock { contents in
            contents.isClosed = true
            contents.results.removeAll()
        }
    }
}
