// Posts webhooks over HTTP/1.1 and TLS, with kept connections, from one thread. Used by the notifier's
// sender. It follows no redirect, sends no cookie, and connects to no private address unless the URL allows
// it.
//
// Why not URLSession: for each POST of 900 bytes to a local server it took 490 us of CPU (2,000/s on one
// core, 64 at a time), this client takes 20 us, its signature included (46,000/s, 32 at a time). URLSession
// also cannot be told which address to connect to, so an address that was checked need not be the one that is
// used (RELIABILITY 4.7, case 100).

import Foundation
import Synchronization

/// How many connections there may be.
public struct WebhookClientLimits: Sendable {
    /// At once to one endpoint: more than a receiver needs that answers, and few enough that one that hangs
    /// is not flooded.
    public var connectionsPerEndpoint = 32
    /// Over all endpoints, shared out evenly: half of the usual 1,024 descriptors. Every endpoint has one at
    /// least.
    public var connections = 512

    public init() {}
}

/// Sends requests until it is stopped.
public final class WebhookClient: Sendable {
    private let inbox: ClientInbox
    private let ended = DispatchSemaphore(value: 0)

    /// - Parameter authorities: a PEM file of certificate authorities to trust instead of the system's.
    public init(
        limits: WebhookClientLimits = WebhookClientLimits(), authorities: String? = nil
    ) throws(WebhookClientFailure) {
        let waker = try Waker()
        let inbox = ClientInbox(waker)
        self.inbox = inbox
        // Made once here to fail early; the thread makes its own.
        _ = try TLSContext(authorities: authorities)
        let (ended, started) = (ended, StartReport())
        let thread = Thread {
            do throws(WebhookClientFailure) {
                let loop = ClientLoop(
                    inbox, try Poller(waker), limits, try TLSContext(authorities: authorities))
                started.report(nil)
                loop.run()
            } catch {
                started.report(error)
            }
            ended.signal()
        }
        thread.name = "webhooks"
        thread.start()
        if let failure = started.wait() { throw failure }
    }

    deinit { inbox.close() }

    /// Takes requests and returns at once. The caller bounds how many it has under way.
    public func send(_ requests: [WebhookRequest]) { inbox.add(requests) }

    /// Ends the thread and closes all connections; what is under way or waits gets no completion.
    public func stop() {
        inbox.close()
        ended.wait()
        // For a second call.
        ended.signal()
    }
}

/// Whether the thread could begin.
private final class StartReport: Sendable {
    private let failure = Mutex<WebhookClientFailure?>(nil)
    private let isKnown = DispatchSemaphore(value: 0)

    func report(_ failure: WebhookClientFailure?) {
        self.failure.withLock { $0 = failure }
        isKnown.signal()
    }

    func wait() -> WebhookClientFailure? {
        isKnown.wait()
        return failure.withLock { $0 }
    }
}

/// What other threads bring to the client's.
final class ClientInbox: Sendable {
    struct Contents {
        var requests: [WebhookRequest] = []
        var resolutions: [(endpoint: String, Resolution)] = []
        var isClosed = false
    }

    private let contents = Mutex(Contents())
    private let waker: Waker

    init(_ waker: Waker) { self.waker = waker }

    func add(_ requests: [WebhookRequest]) {
        contents.withLock { $0.requests.append(contentsOf: requests) }
        waker.wake()
    }

    func resolved(_ endpoint: String, _ resolution: Resolution) {
        contents.withLock { $0.resolutions.append((endpoint, resolution)) }
        waker.wake()
    }

    func close() {
        contents.withLock { $0.isClosed = true }
        waker.wake()
    }

    func take() -> Contents {
        contents.withLock { contents in
            defer {
                contents.requests = []
                contents.resolutions = []
            }
            return contents
        }
    }
}
