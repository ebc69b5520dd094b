// The door of one gateway process: the real door and the real loop that takes replies, a publisher that writes
// to the simulated brokers as badly as the saboteur wants, and callers in the place of connections. It ends with
// its process; the next process has another.

import EventLog
@_spi(Simulation) import HTTPGate
import IngressGatewayService
import Primitives
import SimulatedLog
import Synchronization
import Telemetry

/// Belongs to the run's thread.
final class Doorway {
    /// The server behind a door answers by itself after this time, in milliseconds; as the real process sets it.
    static func serverPatience(_ settings: DoorSettings) -> Int64 {
        Int64(GatewayDoorSettings(settings, port: 0, threads: 1).limits.answerSeconds) * 1_000
    }

    let door: Door
    let settings: DoorSettings
    /// Its next turn.
    var due: Timestamp
    /// In the middle of a turn, while others go on.
    private var isInTurn = false
    private let replies: ReplyLoop<SimulatedLog>

    init(
        _ settings: DoorSettings, log: SimulatedLog, publisher: SimulatedPublisher, clock: MachineClock,
        entropy: inout RunEntropy, logger: Logger, registry: MetricsRegistry, due: Timestamp
    ) {
        self.settings = settings
        self.due = due
        door = Door(
            settings, publisher: publisher, clock: clock, entropy: &entropy, logger: logger, registry: registry)
        replies = ReplyLoop(log, door, partition: settings.replyPartition, logger: logger)
    }

    var isIdle: Bool { !isInTurn }

    /// One turn of the thread that takes replies.
    ///
    /// - Returns: false after a failure of the log, when the real thread pauses.
    func turn() -> Bool {
        isInTurn = true
        defer { isInTurn = false }
        do throws(LogFailure) {
            try replies.step()
            return true
        } catch {
            return false
        }
    }

    /// As the server does with a request that is complete.
    func take(_ request: ClientRequest, from caller: Caller) {
        guard
            let head = HTTPHead(
                method: request.method, target: request.target, fields: request.fields,
                contentLength: request.body.map(\.count))
        else {
            _ = caller.answer(door.refusal(.malformed))
            return
        }
        switch door.admit(head) {
        case .refuse(let refusal): _ = caller.answer(refusal)
        case .take(let taker): taker(HTTPRequest(head, body: request.body ?? []), HTTPResponder(caller))
        }
    }
}

/// A client's connection, as a process sees it: the first answer travels back, as long as the process lives.
final class Caller: HTTPCaller {
    /// One way between a client and a machine, in milliseconds.
    static let travel: ClosedRange<Int64> = 0...20

    private let exchange: Int
    private let process: SimulatedProcess
    private let agenda: Agenda
    private let isAnswered = Mutex(false)

    init(_ exchange: Int, process: SimulatedProcess, agenda: Agenda) {
        self.exchange = exchange
        self.process = process
        self.agenda = agenda
    }

    func answer(_ response: HTTPResponse) -> Bool {
        let isFirst = isAnswered.withLock { isAnswered in
            defer { isAnswered = true }
            return !isAnswered
        }
        guard isFirst, !process.isDead else { return false }
        agenda.add(.answer(exchange: exchange, response), after: Self.travel)
        return true
    }

    func letGo() { _ = answer(.problem(.unanswered)) }
}

/// The publisher of one process.
struct SimulatedPublisher: IntakePublisher {
    /// To the brokers and back, in milliseconds.
    private static let travel: ClosedRange<Int64> = 1...15
    /// Until a client of the log gives a record up.
    private static let givenUpAfter: ClosedRange<Int64> = 50...9_000

    let agenda: Agenda
    let saboteur: Saboteur
    let process: SimulatedProcess

    private func failure(_ code: String) -> LogFailure {
        LogFailure(operation: "publish", code: code, detail: "drawn", consequence: .retry)
    }

    func publish(
        _ record: DoorRecord, completion: @escaping @Sendable (Result<Void, LogFailure>) -> Void
    ) throws(LogFailure) {
        guard !process.isDead else { throw failure("DEAD") }
        let subject = record.place.topic.number
        if saboteur.strikes(.doorQueueFull, "topic \(subject)") { throw failure("_QUEUE_FULL") }
        func report(_ result: Result<Void, LogFailure>, after delay: ClosedRange<Int64>) {
            agenda.add(.report(Arrival.Report(result: result, completion: completion), to: process), after: delay)
        }
        if saboteur.strikes(.doorRequestLost, "topic \(subject)") {
            return report(.failure(failure("_MSG_TIMED_OUT")), after: Self.givenUpAfter)
        }
        if saboteur.strikes(.doorAnswerLost, "topic \(subject)") {
            // It may be on its way still when it is given up.
            agenda.add(.record(record, of: process), after: 1...2 * Self.givenUpAfter.upperBound)
            return report(.failure(failure("_MSG_TIMED_OUT")), after: Self.givenUpAfter)
        }
        let isLate = saboteur.strikes(.doorAnswerLate, "topic \(subject)")
        agenda.add(.record(record, of: process), after: Self.travel)
        let shortest = Self.travel.upperBound
        report(.success(()), after: isLate ? shortest...15_000 : shortest...2 * shortest)
    }

    func close() {}
}
