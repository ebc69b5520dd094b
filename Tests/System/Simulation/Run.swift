// One simulated run: all five services, several machines of each, over one simulated cluster, in one thread and
// virtual time. Everything that can happen next is an entry with a time; which of two entries of the same time
// comes first is drawn. Same seed, same run.

import Configuration
import EventLog
import Messages
import NotifierService
import Primitives
import IngressGatewayService
import RewardsIssuerService
import RuleEvaluatorService
import SimulatedLog
import StateStore
@_spi(Simulation) import StreamRuntime
import Telemetry
import WalletLedgerService

/// What a run is made from; equal options give equal runs.
public struct RunOptions: Sendable {
    public var seed: UInt64
    public var filter = FaultFilter()
    public var mutation: Mutation?

    public init(seed: UInt64) { self.seed = seed }
}

extension Safeguard {
    fileprivate init(named name: String) {
        guard let found = Safeguard(rawValue: name) else { preconditionFailure("\(name) is no safeguard") }
        self = found
    }
}

public final class Run {
    /// 2026-11-02T09:00:00Z, a Monday.
    static let start = Timestamp(milliseconds: 1_793_610_000_000)
    static let servicePrefix = "pointstream."

    public let options: RunOptions
    let rates: FaultRates
    let clock: SimulatedClock
    let cluster: SimulatedCluster
    let catalog = TopicCatalog.pointstream()
    let partitions: PartitionCount
    let saboteur: Saboteur
    let receivers: Receivers
    let agenda: Agenda
    let clients: Clients
    let registry = MetricsRegistry()
    let sink = InMemorySink()
    let tombstoneLife: Int64 = 12 * 3_600_000
    /// A lost store lacks more, one that is behind mostly less.
    let restoredAlone: Int64 = 40
    /// Which of the ways to lose a store ends the run.
    let lastLoss: StoreLoss
    var workload: Workload
    var schedule: RunEntropy
    var machines: [Machine] = []
    var submitted: [Submitted] = []
    var violations: [Violation] = []
    private(set) var steps = 0
    private(set) var turnsLeft: Int
    var doorsMade = 0
    private var workloadDue: Timestamp
    private var saboteurDue: Timestamp
    private let limits: BatchLimits
    /// A batch of a simulated run has few rows: in some runs hardly any batch can be undone alone.
    private let undoableRows: Int64
    private var membersMade = 0

    public init(_ options: RunOptions) {
        self.options = options
        var settings = RunEntropy(seed: options.seed, stream: .settings)
        rates = FaultRates(seed: options.seed)
        saboteur = Saboteur(seed: options.seed, rates: rates, filter: options.filter)
        schedule = RunEntropy(seed: options.seed, stream: .schedule)
        clock = SimulatedClock(at: Self.start)
        var clusterSettings = ClusterSettings()
        if case .cluster(let safeguard) = options.mutation { clusterSettings.skipped = [safeguard] }
        if case .worker("timerOffsets") = options.mutation { clusterSettings.skipped = [.offsetsInEveryTransaction] }
        if case .worker("newProducer") = options.mutation {
            clusterSettings.skipped = [.producersEndWithUnknownOutcomes]
        }
        cluster = SimulatedCluster(clock: clock, settings: clusterSettings)
        partitions = PartitionCount(Int32(settings.within(1...4)))
        lastLoss = StoreLoss.allCases[Int(settings.within(0...2))]
        limits = BatchLimits(
            records: Int(settings.within(1...60)), bytes: 1 << 20, lingerMilliseconds: 0)
        undoableRows = [1, 5, StateStore.undoableRows][Int(options.seed % 3)]
        receivers = Receivers(saboteur, clock: clock)
        agenda = Agenda(seed: options.seed, clock: clock)
        clients = Clients(seed: options.seed, agenda: agenda, saboteur: saboteur, clock: clock)
        workload = Workload(seed: options.seed, partitions: partitions)
        turnsLeft = workload.turns
        workloadDue = Self.start.adding(milliseconds: settings.within(0...5_000))
        saboteurDue = Self.start
        for definition in TopicDefinition.all {
            cluster.createTopic(
                catalog.name(of: definition.topic), partitions: definition.isPartitioned ? partitions.number : 1,
                isCompacted: definition.retention == .compact)
        }
        for service in ServiceName.allCases {
            for _ in 0..<settings.within(1...3) { addMachine(service) }
        }
    }

