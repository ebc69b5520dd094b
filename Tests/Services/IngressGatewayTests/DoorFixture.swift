// The door behind a real HTTP server on loopback, with a publisher that a test looks into and answers
// through.

import Configuration
import EventLog
import Foundation
import HTTPGate
import IngressGatewayService
import JSONText
import Messages
import Primitives
import ServiceRig
import SimulatedLog
import Synchronization
import Telemetry
import Testing

/// Keeps what the door writes, and acknowledges it as a test says.
final class RecordingPublisher: IntakePublisher {
    typealias Completion = @Sendable (Result<Void, LogFailure>) -> Void
    enum Mode: Sendable { case acknowledge, hold, fail, full }

    static let failure = LogFailure(
        operation: "publish", code: "TEST", detail: "as told", consequence: .retry)

    private struct State {
        var mode = Mode.acknowledge
        var records: [DoorRecord] = []
        var held: [Completion] = []
        var onRecord: (@Sendable (DoorRecord) -> Void)?
        var handled = 0
    }
    private let state = Mutex(State())

    func set(_ mode: Mode) { state.withLock { $0.mode = mode } }
    /// Called after the acknowledgement, in the thread that publishes.
    func onRecord(_ action: @escaping @Sendable (DoorRecord) -> Void) {
        state.withLock { $0.onRecord = action }
    }
    var records: [DoorRecord] { state.withLock { $0.records } }

    func releaseHeld(_ result: Result<Void, LogFailure> = .success(())) {
        let held = state.withLock { state in
            defer { state.held.removeAll() }
            return state.held
        }
        for completion in held { completion(result) }
    }

    func publish(_ record: DoorRecord, completion: @escaping Completion) throws(LogFailure) {
        #expect(Door.topics.contains(record.place.topic), "what is not there when it starts is never written")
        let (mode, action) = state.withLock { state in
            if state.mode != .full { state.records.append(record) }
            if state.mode == .hold { state.held.append(completion) }
            return (state.mode, state.onRecord)
        }
        switch mode {
        case .full: throw Self.failure
        case .fail: completion(.failure(Self.failure))
        case .hold: break
        case .acknowledge: completion(.success(()))
        }
        action?(record)
        state.withLock { $0.handled += 1 }
    }

    /// Records that were taken and, where that is the mode, acknowledged.
    var handled: Int { state.withLock { $0.handled } }

    func close() {}
}

extension DoorRecord {
    func header(_ name: String) -> String? {
        headers.last { $0.name == name }.map { String(decoding: $0.value, as: UTF8.self) }
    }

    var text: String { String(decoding: value, as: UTF8.self) }
    var correlation: UInt64? { header("correlation-id").flatMap { UInt64($0, radix: 16) } }
}

final class DoorFixture: Sendable {
    static let secret = "a secret of sixteen bytes"
    static let partitions = PartitionCount(4)

    let clock: SimulatedClock
    let publisher: RecordingPublisher
    let registry = MetricsRegistry()
    let sink = InMemorySink()
    let door: Door
    let server: HTTPServer
    private let recordsItself: Bool

    init(
        isReady: Bool = true, maximumWaits: Int = 100, publisher other: (any IntakePublisher)? = nil,
        clock: SimulatedClock = SimulatedClock(at: ServiceRig.start),
        partitions: PartitionCount = DoorFixture.partitions
    ) throws {
        publisher = RecordingPublisher()
        recordsItself = other == nil
        self.clock = clock
        var entropy = SeededEntropy(seed: 1)
        let door = Door(
            DoorSettings(
                partitions: partitions, replyPartition: PartitionIndex(1), waitMaximumSeconds: 30,
                maximumWaits: maximumWaits),
            publisher: other ?? publisher, clock: clock, entropy: &entropy,
            logger: Logger(service: "ingress-gateway", clock: clock, sink: sink), registry: registry)
        self.door = door
        if isReady { door.use(try Self.configuration()) }
        server = try HTTPServer(port: 0, refusal: { door.refusal($0) }, admit: { door.admit($0) })
    }

