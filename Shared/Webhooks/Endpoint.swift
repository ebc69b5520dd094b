// One endpoint: its URL in parts, the requests that wait for it, and its connections. Owned by ClientLoop.

import Configuration
import Foundation

/// A URL as a client needs it.
struct Target {
    let isSecure: Bool
    let host: String
    let isAddress: Bool
    let port: UInt16
    /// Everything of a request's head that is always the same.
    let requestLine: String

    /// - Returns: nil for what is no http or https URL; WebhookURL lets none of those through.
    init?(_ url: WebhookURL) {
        guard let parts = URLComponents(string: url.description), let scheme = parts.scheme?.lowercased(),
            let port = UInt16(exactly: parts.port ?? (scheme == "https" ? 443 : 80))
        else { return nil }
        isSecure = scheme == "https"
        host = url.host
        isAddress = isNumericHost(url.host)
        self.port = port
        let path = parts.percentEncodedPath.isEmpty ? "/" : parts.percentEncodedPath
        let query = parts.percentEncodedQuery.map { "?\($0)" } ?? ""
        let name = host.contains(":") ? "[\(host)]" : host
        let portPart = parts.port.map { ":\($0)" } ?? ""
        requestLine =
            "POST \(path)\(query) HTTP/1.1\r\nhost: \(name)\(portPart)\r\nuser-agent: Pointstream\r\n"
    }
}

/// A request and how long it has.
struct PendingRequest {
    let request: WebhookRequest
    /// In monotonic milliseconds; set when the attempt begins.
    var deadline: Int64 = 0
    /// It was sent on a connection that the receiver had closed; it is sent once more.
    var isRepeated = false
}

final class Endpoint {
    /// What the client knows it by.
    let key: String
    let target: Target
    let allowPrivate: Bool
    private var queue: [PendingRequest] = []
    private var queueStart = 0
    var idle: [Connection] = []
    /// Idle ones included.
    var connections = 0

    /// What its name resolved to, and until when that is believed, in monotonic milliseconds.
    var addresses: [SocketAddress] = []
    var addressesExpireAt: Int64 = 0
    var isResolving = false

    init(_ key: String, _ target: Target, allowPrivate: Bool) {
        self.key = key
        self.target = target
        self.allowPrivate = allowPrivate
    }

    var hasRequests: Bool { queueStart < queue.count }
    var isUnused: Bool { !hasRequests && connections == 0 && !isResolving }

    func append(_ request: PendingRequest) { queue.append(request) }

    func putBack(_ request: PendingRequest) { queue.insert(request, at: queueStart) }

    /// The next request that is still wanted.
    func next() -> PendingRequest? {
        while queueStart < queue.count {
            let next = queue[queueStart]
            queueStart += 1
            if queueStart == queue.count || queueStart >= 256 {
                queue.removeFirst(queueStart)
                queueStart = 0
            }
            if next.request.isWanted() { return next }
        }
        return nil
    }
}
