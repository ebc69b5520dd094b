// A notifier over the simulated log whose webhooks are answered by a script: tests append outcomes, say how
// receivers answer, and look at what was sent and what was published. One thread, virtual time.

import Configuration
import EventLog
import JSONText
import Messages
import NotifierDomain
import NotifierService
import Primitives
import ServiceRig
import StreamRuntime
import Synchronization

/// Answers attempts at once as its script says, or keeps them until the test lets them go.
final class ScriptedSender: WebhookSender {
    typealias Script = @Sendable (WebhookAttempt) -> AttemptOutcome?

    private struct State {
        var script: Script = { _ in .answered(status: 200, retryAfterSeconds: nil) }
        var attempts: [WebhookAttempt] = []
        var kept: [(WebhookAttempt, AttemptMailbox)] = []
    }

    private let state = Mutex(State())

    func send(_ attempts: [WebhookAttempt], results: AttemptMailbox) {
        for attempt in attempts {
            let outcome = state.withLock { state in
                state.attempts.append(attempt)
                let outcome = state.script(attempt)
                if outcome == nil { state.kept.append((attempt, results)) }
                return outcome
            }
            if let outcome { results.post(AttemptResult(number: attempt.number, outcome: outcome)) }
        }
    }

    /// Nil: keep the attempt in flight.
    func answer(_ script: @escaping Script) { state.withLock { $0.script = script } }

    func answer(status: Int) { answer { _ in .answered(status: status, retryAfterSeconds: nil) } }

    /// Ends the attempts that were kept.
    func release(status: Int = 200) {
        let kept = state.withLock { state in
            defer { state.kept.removeAll() }
            return state.kept
        }
        for (attempt, results) in kept {
            results.post(
                AttemptResult(
                    number: attempt.number, outcome: .answered(status: status, retryAfterSeconds: nil)))
        }
    }

    var attempts: [WebhookAttempt] { state.withLock { $0.attempts } }
    var inFlight: Int { state.withLock { $0.kept.count } }

    func attempts(for subscription: String) -> [WebhookAttempt] {
        attempts.filter { $0.subscription == subscription }
    }
}

final class World {
    static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    static let formerSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

    let rig = ServiceRig()
    let sender = ScriptedSender()
    private(set) var worker: ServiceRig.RunningWorker?
    private let folder: String?
    private let seed: UInt64

    init(folder: String? = nil, seed: UInt64 = 1) {
        self.folder = folder
        self.seed = seed
    }

    func start(_ other: (any WebhookSender)? = nil) {
        let seed = seed
        worker = rig.start(
            notifierTopology(
                sender: other ?? sender, catalog: rig.log.catalog, registry: rig.registry,
                makeEntropy: { SeededEntropy(seed: seed &+ UInt64($0.number)) }),
            folder: folder)
        rig.settle()
    }

    /// As a crash: nothing is closed in order.
    func kill() {
        if let worker { rig.kill(worker) }
        worker = nil
    }

    func subscribe(
        _ id: String, types: [NoticeType] = NoticeType.allCases, attempts: Int = 4, firstRetry: Int = 1_000,
        active: Bool = true, former: Bool = false, url: String = "https://receiver.example/hook"
    ) throws {
        let names = types.map { "\"\($0.rawValue)\"" }.joined(separator: ",")
        let extra = former ? ",\"formerSecret\":\"\(Self.formerSecret)\"" : ""
        try rig.configure(
            "subscription", id,
            """
            {"kind":"subscription","id":"\(id)","active":\(active),"url":"\(url)","allowPrivateNetwork":true,
            "secret":"\(Self.secret)"\(extra),"types":[\(names)],"maximumAttempts":\(attempts),
            "firstRetryMilliseconds":\(firstRetry),"timeoutMilliseconds":1000}
            """)
    }

    // MARK: Outcomes, as the ledger and the issuer publish them

    static func wallet(_ name: String) -> WalletID { WalletID(programme: "test", externalID: name) }

