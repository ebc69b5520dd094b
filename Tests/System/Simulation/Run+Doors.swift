// The gateway's other half in a run: requests reach the doors of machines that are up, records reach the
// brokers, and the doors' loops take their turns beside the workers. A machine that stands still takes nothing
// until it goes on; one that ends takes its connections with it.

import EventLog
import HTTPGate
import IngressGatewayService
import Messages
import Primitives
import SimulatedLog
import Telemetry

extension Run {
    func makeDoorway(_ machine: Machine, _ process: SimulatedProcess) -> Doorway {
        doorsMade += 1
        var entropy = RunEntropy(seed: options.seed &+ UInt64(doorsMade), stream: .doors)
        // Sometimes so few that requests are turned away.
        let maximumWaits = entropy.below(4) == 0 ? 1 + Int(entropy.below(3)) : 1_000
        let settings = DoorSettings(
            partitions: partitions, replyPartition: partitions.partition(of: Array(machine.member.utf8)),
            waitMaximumSeconds: HTTPExchange.longestWaitSeconds, maximumWaits: maximumWaits)
        return Doorway(
            settings, log: SimulatedLog(catalog: catalog, cluster: cluster, process: process),
            publisher: SimulatedPublisher(agenda: agenda, saboteur: saboteur, process: process),
            clock: machine.clock, entropy: &entropy,
            logger: Logger(service: machine.name, clock: clock, sink: sink), registry: registry,
            due: cluster.now.adding(milliseconds: schedule.within(0...50)))
    }

    /// A turn of a door's loop. It takes some time, as a poll without records would.
    func turn(_ doorway: Doorway) {
        let went = doorway.turn()
        let isWaitedFor = doorway.door.waiting > 0 || !doorway.door.isReady
        let wait = went ? (isWaitedFor ? schedule.within(5...60) : schedule.within(40...400)) : 200
        doorway.due = cluster.now.adding(milliseconds: wait)
    }

    // MARK: Arrivals

    func takeArrival() {
        guard let arrival = agenda.takeNext() else { return }
        switch arrival {
        case .turn: if turnsLeft > 0 { clients.turn() }
        case .send(let intent): clients.send(intent)
        case .request(let exchange): route(exchange)
        case .answer(let exchange, let response): clients.take(response, for: exchange)
        case .hangUp(let exchange): clients.hangUp(exchange)
        case .serverPatienceEnds(let exchange): endServerPatience(exchange)
        case .record(let record, let process): write(record, of: process)
        case .report(let report, let process): tell(report, to: process)
        }
    }

    private func route(_ exchange: Int) {
        let listening = machines.filter { $0.doorway != nil }
        guard !listening.isEmpty else { return clients.refused(exchange) }
        let machine = listening[clients.picks(of: listening.count)]
        guard let process = machine.process else { return clients.refused(exchange) }
        clients.reached(machine, exchange, Caller(exchange, process: process, agenda: agenda))
        machine.isFrozen ? machine.inbox.append(.request(exchange: exchange)) : serve(exchange, at: machine)
    }

    /// The request is complete in the machine that it reached.
    private func serve(_ exchange: Int, at machine: Machine) {
        guard let doorway = machine.doorway, let caller = clients.caller(of: exchange) else { return }
        doorway.take(clients.request(of: exchange), from: caller)
        let patience = Doorway.serverPatience(doorway.settings)
        agenda.add(.serverPatienceEnds(exchange: exchange), after: patience...patience)
        // Whoever waits wakes the loop, whose turns are rare while nobody does.
        doorway.due = min(doorway.due, cluster.now.adding(milliseconds: 60))
    }

    private func endServerPatience(_ exchange: Int) {
        guard let caller = clients.caller(of: exchange), let machine = clients.machine(of: exchange) else { return }
        guard !machine.isFrozen else { return machine.inbox.append(.serverPatienceEnds(exchange: exchange)) }
        if let door = machine.doorway?.door { _ = caller.answer(door.refusal(.tooLate)) }
    }

    /// What a machine could not take while it stood still.
    func goOn(_ machine: Machine) {
        let inbox = machine.inbox
        machine.inbox = []
        for arrival in inbox {
            if case .request(let exchange) = arrival {
                serve(exchange, at: machine)
            } else {
                agenda.add(arrival, after: 0...0)
            }
        }
    }

    // MARK: Brokers

    /// A record that was on its way when its process ended may still arrive, or not.
    private func write(_ record: DoorRecord, of process: SimulatedProcess) {
        guard !process.isDead || clients.picks(of: 2) == 0 else { return }
        submit(
            .record(
                SubmittedRecord(
                    topic: record.place.topic, key: record.key,
                    headers: record.headers.map { ($0.name, String(decoding: $0.value, as: UTF8.self)) },
                    value: record.value, partition: record.place.partition)))
    }

    private func tell(_ report: Arrival.Report, to process: SimulatedProcess) {
        guard !process.isDead, let machine = machines.first(where: { $0.process === process }) else { return }
        if machine.isFrozen { return machine.inbox.append(.report(report, to: process)) }
        report.completion(report.result)
    }
}