    /// The documents of `configuration()`, as they lie on `config`.
    static func documents() -> [(key: [UInt8], value: [UInt8])] {
        let salt = [UInt8](repeating: 7, count: SecretHash.saltBytes)
        let hash = SecretHash(secret: Array(secret.utf8), salt: salt)
        let keys = [
            APIKey(id: "till-key", role: .source, source: "shop", hash: hash),
            APIKey(id: "self-key", role: .selfService, source: "app", hash: hash),
            APIKey(id: "operator-key", role: .operator, source: nil, hash: hash),
            APIKey(id: "former-key", active: false, role: .source, source: "shop", hash: hash),
            APIKey(id: "closed-key", role: .source, source: "closed", hash: hash),
            APIKey(id: "orphan-key", role: .source, source: "nowhere", hash: hash),
        ]
        let sources = [("shop", true), ("app", true), ("closed", false)].map { id, active in
            (
                key: Array("source/\(id)".utf8),
                value: Array(
                    #"{"kind":"source","id":"\#(id)","active":\#(active),"openWallets":\#(id == "shop")}"#
                        .utf8)
            )
        }
        return sources
            + keys.map { (ConfigurationDocument.apikey($0).key, ConfigurationDocument.apikey($0).encoded()) }
    }

    /// - Parameter revoked: an API key that was taken back.
    static func configuration(without revoked: String? = nil) throws -> Configuration {
        var builder = ConfigurationBuilder()
        for (offset, document) in documents().enumerated() {
            try builder.apply(key: document.key[...], value: document.value[...], offset: Int64(offset))
        }
        if let revoked {
            let offset = Int64(documents().count)
            try builder.apply(key: Array("apikey/\(revoked)".utf8)[...], value: nil, offset: offset)
        }
        return builder.snapshot()
    }

    /// Answers each question as the platform would.
    func answer(_ outcome: ReplyOutcome, replayed: Bool = false, _ body: String) {
        let door = door
        publisher.onRecord { record in
            guard let correlation = record.correlation else { return }
            door.take(
                GatewayReply(
                    correlation: correlation, outcome: outcome, replayed: replayed, body: Array(body.utf8)))
        }
    }

    // MARK: Requests

    static func request(
        _ method: String, _ path: String, key: String? = "till-key", secret: String? = DoorFixture.secret,
        fields: [String] = [], idempotencyKey: String? = nil, contentType: String? = "application/json",
        body: [UInt8]? = nil
    ) -> [UInt8] {
        var head = "\(method) \(path) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
        if let key { head += "x-api-key: \(key)\r\n" }
        if let secret { head += "x-api-secret: \(secret)\r\n" }
        if let idempotencyKey { head += "Idempotency-Key: \(idempotencyKey)\r\n" }
        for field in fields { head += field + "\r\n" }
        if let body {
            if let contentType { head += "Content-Type: \(contentType)\r\n" }
            head += "Content-Length: \(body.count)\r\n"
        }
        return Array((head + "\r\n").utf8) + (body ?? [])
    }

    func get(_ path: String, key: String? = "till-key", fields: [String] = []) throws -> Answer {
        try send(Self.request("GET", path, key: key, fields: fields), to: server.port)
    }

    func post(
        _ path: String, _ body: String, key: String? = "till-key", idempotencyKey: String? = "k1",
        wait: Int? = nil
    ) throws -> Answer {
        let fields = wait.map { ["Prefer: wait=\($0)"] } ?? []
        return try send(
            Self.request(
                "POST", path, key: key, fields: fields, idempotencyKey: idempotencyKey, body: Array(body.utf8)
            ),
            to: server.port)
    }

    /// Does something while a request is under way, again and again if asked to, and returns its answer. It
    /// blocks instead of suspending: other tests may keep all threads of Swift's tasks busy for longer than
    /// the request has patience.
    func whileWaiting(
        _ request: [UInt8], repeatedly: Bool = false, _ action: () throws -> Void
    ) throws -> Answer {
        let port = server.port
        let (waiting, handled) = (door.waiting, publisher.handled)
        let box = AnswerBox()
        Thread { box.set(Result { try send(request, to: port) }) }.start()
        while box.answer == nil {
            if door.waiting > waiting, !recordsItself || publisher.handled > handled { break }
            sched_yield()
        }
        try action()
        while true {
            if let answer = box.answer { return try answer.get() }
            if repeatedly { try action() }
            sched_yield()
        }
    }
}

/// The answer of a request that has a thread of its own.
private final class AnswerBox: Sendable {
    private let result = Mutex<Result<Answer, any Error>?>(nil)

    func set(_ answer: Result<Answer, any Error>) { result.withLock { $0 = answer } }
    var answer: Result<Answer, any Error>? { result.withLock { $0 } }
}
