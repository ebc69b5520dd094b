// A run in which nothing fails but receivers of webhooks: the real five services over the simulated log, one
// instance each, fed by a workload. Shows that the checks find nothing where nothing is wrong, and gives the
// evidence that tests tamper with.

import EventLog
import Foundation
import Messages
import NotifierDomain
import NotifierService
import Primitives
import RewardsIssuerService
import RuleEvaluatorService
import ServiceRig
import Simulation
import SimulatedLog
import StateStore
import StreamRuntime
import Synchronization
import WalletLedgerService

@testable import IngressGatewayService

/// Subscribers' servers: they answer at once, and now and then with an error or not at all.
final class SeededReceivers: WebhookSender {
    private struct State {
        var entropy: SeededEntropy
        var attempts: [Simulation.WebhookAttempt] = []
    }

    private let clock: SimulatedClock
    private let failingPercent: UInt64
    private let state: Mutex<State>

    init(seed: UInt64, clock: SimulatedClock) {
        self.clock = clock
        failingPercent = seed % 3 * 25
        state = Mutex(State(entropy: SeededEntropy(seed: seed)))
    }

    var attempts: [Simulation.WebhookAttempt] { state.withLock { $0.attempts } }

    func send(_ attempts: [NotifierService.WebhookAttempt], results: AttemptMailbox) {
        for attempt in attempts {
            let outcome = state.withLock { state in
                let outcome = draw(&state.entropy)
                state.attempts.append(
                    Simulation.WebhookAttempt(
                        time: clock.now(), url: attempt.url.description,
                        headers: attempt.headers(at: clock.now()), body: attempt.body, status: outcome.status))
                return outcome
            }
            results.post(AttemptResult(number: attempt.number, outcome: outcome))
        }
    }

    private func draw(_ entropy: inout SeededEntropy) -> AttemptOutcome {
        guard entropy.below(100) < failingPercent else { return .answered(status: 200, retryAfterSeconds: nil) }
        switch entropy.below(6) {
        case 0: return .failed(.timeout)
        case 1: return .answered(status: 410, retryAfterSeconds: nil)
        case 2: return .answered(status: 503, retryAfterSeconds: 1)
        default: return .answered(status: 500, retryAfterSeconds: nil)
        }
    }
}

final class FaultFreeRun {
    /// Passes of a minute without a new webhook after which none is expected.
    private static let quietPasses = 3
    private static let maximumPasses = 400

    let rig: ServiceRig
    let receivers: SeededReceivers
    private var workload: Workload
    private var entropy: SeededEntropy
    private let folder: String
    private(set) var submitted: [Submitted] = []
    private var running: [ServiceName: ServiceRig.RunningWorker] = [:]

    init(seed: UInt64, partitions: Int32 = 2) throws {
        rig = ServiceRig(partitions: partitions)
        receivers = SeededReceivers(seed: seed, clock: rig.clock)
        workload = Workload(seed: seed, partitions: rig.partitions)
        entropy = SeededEntropy(seed: seed &+ 1)
        let process = ProcessInfo.processInfo.processIdentifier
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("system-\(process)-\(seed)-\(UInt64.random(in: 0...UInt64.max))").path
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: folder)
        } catch {
            print("left behind: \(folder): \(error)")
        }
    }

    private var topologies: [ServiceTopology] {
        [
            ingressGatewayTopology(registry: rig.registry), ruleEvaluatorTopology(registry: rig.registry),
            walletLedgerTopology(), rewardsIssuerTopology(registry: rig.registry),
            notifierTopology(
                sender: receivers, catalog: rig.log.catalog, registry: rig.registry,
                makeEntropy: { SeededEntropy(seed: UInt64($0.number)) }),
        ]
    }

    private func path(_ service: ServiceName) -> String { "\(folder)/\(service.rawValue)" }

    /// Runs the workload to its end.
    ///
    /// - Parameter observe: called after every turn.
    func run(observe: (FaultFreeRun) throws -> Void = { _ in }) throws {
        try submit(workload.documents)
        for topology in topologies {
            let place = path(topology.service)
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            running[topology.service] = rig.start(topology, folder: place)
        }
        for _ in 0..<workload.turns {
            try turn()
            try observe(self)
        }
        rig.settle()
        settleWebhooks()
    }

    private func turn() throws {
        try submit(workload.turn(at: rig.clock.now()))
        switch entropy.below(20) {
        case 0...6: rig.stepAll()
        case 7...12: rig.pass(milliseconds: Int64(entropy.below(2_000)))
        case 13...17: rig.pass(milliseconds: Int64(entropy.below(60_000)))
        case 18: rig.pass(milliseconds: Int64(entropy.below(3 * 3_600_000)))
        default: rig.pass(milliseconds: Int64(entropy.below(60 * 3_600_000)))
        }
    }

    private func submit(_ submissions: [Submission]) throws {
        for submission in submissions {
            let time = rig.clock.now()
            let offset: Offset
            switch submission {
            case .document(let kind, let id, let json):
                offset = try rig.cluster.append(
                    topic: rig.log.catalog.name(of: .config), partition: PartitionIndex(0),
                    key: Array("\(kind)/\(id)".utf8), value: json.map { Array($0.utf8) })
            case .record(let record):
                let place =
                    record.partition ?? record.key.map { rig.partitions.partition(of: $0) } ?? PartitionIndex(0)
                offset = try rig.cluster.append(
                    topic: rig.log.catalog.name(of: record.topic), partition: place, key: record.key,
                    headers: record.headers.map { SimulatedRecord.Header($0.name, $0.value) }, value: record.value)
            }
            submitted.append(Submitted(submission, at: time, offset: offset))
        }
    }

    private func settleWebhooks() {
        var (quiet, count) = (0, receivers.attempts.count)
        for _ in 0..<Self.maximumPasses where quiet < Self.quietPasses {
            rig.pass(milliseconds: 60_000)
            let now = receivers.attempts.count
            quiet = now == count ? quiet + 1 : 0
            count = now
        }
    }

    /// What can be seen; with the stores, the run is over.
    func evidence(isSettled: Bool) throws -> Evidence {
        var stores: [StoreContents] = []
        if isSettled {
            for topology in topologies {
                if let worker = running.removeValue(forKey: topology.service) { rig.close(worker) }
                for partition in rig.partitions.all {
                    let file = "\(path(topology.service))/partition-\(partition.number).sqlite"
                    let store = try StateStore(.file(path: file), schema: topology.schema)
                    stores.append(
                        StoreContents(
                            service: topology.service, partition: partition,
                            tables: try StoreRows.contents(of: store.connection)))
                }
            }
        }
        var topics: [TopicID: [[SimulatedRecord]]] = [:]
        for definition in TopicDefinition.all {
            let count = definition.isPartitioned ? rig.partitions.number : 1
            topics[definition.topic] = try (0..<count).map { number in
                try rig.cluster.records(
                    topic: rig.log.catalog.name(of: definition.topic), partition: PartitionIndex(number))
            }
        }
        return Evidence(
            partitions: rig.partitions, submitted: submitted, topics: topics, attempts: receivers.attempts,
            stores: stores, isSettled: isSettled, endedAt: rig.clock.now())
    }
}
