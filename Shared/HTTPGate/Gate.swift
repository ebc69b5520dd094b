// What all connections of one server share: its bounds, its handler, and the table of connections. Used from the
// serving threads, from responders' threads and from the sweep. It never holds a lock while it answers: an exchange
// locks itself first, then its connection's part.

import Dispatch
import Synchronization

final class Gate: Sendable {
    let limits: HTTPLimits
    let refusal: @Sendable (HTTPRefusal) -> HTTPResponse
    let admit: @Sendable (HTTPHead) -> HTTPAdmission
    /// Complete requests whose answer is not sent yet.
    let unfinished = DispatchGroup()

    private let stopping = Atomic<Bool>(false)
    private let buffered = Atomic<Int>(0)
    private let isRefusing = Atomic<Bool>(false)
    private let peers = Mutex(Peers())

    fileprivate struct Peers {
        var open: [ObjectIdentifier: Peer] = [:]
        /// Connections of each address, those that are just being opened included.
        var places: [String?: Int] = [:]
    }

    init(
        limits: HTTPLimits, refusal: @escaping @Sendable (HTTPRefusal) -> HTTPResponse,
        admit: @escaping @Sendable (HTTPHead) -> HTTPAdmission
    ) {
        self.limits = limits
        self.refusal = refusal
        self.admit = admit
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

    /// - Returns: false if this address has all the connections that it may have.
    func takePlace(for address: String?) -> Bool {
        peers.withLock { peers in
            let taken = peers.places[address, default: 0]
            guard taken < limits.connectionsPerAddress else { return false }
            peers.places[address] = taken + 1
            return true
        }
    }

    func givePlaceBack(of address: String?) { peers.withLock { $0.giveBack(address) } }

    func add(_ peer: Peer) { peers.withLock { $0.open[ObjectIdentifier(peer)] = peer } }

    /// The connection is closed and its place is free.
    func remove(_ peer: Peer) {
        peers.withLock { peers in
            peers.open[ObjectIdentifier(peer)] = nil
            peers.giveBack(peer.address)
        }
    }

    /// Called with the exchange locked, before its connection is suspended.
    /// - Returns: false once the server no longer waits for answers.
    func wait(for exchange: Exchange) -> Bool {
        exchange.peer.owe(exchange)
        // Looked at afterwards: either this sees that the server refuses, or who refuses sees the exchange.
        guard isRefusing.load(ordering: .sequentiallyConsistent) else { return true }
        exchange.peer.settle(exchange)
        return false
    }

    /// Ends clients that are overdue and answers requests that the service has left lying.
    func sweep() {
        let now = monotonicMilliseconds()
        let peers = peers.withLock { peers in
            // A socket is not closed while its peer is in the table.
            for peer in peers.open.values { peer.endIfOverdue(at: now) }
            return Array(peers.open.values)
        }
        let oldest = now - Int64(limits.answerSeconds) * 1_000
        for peer in peers { _ = peer.owed(before: oldest)?.answer(refusal(.tooLate)) }
    }

    /// Answers everything that still waits; nothing is suspended from here on, which stopping the library
    /// requires.
    func refuseAllWaiting() {
        isRefusing.store(true, ordering: .sequentiallyConsistent)
        let peers = peers.withLock { Array($0.open.values) }
        for peer in peers { _ = peer.owed(before: .max)?.answer(refusal(.stopping)) }
    }
}

extension Gate.Peers {
    fileprivate mutating func giveBack(_ address: String?) {
        let left = places[address, default: 1] - 1
        places[address] = left > 0 ? left : nil
    }
}
