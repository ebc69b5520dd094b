// One request and its answer: what has been read, and who may answer. The serving thread drives it
// (Exchange+Reading), responders reach only `answer`. It never uses the connection outside the lock: only a
// suspended connection is sure to exist, and it stays so until the lock that resumed it is free again.
//
//   reading --> handling --(answer)--> answered --> sent
//                   \--> suspended --(answer, resume)--^        any --(connection closed)--> sent
//
// | From      | May become                | Who                                   |
// | --------- | ------------------------- | ------------------------------------- |
// | open      | answered, suspended, sent | a responder; the serving thread       |
// | suspended | answered                  | a responder, the sweep, a stop        |
// | answered  | sent                      | the serving thread                    |

import CMicroHTTPD
import Synchronization

/// A connection in the hands of the exchange's lock. The library lets a suspended connection be resumed from
/// any thread, which is all that other threads can do with it, so it may cross them.
@safe private struct SuspendedConnection: @unchecked Sendable {
    let pointer: OpaquePointer

    func suspend() { unsafe MHD_suspend_connection(pointer) }
    func resume(on thread: ServingThread) { unsafe thread.resume(pointer) }
}

/// - Note: `reading` belongs to the thread that serves the connection, which is one thread for the
///   connection's life; `phase` is locked; all else is constant. That is why it may be shared without the
///   compiler's proof.
final class Exchange: HTTPCaller, @unchecked Sendable {
    let thread: ServingThread
    let peer: Peer
    var reading: Reading
    private let phase = Mutex(Phase.open)

    private enum Phase {
        case open
        case suspended(SuspendedConnection)
        case answered(HTTPResponse)
        case sent
    }

    var gate: Gate { thread.gate }

    init(thread: ServingThread, peer: Peer, reading: Reading) {
        self.thread = thread
        self.peer = peer
        self.reading = reading
    }

    /// From any thread; only the first answer counts.
    func answer(_ response: HTTPResponse) -> Bool {
        let (isFirst, wasSuspended) = phase.withLock { phase in
            switch phase {
            case .open:
                phase = .answered(response)
                return (true, false)
            case .suspended(let connection):
                phase = .answered(response)
                connection.resume(on: thread)
                return (true, true)
            case .answered, .sent:
                return (false, false)
            }
        }
        if wasSuspended { peer.settle(self) }
        return isFirst
    }

    /// Comes after every answer, too: only then is there nothing to say.
    func letGo() {
        let isOwed = phase.withLock { phase in
            switch phase {
            case .open, .suspended: true
            case .answered, .sent: false
            }
        }
        if isOwed { _ = answer(gate.refusal(.unanswered)) }
    }

    /// On the serving thread, when the handler has returned and again after a resume: the answer if there
    /// is one, else the connection is suspended until there is.
    func takeAnswer(orSuspend connection: OpaquePointer) -> HTTPResponse? {
        let connection = unsafe SuspendedConnection(pointer: connection)
        return phase.withLock { phase in
            switch phase {
            case .answered(let response):
                phase = .sent
                return response
            case .open where !gate.wait(for: self):
                phase = .sent
                return gate.refusal(.stopping)
            case .open:
                connection.suspend()
                phase = .suspended(connection)
                return nil
            case .suspended, .sent:
                return nil
            }
        }
    }

    /// The connection is done with this request: later answers go nowhere.
    func end() {
        phase.withLock { $0 = .sent }
        gate.release(bytes: reading.bufferedBytes)
        if reading.isComplete { gate.unfinished.leave() }
    }
}
