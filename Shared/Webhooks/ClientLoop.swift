// The client's thread: takes requests, opens and reuses connections, keeps time. Made and run by
// WebhookClient; nothing in it is shared but the inbox. No endpoint waits for another: each has its own
// connections and its own line.

import Configuration
import Glibc

final class ClientLoop {
    /// How precisely deadlines are kept.
    private static let tickMilliseconds: Int64 = 25
    /// Servers close idle connections after 5 to 75 s; one that is reused should still be open.
    private static let idleMilliseconds: Int64 = 4_000
    /// A name may move to another address within this time.
    private static let resolvedMilliseconds: Int64 = 30_000

    private let inbox: ClientInbox
    private let limits: WebhookClientLimits
    private let context: TLSContext
    private let resolver = Resolver()
    private var poller: Poller
    private var endpoints: [String: Endpoint] = [:]
    private var connections: [UInt64: Connection] = [:]
    private var lastToken: UInt64 = 0
    private var now: Int64 = 0
    private var nextTick: Int64 = 0
    private var head: [UInt8] = []

    init(
        _ inbox: ClientInbox, _ poller: consuming Poller, _ limits: WebhookClientLimits, _ context: TLSContext
    ) {
        self.inbox = inbox
        self.poller = poller
        self.limits = limits
        self.context = context
    }

    /// Runs until the inbox is closed.
    func run() {
        while true {
            let isQuiet = connections.isEmpty
            let events = poller.wait(milliseconds: isQuiet ? -1 : Int32(Self.tickMilliseconds))
            now = monotonicMilliseconds()
            for event in events {
                guard let connection = connections[event.token] else { continue }
                follow(connection, connection.handle(event))
            }
            let news = inbox.take()
            if news.isClosed { return }
            for (endpoint, resolution) in news.resolutions { take(resolution, for: endpoint) }
            for request in news.requests { accept(request) }
            if now >= nextTick { tick() }
        }
    }

    // MARK: Requests

    private func accept(_ request: WebhookRequest) {
        let key = "\(request.endpoint) \(request.url.allowPrivateNetwork) \(request.url)"
        if let known = endpoints[key] {
            known.append(PendingRequest(request: request))
            return pump(known)
        }
        guard let target = Target(request.url) else { return request.completion(.failed(.nameNotFound)) }
        let endpoint = Endpoint(key, target, allowPrivate: request.url.allowPrivateNetwork)
        endpoints[key] = endpoint
        endpoint.append(PendingRequest(request: request))
        pump(endpoint)
    }

    /// Lets as many requests begin as the endpoint's connections allow.
    private func pump(_ endpoint: Endpoint) {
        while endpoint.hasRequests {
            if let connection = endpoint.idle.popLast() {
                guard let request = endpoint.next() else { return endpoint.idle.append(connection) }
                connection.request = begin(request)
                follow(connection, sendRequest(on: connection))
                continue
            }
            guard endpoint.connections < share else { return }
            guard now < endpoint.addressesExpireAt else { return resolve(endpoint) }
            guard let request = endpoint.next() else { return }
            open(endpoint, begin(request), addressIndex: 0)
        }
    }

    private func begin(_ request: PendingRequest) -> PendingRequest {
        var request = request
        if !request.isRepeated { request.deadline = now + Int64(request.request.timeoutMilliseconds) }
        return request
    }

    /// Connections that one endpoint may have: fewer if there are many endpoints, and one at least.
    private var share: Int {
        min(limits.connectionsPerEndpoint, max(1, limits.connections / max(1, endpoints.count)))
    }

    private func resolve(_ endpoint: Endpoint) {
        guard !endpoint.isResolving else { return }
        endpoint.isResolving = true
        let (target, key) = (endpoint.target, endpoint.key)
        resolver.resolve(host: target.host, port: target.port, allowPrivate: endpoint.allowPrivate) {
            [inbox] resolution in inbox.resolved(key, resolution)
        }
    }

    private func take(_ resolution: Resolution, for key: String) {
        guard let endpoint = endpoints[key] else { return }
        endpoint.isResolving = false
        switch resolution {
        case .addresses(let addresses):
            endpoint.addresses = addresses
            endpoint.addressesExpireAt = now + Self.resolvedMilliseconds
            pump(endpoint)
        case .failed(let failure):
            while let request = endpoint.next() { request.request.completion(.failed(failure)) }
        }
    }

    private func open(_ endpoint: Endpoint, _ request: PendingRequest, addressIndex: Int) {
        guard addressIndex < endpoint.addresses.count else {
            endpoint.addressesExpireAt = 0
            return request.request.completion(.failed(.connectionFailed))
        }
        lastToken += 1
        guard
            let connection = Connection(
                lastToken, endpoint, request, to: endpoint.addresses[addressIndex], index: addressIndex,
                context),
            poller.add(connection.descriptor, token: connection.token)
        else { return open(endpoint, request, addressIndex: addressIndex + 1) }
        endpoint.connections += 1
        connections[connection.token] = connection
    }

    private func sendRequest(on connection: Connection) -> Connection.Progress {
        guard let request = connection.request?.request else { return .none }
        head.removeAll(keepingCapacity: true)
        head.append(contentsOf: connection.endpoint.target.requestLine.utf8)
        for (name, value) in request.headers() {
            head.append(contentsOf: name.utf8)
            head.append(contentsOf: ": ".utf8)
            head.append(contentsOf: value.utf8)
            head.append(contentsOf: "\r\n".utf8)
        }
        head.append(contentsOf: "content-length: \(request.body.count)\r\n\r\n".utf8)
        head.append(contentsOf: request.body)
        return connection.send(head)
    }

    // MARK: Connections

    private func follow(_ connection: Connection, _ progress: Connection.Progress) {
        switch progress {
        case .none: return
        case .established:
            follow(connection, sendRequest(on: connection))
        case .answered(let result, let isReusable):
            let request = connection.request
            if isReusable {
                connection.becomeIdle(at: now)
                connection.endpoint.idle.append(connection)
            } else {
                drop(connection)
            }
            request?.request.completion(result)
            pump(connection.endpoint)
        case .lost(let failure): lose(connection, failure)
        }
    }

    private func lose(_ connection: Connection, _ failure: WebhookFailure) {
        drop(connection)
        guard var request = connection.request else { return }
        let endpoint = connection.endpoint
        if failure == .connectionFailed {
            open(endpoint, request, addressIndex: connection.addressIndex + 1)
        } else if failure == .connectionLost, connection.answersBefore > 0, !request.isRepeated {
            request.isRepeated = true
            endpoint.putBack(request)
        } else {
            request.request.completion(.failed(failure))
        }
        pump(endpoint)
    }

    private func drop(_ connection: Connection) {
        guard connections.removeValue(forKey: connection.token) != nil else { return }
        connection.endpoint.connections -= 1
        connection.endpoint.idle.removeAll { $0 === connection }
    }

    /// Ends what took too long, and closes what nobody used.
    private func tick() {
        nextTick = now + Self.tickMilliseconds
        for connection in Array(connections.values) {
            if let request = connection.request {
                guard request.deadline <= now else { continue }
                drop(connection)
                request.request.completion(connection.interrupted(.timeout))
                pump(connection.endpoint)
            } else if connection.idleSince + Self.idleMilliseconds <= now {
                drop(connection)
            }
        }
        for (key, endpoint) in endpoints where endpoint.isUnused && endpoint.addressesExpireAt <= now {
            endpoints[key] = nil
        }
    }
}

/// Milliseconds of a clock that nobody sets.
private func monotonicMilliseconds() -> Int64 {
    var time = timespec()
    _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
}
