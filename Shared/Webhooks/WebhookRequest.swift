// What the client is asked to post, and how that can end. Made by the notifier's sender.

import Configuration

/// One POST to an endpoint.
public struct WebhookRequest: Sendable {
    /// Requests of one endpoint share its connections and wait for each other; those of different endpoints
    /// never do.
    public let endpoint: String
    public let url: WebhookURL
    /// From the beginning of the attempt, connecting included, to the end of the answer.
    public let timeoutMilliseconds: Int
    public let body: [UInt8]
    /// Called in the client's thread when the attempt begins; for what depends on the time, as signatures do.
    /// Names and values are visible ASCII.
    public let headers: @Sendable () -> [(name: String, value: String)]
    /// Asked before the attempt begins; with false it never does, and `completion` is not called.
    public let isWanted: @Sendable () -> Bool
    /// Called once, in the client's thread; it must not block.
    public let completion: @Sendable (WebhookResult) -> Void

    public init(
        endpoint: String, url: WebhookURL, timeoutMilliseconds: Int, body: [UInt8],
        headers: @escaping @Sendable () -> [(name: String, value: String)],
        isWanted: @escaping @Sendable () -> Bool = { true },
        completion: @escaping @Sendable (WebhookResult) -> Void
    ) {
        self.endpoint = endpoint
        self.url = url
        self.timeoutMilliseconds = timeoutMilliseconds
        self.body = body
        self.headers = headers
        self.isWanted = isWanted
        self.completion = completion
    }
}

/// How a request ended. Redirects are answers like any other: they are never followed.
public enum WebhookResult: Sendable, Equatable {
    /// - Parameter retryAfterSeconds: from the header of that name, a date included if the answer names its
    ///   own.
    case answered(status: Int, retryAfterSeconds: Int64?)
    case failed(WebhookFailure)
}

public enum WebhookFailure: Sendable, Equatable {
    case nameNotFound
    /// The host is or resolves to an address of a private network, and the URL does not allow that.
    case forbiddenAddress
    case connectionFailed
    /// The certificate is not valid for the host, or both sides have no protocol in common.
    case tls
    case timeout
    /// The connection ended before the answer's status was there.
    case connectionLost
    case malformedAnswer
}

/// The client cannot work at all.
public struct WebhookClientFailure: Error, Sendable, Equatable {
    public let operation: String
    /// `errno`, or 0.
    public let code: Int32
}
