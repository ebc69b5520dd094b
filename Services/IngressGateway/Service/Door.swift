// The public API: a request is admitted, checked, brought into its canonical form and published; the answer
// is the broker's acknowledgement, or the outcome that comes back over `replies`. Called by the HTTP server's
// threads, the publisher's and the replies' thread; it owns no thread, no clock and no log of its own, so
// that tests run all of it.

import Configuration
import EventLog
import HTTPGate
import IngressGatewayDomain
import Messages
import Primitives
import Synchronization
import Telemetry

/// The bounds of the door.
public struct DoorSettings: Sendable {
    public var partitions: PartitionCount
    /// This instance's partition of `replies`.
    public var replyPartition: PartitionIndex
    /// The longest that `Prefer: wait` may ask for; more is cut to it.
    public var waitMaximumSeconds: Int
    /// Requests that wait for an outcome at once. Beyond it, events are answered 202 and questions 503.
    public var maximumWaits: Int
    /// What a request without a wait of its own waits for at most, in milliseconds: an acknowledgement, or
    /// the answer to a question. Both take a few milliseconds; callers and proxies give up soon after this.
    public var patienceMilliseconds: Int64 = 10_000

    public init(
        partitions: PartitionCount, replyPartition: PartitionIndex, waitMaximumSeconds: Int, maximumWaits: Int
    ) {
        self.partitions = partitions
        self.replyPartition = replyPartition
        self.waitMaximumSeconds = waitMaximumSeconds
        self.maximumWaits = maximumWaits
    }
}

/// Handles requests. May be shared by threads.
public final class Door: Sendable {
    /// What it writes to: a publisher must know them all.
    public static let topics: [TopicID] = [.intake, .customerEvents, .walletCommands]

    private let settings: DoorSettings
    private let clock: any WallClock
    private let publisher: any IntakePublisher
    private let logger: Logger
    private let metrics: DoorMetrics
    private let waits: WaitTable
    private let configuration = Mutex<ConfigurationInForce?>(nil)
    private let identity: Mutex<DoorIdentity>

    /// - Parameter entropy: seeds correlation numbers and traces, so that no two starts share them.
    public init(
        _ settings: DoorSettings, publisher: any IntakePublisher, clock: any WallClock,
        entropy: inout some Entropy, logger: Logger, registry: MetricsRegistry
    ) {
        self.settings = settings
        self.publisher = publisher
        self.clock = clock
        self.logger = logger
        metrics = DoorMetrics(registry)
        waits = WaitTable(maximumOutcomes: settings.maximumWaits)
        identity = Mutex(DoorIdentity(correlation: entropy.next(), seed: entropy.next()))
    }

    // MARK: The server's threads

    /// Before the body is read: what is wrong already, or who takes the request when it is complete.
    public func admit(_ head: HTTPHead) -> HTTPAdmission {
        do throws(Problem) {
            let admission = try Admission(head, inForce)
            return .take { [self] request, responder in handle(request, responder, admission) }
        } catch {
            return .refuse(refused(error, trace(of: head)))
        }
    }

    private func handle(_ request: HTTPRequest, _ responder: HTTPResponder, _ admission: Admission) {
        let trace = trace(of: request.head)
        let started = clock.now()
        do throws(Problem) {
            // A body may take its time: a key that was revoked meanwhile opens nothing any more.
            let current = inForce
            let admission = current === admission.inForce ? admission : try Admission(request.head, current)
            let number = identity.withLock { $0.nextCorrelation() }
            var order = try DoorOrder(
                request, admission, number: number, partitions: settings.partitions, now: started)
            order.record.headers.add(HeaderName.traceparent, trace.traceparent)
            try place(order, admission.wait, number, responder, trace, started)
        } catch {
            responder.respond(refused(error, trace))
        }
    }

    private func refused(_ problem: Problem, _ trace: TraceContext) -> HTTPResponse {
        let response = problem.response(trace: trace.trace)
        metrics.answered("refused", response.status, microseconds: 0)
        return response
    }

    /// What the server refuses by itself, in the API's form.
    public func refusal(_ refusal: HTTPRefusal) -> HTTPResponse { Problem(refusal).response(trace: nil) }

    // MARK: Publishing and waiting