    static func event(_ name: String) -> EventID { EventID(source: "pos", idempotencyKey: Array(name.utf8)) }

    func award(
        _ name: String, sequence: Int64?, points: Int64 = 10, refusal: String? = nil, copies: Int = 1
    ) throws {
        let id = Self.event("\(name)/\(sequence ?? 0)").caused(.event)
        var transaction = WalletTransaction(
            id: id, wallet: Self.wallet(name), externalID: name, sequence: sequence, type: .awarded,
            points: Points(refusal == nil ? points : 0), occurredAt: rig.clock.now(),
            recordedAt: rig.clock.now())
        transaction.refusal = refusal
        if refusal == nil, points > 0 {
            transaction.transfers = [
                .init(
                    id: id, debit: .issued, credit: .wallet, points: Points(points), offer: "base",
                    offerVersion: 1)
            ]
        }
        let body = encoded { transaction.encodeAward(to: &$0) }
        for _ in 0..<copies {
            try append(.awards, .awarded, id.value, .walletLedger, Self.wallet(name), body)
        }
    }

    func spend(_ name: String, sequence: Int64, lots: Int = 1) throws {
        let id = Self.event("\(name)/\(sequence)").caused(.commit)
        let transaction = WalletTransaction(
            id: id, wallet: Self.wallet(name), externalID: name, sequence: sequence, type: .spent,
            points: Points(5),
            lots: (0..<lots).map {
                .init(lot: Self.event("lot\($0)").caused(.award(0)), points: Points(-5), expiresAt: nil)
            },
            occurredAt: rig.clock.now(), recordedAt: rig.clock.now())
        let body = encoded { transaction.encodeSpend(to: &$0) }
        try append(.spends, .spent, id.value, .walletLedger, Self.wallet(name), body)
    }

    func reward(_ name: String, request: String, issued: Bool = true, copies: Int = 1) throws {
        let issue = RewardIssue(
            issuance: Self.event(request), wallet: Self.wallet(name), externalID: name, reward: "coffee",
            points: Points(5), status: issued ? .issued : .refused, reason: issued ? nil : "unknown-reward",
            requestedAt: rig.clock.now(), decidedAt: rig.clock.now())
        let body = encoded { issue.encode(to: &$0) }
        for _ in 0..<copies {
            try append(
                .rewardsIssued, issued ? .rewardIssued : .rewardRefused, Self.event(request).value,
                .rewardsIssuer,
                Self.wallet(name), body)
        }
    }

    func append(
        _ topic: TopicID, _ type: MessageType, _ id: UInt128, _ source: ServiceName, _ wallet: WalletID,
        _ body: [UInt8]
    ) throws {
        try rig.append(
            topic, key: wallet.hex,
            headers: [
                ("ce_specversion", "1.0"), ("ce_id", String(decoding: hexDigits(id), as: UTF8.self)),
                ("ce_source", source.rawValue), ("ce_type", type.rawValue),
                ("ce_time", rig.clock.now().description),
                ("content-type", "application/json"),
            ], value: body)
    }

    private func encoded(_ encode: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        encode(&writer)
        return writer.bytes
    }

    // MARK: What came out

    func receipts() throws -> [DeliveryReceipt] {
        try rig.records(of: .notices).compactMap { try $0.value.map { try DeliveryReceipt.decode($0) } }
    }

    func deadLetters() throws -> [(headers: [String: String], value: [UInt8])] {
        try rig.records(of: .deadLetters(of: .notifier)).map { record in
            let pairs = record.headers.map {
                (String(decoding: $0.name, as: UTF8.self), String(decoding: $0.value, as: UTF8.self))
            }
            return (Dictionary(pairs) { $1 }, record.value ?? [])
        }
    }

    func pending() -> Int64? { rig.registry.value(of: "pointstream_deliveries_pending") }
}

/// The sequence number in a webhook's data.
func sequence(_ attempt: WebhookAttempt) throws -> Int64? {
    try JSONDocument(parsing: attempt.body).root["data"]?["sequence"]?.int64
}
