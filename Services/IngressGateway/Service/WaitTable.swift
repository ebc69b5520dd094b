// The requests that wait: for the broker's acknowledgement alone, or for an outcome. Written to by the server's threads, the
// publisher's and the replies' thread. Whoever takes a wait out of the table answers it, so each ends exactly once; the
// answers are made outside the lock.
//
//   open ──(acknowledged)──> safe          either ──(reply, time, failure, stop)──> gone, answered

import HTTPGate
import Messages
import Primitives
import Synchronization

/// An answer that came over `replies`.
public struct GatewayReply: Sendable, Equatable {
    public let correlation: UInt64
    public let outcome: ReplyOutcome
    public let replayed: Bool
    public let body: [UInt8]

    public init(correlation: UInt64, outcome: ReplyOutcome, replayed: Bool, body: [UInt8]) {
        self.correlation = correlation
        self.outcome = outcome
        self.replayed = replayed
        self.body = body
    }
}

/// A request that is not answered yet.
struct Wait: Sendable {
    let question: Question
    let responder: HTTPResponder
    let trace: UInt128
    let started: Timestamp
    let deadline: Timestamp
    /// False: the broker's acknowledgement is all that it waits for.
    let wantsOutcome: Bool
    /// What the caller asked for, to be confirmed.
    let preferredSeconds: Int?
    var isSafe = false
}

/// How a wait ends.
enum WaitEnd: Sendable {
    case reply(GatewayReply)
    /// The broker has it, and that was all.
    case acknowledged
    /// The broker does not have it, or nobody knows.
    case notAcknowledged
    case timeUp
    case stopping
}

/// At most so many waits for outcomes; waits for acknowledgements are bounded by the publisher's queue.
final class WaitTable: Sendable {
    enum Opening: Sendable { case opened, full, inFlight, closed }

    private struct State {
        var waits: [UInt64: Wait] = [:]
        var outcomes = 0
        /// Events that are on their way to the broker without a waiting caller.
        var inFlight: Set<EventID> = []
        var isClosed = false

        mutating func take(_ correlation: UInt64) -> Wait? {
            guard let wait = waits.removeValue(forKey: correlation) else { return nil }
            if wait.wantsOutcome { outcomes -= 1 } else if let event = wait.question.event { inFlight.remove(event) }
            return wait
        }
    }

    private let maximumOutcomes: Int
    private let state = Mutex(State())

    init(maximumOutcomes: Int) { self.maximumOutcomes = maximumOutcomes }

    func open(_ wait: Wait, _ correlation: UInt64) -> Opening {
        state.withLock { state in
            if state.isClosed { return .closed }
            if wait.wantsOutcome {
                guard state.outcomes < maximumOutcomes else { return .full }
                state.outcomes += 1
            } else if let event = wait.question.event {
                guard state.inFlight.insert(event).inserted else { return .inFlight }
            }
            state.waits[correlation] = wait
            return .opened
        }
    }

    /// Takes a wait out for good; nil if another has ended it.
    func take(_ correlation: UInt64) -> Wait? { state.withLock { $0.take(correlation) } }

    /// The broker has the record.
    ///
    /// - Returns: the wait, if that was all it waited for.
    func acknowledge(_ correlation: UInt64) -> Wait? {
        state.withLock { state in
            guard let wait = state.waits[correlation] else { return nil }
            guard wait.wantsOutcome else { return state.take(correlation) }
            state.waits[correlation]?.isSafe = true
            return nil
        }
    }

    /// Takes out every wait whose time is up.
    func takeOverdue(at now: Timestamp) -> [Wait] {
        state.withLock { state in
            let late = state.waits.filter { $0.value.deadline <= now }.map(\.key).sorted()
            return late.compactMap { state.take($0) }
        }
    }

    /// Takes out all waits; none is opened any more.
    func close() -> [Wait] {
        state.withLock { state in
            state.isClosed = true
            return state.waits.keys.sorted().compactMap { state.take($0) }
        }
    }

    var count: Int { state.withLock { $0.waits.count } }
}
