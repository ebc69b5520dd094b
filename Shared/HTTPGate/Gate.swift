// What all connections of one server share: its bounds, its handler, and the tables of connections and of
// requests that wait for an answer. Used from the library's threads, from responders' threads and from the
// sweep. It never holds the lock of a table while it answers: an exchange locks itself first, then a table.

import Dispatch
import Synchronization

final class Gate: Sendable {
    let limits: HTTPLimits
    let precheck: @Sendable (HTTPHead) -> HTTPResponse?
    let refusal: @Sendable (HTTPRefusal) -> HTTPResponse
    let handler: @Sendable (HTTPRequest, HTTPResponder) -> Void
    /// Complete requests whose answer is not sent yet.
    let unfinished = DispatchGroup()

    private let stopping = Atomic<Bool>(false)
    private let buffered = Atomic<Int>(0)
    private let peers = Mutex<[ObjectIdentifier: Peer]>([:])
    private let waiting = Mutex(Waiting())

    private struct Waiting {
        var closed = false
        var exchanges: [ObjectIdentifier: (exchange: Exchange, since: Int64)] = [:]
    }

    init(
        limits: HTTPLimits, precheck: @escaping @Sendable (HTTPHead) -> HTTPResponse?,
        refusal: @escaping @Sendable (HTTPRefusal) -> HTTPResponse,
        handler: @escaping @Sendable (HTTPRequest, HTTPResponder) -> Void
    ) {
        self.limits = limits
        self.precheck = precheck
        self.refusal = refusal
        self.handler = handler
    }

    var isStopping: Bool { stopping.load(ordering: .acquiring) }
    func beginStopping() { stopping.store(true, ordering: .releasing) }

    /// - Returns: false if these bytes would exceed ``HTTPLimits/bufferedBytes``; then they are not counted.
    func reserve(bytes: Int) -> Bool {
        let total = buffered.add(bytes, ordering: .relaxed).newValue
        if total <= limits.bufferedBytes { return true }
        release(bytes: bytes)
        return false
    }

    func release(bytes: Int) { buffered.subtract(bytes, ordering: .relaxed) }

    func add(_ peer: Peer) { peers.withLock { $0[ObjectIdentifier(peer)] = peer } }
    func remove(_ peer: Peer) { _ = peers.withLock { $0.removeValue(forKey: ObjectIdentifier(peer)) } }

    /// Called with the exchange locked, before its connection is suspended.
    /// - Returns: false once the server no longer waits for answers.
    func wait(for exchange: Exchange) -> Bool {
        waiting.withLock { waiting in
            if waiting.closed { return false }
            waiting.exchanges[ObjectIdentifier(exchange)] = (exchange, monotonicMilliseconds())
            return true
        }
    }

    func stopWaiting(for exchange: Exchange) {
        _ = waiting.withLock { $0.exchanges.removeValue(forKey: ObjectIdentifier(exchange)) }
    }

    /// Ends clients that are overdue and answers requests that the service has left lying.
    func sweep() {
        let now = monotonicMilliseconds()
        peers.withLock { for peer in $0.values { peer.endIfOverdue(at: now) } }
        let oldest = now - Int64(limits.answerSeconds) * 1_000
        let late = waiting.withLock { $0.exchanges.values.filter { $0.since < oldest } }
        for entry in late { _ = entry.exchange.answer(refusal(.tooLate)) }
    }

    /// Answers everything that still waits; nothing is suspended from here on, which stopping the library
    /// requires.
    func refuseAllWaiting() {
        let left = waiting.withLock { waiting in
            waiting.closed = true
            return Array(waiting.exchanges.values)
        }
        for entry in left { _ = entry.exchange.answer(refusal(.stopping)) }
    }
}