    private func place(
        _ order: DoorOrder, _ preference: WaitPreference?, _ number: UInt64, _ responder: HTTPResponder,
        _ trace: TraceContext, _ started: Timestamp
    ) throws(Problem) {
        let seconds = preference.map { min($0.seconds, settings.waitMaximumSeconds) } ?? 0
        let isQuestion = order.question.event == nil
        let wantsOutcome = isQuestion || seconds > 0
        // A caller's patience ends when they said, whatever is waited for.
        let patience = seconds > 0 ? Int64(seconds) * 1_000 : settings.patienceMilliseconds
        func wait(_ wantsOutcome: Bool) -> Wait {
            Wait(
                question: order.question, responder: responder, trace: trace.trace, started: started,
                deadline: started.adding(milliseconds: patience), wantsOutcome: wantsOutcome,
                preferredSeconds: wantsOutcome && seconds > 0 ? seconds : nil)
        }
        var record = order.record
        let address = ReplyAddress(partition: settings.replyPartition, correlation: number)
        switch waits.open(wait(wantsOutcome), number) {
        case .opened:
            if wantsOutcome { record.addReplyAddress(address) }
        case .full:
            guard !isQuestion else {
                throw .unavailable("too-many-waits", "too many requests wait for an answer")
            }
            // The event is taken all the same; its outcome can be asked for.
            try opened(waits.open(wait(false), number))
        case .inFlight: try opened(.inFlight)
        case .closed: try opened(.closed)
        }
        publish(record, number)
    }

    private func opened(_ opening: WaitTable.Opening) throws(Problem) {
        switch opening {
        case .opened: return
        case .inFlight:
            var problem = Problem(
                409, "in-flight", "a request with the same idempotency key is being accepted")
            problem.headers = [("Retry-After", "1")]
            throw problem
        case .full: throw .unavailable("too-many-waits", "too many requests wait for an answer")
        case .closed: throw .unavailable("stopping", "the server is being stopped")
        }
    }

    private func publish(_ record: DoorRecord, _ number: UInt64) {
        do throws(LogFailure) {
            try publisher.publish(record) { [self] result in
                switch result {
                case .success: end(waits.acknowledge(number), .acknowledged)
                case .failure(let failure): failed(number, failure)
                }
            }
        } catch {
            failed(number, error)
        }
    }

    private func failed(_ number: UInt64, _ failure: LogFailure) {
        logger.warning("request.not-stored", .string("failure", failure.description))
        end(waits.take(number), .notAcknowledged)
    }

    private func end(_ wait: Wait?, _ end: WaitEnd) {
        guard let wait else { return }
        let response = wait.answer(end)
        let passed = clock.now().milliseconds - wait.started.milliseconds
        metrics.answered(wait.question.name, response.status, microseconds: passed * 1_000)
        wait.responder.respond(response)
    }

    // MARK: The replies' thread

    /// The configuration in force from now on; the first makes the door ready.
    public func use(_ configuration: Configuration) {
        self.configuration.withLock { $0 = ConfigurationInForce(configuration) }
    }

    /// Ends the wait that an answer is for; answers for nobody are dropped.
    public func take(_ reply: GatewayReply) { end(waits.take(reply.correlation), .reply(reply)) }

    /// Ends the waits whose time is up.
    public func sweep() {
        for wait in waits.takeOverdue(at: clock.now()) { end(wait, .timeUp) }
    }

    /// Ends all waits; new ones are refused from then on.
    public func close() {
        for wait in waits.close() { end(wait, .stopping) }
    }

    public var isReady: Bool { inForce != nil }
    /// Requests that are not answered yet.
    public var waiting: Int { waits.count }

    private var inForce: ConfigurationInForce? { configuration.withLock { $0 } }

    /// The caller's trace with a step of its own, or a new one.
    private func trace(of head: HTTPHead) -> TraceContext {
        let given = head.header("traceparent").flatMap { TraceContext(traceparent: $0) }
        return identity.withLock { $0.trace(after: given) }
    }
}

/// Numbers and traces of one start of the process.
private struct DoorIdentity {
    private var correlation: UInt64
    private var entropy: SeededEntropy

    init(correlation: UInt64, seed: UInt64) {
        self.correlation = correlation
        entropy = SeededEntropy(seed: seed)
    }

    mutating func nextCorrelation() -> UInt64 {
        correlation &+= 1
        return correlation
    }

    mutating func trace(after given: TraceContext?) -> TraceContext {
        given.map { $0.child(from: &entropy) } ?? TraceContext(startingWith: &entropy)
    }
}