    /// Runs everything and reports.
    public func report() -> RunReport {
        for document in ClientRequests.documents + workload.documents { submit(document) }
        cluster.setFaults(CallFaults(saboteur: saboteur))
        saboteur.isAtWork = true
        clients.turn()
        while turnsLeft > 0, violations.isEmpty {
            go(until: cluster.now.adding(milliseconds: Self.checkedEvery))
            check(isSettled: false)
        }
        if violations.isEmpty { settleAndCheck() }
        return RunReport(
            options: options, rates: rates, struck: saboteur.struck, drawn: saboteur.drawn, digest: digest,
            events: eventCount, steps: steps, virtualMilliseconds: cluster.now.milliseconds - Self.start.milliseconds,
            violations: violations, requests: clients.exchanges, newestFaults: saboteur.newest,
            newestEvents: cluster.newestEvents,
            log: sink.lines)
    }

    /// Between two checks for safety, in virtual milliseconds.
    private static let checkedEvery: Int64 = 20_000

    private var eventCount: Int {
        TopicDefinition.all.reduce(0) { sum, definition in
            sum + logs(of: definition.topic).reduce(0) { $0 + $1.count }
        }
    }

    private var digest: UInt64 {
        var digest = clients.digest
        digest.mix(String(cluster.traceDigest).utf8)
        return digest.value
    }

    // MARK: Machines

    func addMachine(_ service: ServiceName, member: String? = nil) {
        membersMade += 1
        let name = member ?? "m\(membersMade)"
        var alteration: StoreImage.Alteration?
        if case .positionsFirst = options.mutation { alteration = positionsAhead }
        let disk = Disk(alteration: alteration)
        machines.append(
            Machine(
                service, member: name, clock: MachineClock(clock), disk: disk,
                due: cluster.now.adding(milliseconds: schedule.within(0...2_000))))
    }

    func start(_ machine: Machine) {
        // Not owned: the run owns the machine, the machine the worker, and the worker's log the process.
        nonisolated(unsafe) unowned let run = self
        nonisolated(unsafe) unowned let subject = machine
        let process = SimulatedProcess { moment in unsafe run.reached(moment, subject) }
        let log = SimulatedLog(catalog: catalog, cluster: cluster, process: process)
        let status = WorkerStatus()
        let disk = machine.disk
        let worker = Worker(
            log: log, topology: topology(machine, process),
            settings: WorkerSettings(
                member: machine.member, stores: .images { disk.image(of: $0) }, partitions: partitions,
                limits: limits, tombstoneLife: tombstoneLife, restoredAlone: restoredAlone,
                undoableRows: undoableRows),
            clock: machine.clock,
            logger: Logger(service: machine.name, clock: clock, sink: sink),
            registry: registry, status: status)
        if case .worker(let name) = options.mutation { worker.switchedOff = [Safeguard(named: name)] }
        machine.state = .up(worker, process, status)
        if machine.service == .ingressGateway { machine.doorway = makeDoorway(machine, process) }
    }

    private func topology(_ machine: Machine, _ process: SimulatedProcess) -> ServiceTopology {
        let registry = registry
        let topology: ServiceTopology =
            switch machine.service {
            case .ingressGateway: ingressGatewayTopology(registry: registry)
            case .ruleEvaluator: ruleEvaluatorTopology(registry: registry)
            case .walletLedger: walletLedgerTopology()
            case .rewardsIssuer: rewardsIssuerTopology(registry: registry)
            case .notifier: notifier(machine, process)
            }
        guard case .forgetful(let service, let sql) = options.mutation, service == machine.service else {
            return topology
        }
        return topology.forgetting(sql)
    }

    private func notifier(_ machine: Machine, _ process: SimulatedProcess) -> ServiceTopology {
        let seed = options.seed
        return notifierTopology(
            sender: SimulatedSender(receivers: receivers, process: process, clock: machine.clock), catalog: catalog,
            registry: registry,
            makeEntropy: { RunEntropy(seed: seed &+ UInt64($0.number), stream: .receivers) })
    }

    // MARK: Time

    /// Lets everything happen that is due before a time.
    func go(until end: Timestamp) {
        while let entry = nextEntry(before: end) {
            if entry.due > cluster.now { advance(to: entry.due) }
            perform(entry.action)
        }
        if end > cluster.now { advance(to: end) }
    }

