// What is on its way between clients, doors and brokers: requests, answers, records and reports, each with the
// time when it arrives. Doors and publishers put things in from within a call; the run takes them out one by
// one, as it takes the turns of workers. Things of the same time are taken in the order in which they were put.

import EventLog
import HTTPGate
import IngressGatewayService
import Primitives
import SimulatedLog
import Synchronization

/// What arrives.
enum Arrival: Sendable {
    /// The clients think of something new.
    case turn
    /// A client sends a request, for the first time or again.
    case send(intent: Int)
    /// A request reaches the machine that the load balancer picks.
    case request(exchange: Int)
    /// An answer reaches its client; nil if the connection breaks.
    case answer(exchange: Int, HTTPResponse?)
    /// The client has waited for long enough.
    case hangUp(exchange: Int)
    /// The server has waited for long enough for its door.
    case serverPatienceEnds(exchange: Int)
    /// A door's record reaches the brokers.
    case record(DoorRecord, of: SimulatedProcess)
    /// The publisher of a process learns what became of a record.
    case report(Report, to: SimulatedProcess)

    struct Report: Sendable {
        let result: Result<Void, LogFailure>
        let completion: @Sendable (Result<Void, LogFailure>) -> Void
    }
}

extension Arrival {
    fileprivate var isNews: Bool {
        switch self {
        case .turn, .hangUp, .serverPatienceEnds: false
        case .send, .request, .answer, .record, .report: true
        }
    }
}

final class Agenda: Sendable {
    private struct State {
        /// By due time; new ones behind those of the same time.
        var entries: [(due: Timestamp, arrival: Arrival)] = []
        var entropy: RunEntropy
    }

    private let clock: SimulatedClock
    private let state: Mutex<State>

    init(seed: UInt64, clock: SimulatedClock) {
        self.clock = clock
        state = Mutex(State(entropy: RunEntropy(seed: seed, stream: .network)))
    }

    /// - Parameter delay: drawn from this range, in milliseconds.
    func add(_ arrival: Arrival, after delay: ClosedRange<Int64>) {
        state.withLock { state in
            let wait = delay.count == 1 ? delay.lowerBound : state.entropy.within(delay)
            let due = clock.now().adding(milliseconds: wait)
            let place = state.entries.lastIndex { $0.due <= due }.map { $0 + 1 } ?? 0
            state.entries.insert((due, arrival), at: place)
        }
    }

    var nextDue: Timestamp? { state.withLock { $0.entries.first?.due } }
    /// Whether anything is on its way that will have an effect, not only the ends of somebody's patience.
    var hasNews: Bool { state.withLock { $0.entries.contains { $0.arrival.isNews } } }

    func takeNext() -> Arrival? {
        state.withLock { $0.entries.isEmpty ? nil : $0.entries.removeFirst().arrival }
    }
}
