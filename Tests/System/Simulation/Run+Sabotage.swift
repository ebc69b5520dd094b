// What breaks in a run besides single calls: processes, groups, brokers, clocks and disks. Everything asks the
// saboteur whether it happens.

import EventLog
import Messages
import Primitives
import SimulatedLog
@_spi(Simulation) import StreamRuntime

extension Run {
    // MARK: Between two steps of a process

    /// A process is between two things that it does: it may end here, stand still, or be overtaken.
    func reached(_ moment: SimulatedProcess.Moment, _ machine: Machine) {
        // Between the log's commit and the store's is where most can go wrong.
        let likelier: UInt64 = moment == .decided ? 10 : 1
        if saboteur.strikes(.crash, times: likelier, "\(machine.name) when \(moment)") {
            return crash(machine)
        }
        if saboteur.strikes(.pause, times: likelier, "\(machine.name) when \(moment)") {
            cluster.silence(member: machine.member, group: group(machine.service))
            stand(machine, for: saboteur.within(1_000...60_000), asWhole: true)
        } else if saboteur.strikes(.interleaving, machine.name) {
            stand(machine, for: saboteur.within(1...200), asWhole: false)
        }
    }

    func group(_ service: ServiceName) -> String { Self.servicePrefix + service.rawValue }

    /// Lets everything else go on for a while.
    ///
    /// - Parameter isWhole: nothing of the process goes on, its door included; else only its worker stands.
    private func stand(_ machine: Machine, for milliseconds: Int64, asWhole isWhole: Bool) {
        // Nothing can be done by a door in the middle of a turn.
        let isWhole = isWhole || !(machine.doorway?.isIdle ?? true)
        machine.standing += 1
        if isWhole { machine.freeze(at: cluster.now) }
        go(until: cluster.now.adding(milliseconds: milliseconds))
        machine.standing -= 1
        if isWhole, let since = machine.thaw() {
            clients.stoodStill(machine, since: since)
            goOn(machine)
        }
    }

    /// Time in which nothing happens at all.
    func leap(_ milliseconds: Int64) {
        let before = cluster.now
        advance(to: before.adding(milliseconds: milliseconds))
        clients.stoodStill(nil, since: before)
    }

    func crash(_ machine: Machine) {
        guard machine.isUp else { return }
        // Mostly started again at once; sometimes long after the group has given its partitions away.
        let isLong = saboteur.strikes(.longAbsence, machine.name)
        let wait = isLong ? saboteur.within(60_000...30_000_000) : saboteur.within(10...20_000)
        end(machine, restartAt: cluster.now.adding(milliseconds: wait))
        breakDisk(of: machine)
    }

    private func breakDisk(of machine: Machine) {
        let images = machine.disk.all
        guard !images.isEmpty else { return }
        let image = images[Int(saboteur.within(0...Int64(images.count - 1)))]
        if saboteur.strikes(.diskLost, machine.name) { image.erase() }
        let partitions = machine.disk.partitions
        if partitions.count > 1, saboteur.strikes(.diskSwapped, machine.name) {
            let first = Int(saboteur.within(0...Int64(partitions.count - 2)))
            machine.disk.swap(partitions[first], partitions[first + 1])
        }
        if saboteur.strikes(.powerLoss, machine.name) { image.forget(commits: Int(saboteur.within(1...3))) }
        if saboteur.strikes(.pageDamage, machine.name) {
            let (page, first) = (saboteur.within(0...1_000_000), UInt8(saboteur.within(0...255)))
            if case .uncheckedPages = options.mutation { image.stopChecking() }
            image.damage { bytes in damagePage(Int(page), of: &bytes, with: first) }
        }
    }

    /// Overwrites the head of a page.
    func damagePage(_ number: Int, of bytes: inout [UInt8], with first: UInt8) {
        let pageBytes = 4_096
        let start = number % max(1, bytes.count / pageBytes) * pageBytes
        for index in start..<min(start + 64, bytes.count) { bytes[index] = first &+ UInt8(index - start) }
    }

    // MARK: From time to time

    func sabotage() {
        sabotageGroups()
        sabotageBrokers()
        sabotageMachines()
    }

    private func anyMachine() -> Machine { machines[Int(saboteur.within(0...Int64(machines.count - 1)))] }

    private func anyService() -> ServiceName {
        ServiceName.allCases[Int(saboteur.within(0...Int64(ServiceName.allCases.count - 1)))]
    }

    private func sabotageGroups() {
        let service = anyService()
        if saboteur.strikes(.rebalance, service.rawValue) { cluster.rebalance(group: group(service)) }
        let machine = anyMachine()
        if saboteur.strikes(.removedMember, machine.name) {
            cluster.remove(member: machine.member, group: group(machine.service))
        }
        if !machine.hasTwin, machine.isUp, saboteur.strikes(.twin, machine.name) {
            machine.hasTwin = true
            addMachine(machine.service, member: machine.member)
            machines.last?.hasTwin = true
        }
    }

    private func sabotageBrokers() {
        if saboteur.strikes(.brokerPause, "") { cluster.pauseBroker(milliseconds: saboteur.within(100...5_000)) }
        if saboteur.strikes(.hangingTransaction, "") { hang() }
        if saboteur.strikes(.compaction, "") { cluster.compactAll(tombstonesOlderThan: tombstoneLife) }
        if saboteur.strikes(.timeLeap, "") {
            leap(saboteur.within(60_000...8 * 3_600_000))
        }
    }

    /// Somebody else's transaction stays open in a partition until the coordinator ends it.
    private func hang() {
        let partition = PartitionIndex(Int32(saboteur.within(0...Int64(partitions.number - 1))))
        let topic: TopicID = saboteur.within(0...1) == 0 ? .ingress : .walletCommands
        do throws(LogFailure) {
            try cluster.appendOpen(
                transactionalID: "foreign", topic: catalog.name(of: topic), partition: partition, key: nil,
                value: Array("never committed".utf8))
        } catch {
            preconditionFailure("the topics exist: \(error)")
        }
    }

    private func sabotageMachines() {
        let machine = anyMachine()
        if machine.isUp, saboteur.strikes(.crash, times: 10, machine.name) { crash(machine) }
        if saboteur.strikes(.clockJump, machine.name) {
            machine.clock.jump(milliseconds: saboteur.within(-3_600_000...3_600_000))
        }
        if machine.disk.isFull {
            if saboteur.within(0...4) == 0 { machine.disk.isFull = false }
        } else if saboteur.strikes(.diskFull, machine.name) {
            machine.disk.isFull = true
        }
    }

    /// The end of all faults: everything that is broken for a while is whole again.
    func heal() {
        saboteur.isAtWork = false
        cluster.setFaults(nil)
        for machine in machines {
            machine.disk.isFull = false
            machine.clock.jump(milliseconds: 0)
            machine.due = min(machine.due, cluster.now.adding(milliseconds: 1_000))
        }
    }
}