    func advance(to time: Timestamp) {
        cluster.advance(milliseconds: time.milliseconds - cluster.now.milliseconds)
        receivers.deliver()
    }

    private enum Action {
        case step(Machine)
        case door(Doorway)
        case arrival
        case workload
        case saboteur
    }

    private func nextEntry(before end: Timestamp) -> (due: Timestamp, action: Action)? {
        var entries: [(due: Timestamp, action: Action)] = []
        for machine in machines {
            if !machine.isStandingStill { entries.append((machine.due, .step(machine))) }
            if let doorway = machine.doorway, doorway.isIdle, !machine.isFrozen {
                entries.append((doorway.due, .door(doorway)))
            }
        }
        if let due = agenda.nextDue { entries.append((due, .arrival)) }
        if turnsLeft > 0 { entries.append((workloadDue, .workload)) }
        if saboteur.isAtWork { entries.append((saboteurDue, .saboteur)) }
        guard let first = entries.map(\.due).min(), first < end else { return nil }
        let candidates = entries.filter { $0.due == first }
        return candidates.count == 1 ? candidates[0] : candidates[Int(schedule.below(UInt64(candidates.count)))]
    }

    private func perform(_ action: Action) {
        switch action {
        case .step(let machine): step(machine)
        case .door(let doorway): turn(doorway)
        case .arrival: takeArrival()
        case .workload:
            for submission in workload.turn(at: cluster.now) { submit(submission) }
            turnsLeft -= 1
            workloadDue = cluster.now.adding(milliseconds: schedule.within(1...1_500))
        case .saboteur:
            sabotage()
            saboteurDue = cluster.now.adding(milliseconds: schedule.within(200...1_200))
        }
    }

    private func step(_ machine: Machine) {
        guard case .up(let worker, let process, let status) = machine.state else {
            start(machine)
            machine.due = cluster.now.adding(milliseconds: schedule.within(0...50))
            return
        }
        steps += 1
        let before = cluster.traceDigest
        do throws(WorkerStop) {
            let pause = try worker.step()
            let isIdle = cluster.traceDigest == before
            // When nothing strikes any more, idle workers need not look so often to be fair to each other.
            let idle = saboteur.isAtWork ? schedule.within(40...120) : schedule.within(150...350)
            let wait = max(pause, isIdle ? idle : schedule.within(1...20))
            if !process.isDead { machine.due = cluster.now.adding(milliseconds: wait) }
        } catch {
            guard !process.isDead else { return }
            status.stop(error)
            stopped(machine, error)
        }
    }

    /// A worker that gives up is started again by its supervisor; only one with a twin has a reason to.
    private func stopped(_ machine: Machine, _ stop: WorkerStop) {
        if machine.hasTwin, stop.detail.contains("FENCED_INSTANCE_ID") {
            end(machine, restartAt: cluster.now)
            machines.removeAll { $0 === machine }
            return
        }
        violations.append(Violation("a worker gave up", "\(machine.name): \(stop)"))
        end(machine, restartAt: cluster.now.adding(milliseconds: 1_000))
    }

    /// Ends a process; its connections break.
    func end(_ machine: Machine, restartAt time: Timestamp) {
        machine.crash(restartAt: time)
        clients.lost(machine)
    }

    // MARK: What goes in

    func submit(_ submission: Submission) {
        let time = cluster.now
        do throws(LogFailure) {
            submitted.append(Submitted(submission, at: time, offset: try append(submission)))
        } catch {
            preconditionFailure("the workload submits to topics that exist: \(error)")
        }
    }

    private func append(_ submission: Submission) throws(LogFailure) -> Offset {
        switch submission {
        case .document(let kind, let id, let json):
            return try cluster.append(
                topic: catalog.name(of: .config), partition: PartitionIndex(0), key: Array("\(kind)/\(id)".utf8),
                value: json.map { Array($0.utf8) })
        case .record(let record):
            let place = record.partition ?? record.key.map { partitions.partition(of: $0) } ?? PartitionIndex(0)
            return try cluster.append(
                topic: catalog.name(of: record.topic), partition: place, key: record.key,
                headers: record.headers.map { SimulatedRecord.Header($0.name, $0.value) }, value: record.value)
        }
    }
}
