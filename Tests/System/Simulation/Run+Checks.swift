// The end of a run: faults stop, everything has to come to rest in time, the checks see all of it, and every
// store is thrown away and must come back equal.

import EventLog
import Messages
import Primitives
import SimulatedLog
import StateStore
@_spi(Simulation) import StreamRuntime

/// What becomes of every store at the end of a run; each must come back as it was.
enum StoreLoss: String, CaseIterable {
    case erased = "rebuilt from nothing"
    case slept = "that slept for a day"
    case damaged = "with a damaged page"
}

extension Run {
    /// In this much virtual time without faults everything that was submitted must be processed: two session
    /// time-outs, a transaction's time-out with the coordinator's check, a restore, and the longest pause of a
    /// worker, several times over.
    private static let patienceMilliseconds: Int64 = 180_000
    /// Then time passes in leaps, so that retries and expiries that wait for hours happen.
    private static let leaps: [Int64] = [60_000, 600_000, 3_600_000, 6 * 3_600_000, 24 * 3_600_000, 60_000]

    func settleAndCheck() {
        heal()
        clients.insist()
        let stale = machines.map { (machine: $0, disk: $0.disk.copy()) }
        guard rest() else { return }
        for leap in Self.leaps {
            self.leap(leap)
            guard rest() else { return }
        }
        let stores = stores()
        check(isSettled: true, stores: stores)
        comparePositions(stores)
        guard violations.isEmpty, rebuildsAreCompared else { return }
        cluster.compactAll(tombstonesOlderThan: tombstoneLife)
        restartEach(lastLoss.rawValue, stores) { machine in
            switch lastLoss {
            case .erased: for image in machine.disk.all { image.erase() }
            case .slept: if let old = stale.first(where: { $0.machine === machine }) { machine.disk = old.disk }
            case .damaged:
                for image in machine.disk.all {
                    if case .uncheckedPages = options.mutation { image.stopChecking() }
                    turnBit(of: image)
                }
            }
        }
    }

    /// A service that forgets rows on purpose has other stores than one that restores them.
    private var rebuildsAreCompared: Bool {
        if case .forgetful = options.mutation { false } else { true }
    }

    /// One bit where SQLite puts rows, near the end of a page: it would read it as if it had been written. More of
    /// them would be noticed by SQLite's own checks of types and order.
    private func turnBit(of image: StoreImage) {
        let (page, place) = (Int(schedule.within(1...1_000)), Int(schedule.within(1...300)))
        image.damage { bytes in
            let pages = bytes.count / 4_096
            guard pages > 1 else { return }
            bytes[(1 + page % (pages - 1) + 1) * 4_096 - place] ^= 0x01
        }
    }

    /// Steps until nobody has anything to do; false if that does not happen in time.
    private func rest() -> Bool {
        let limit = cluster.now.adding(milliseconds: Self.patienceMilliseconds)
        var (quiet, before) = (0, cluster.traceDigest)
        while cluster.now < limit {
            go(until: cluster.now.adding(milliseconds: 1_200))
            let isQuiet = unfinished().isEmpty && cluster.traceDigest == before && receivers.isIdle
                && clients.isIdle
            quiet = isQuiet ? quiet + 1 : 0
            before = cluster.traceDigest
            if quiet >= 2 { return violations.isEmpty }
        }
        let reasons = unfinished()
        violations.append(
            Violation(
                "everything comes to rest after the faults",
                reasons.isEmpty ? "something goes on for ever" : reasons.joined(separator: "; ")))
        return false
    }

    private func unfinished() -> [String] {
        var reasons = clients.waiting
        for machine in machines {
            guard let status = machine.status else {
                reasons.append("\(machine.name) is down")
                continue
            }
            if !status.isReady { reasons.append("\(machine.name) waits for \(status.snapshot.waitingFor)") }
        }
        for (service, inputs) in Self.inputs {
            for topic in inputs {
                for partition in allPartitions {
                    let lag = lag(service, topic, partition)
                    guard lag > 0 else { continue }
                    reasons.append("\(service.rawValue) lags \(lag) in \(catalog.name(of: topic))/\(partition)")
                }
            }
        }
        return reasons
    }

    static let inputs: [(service: ServiceName, topics: [TopicID])] = [
        (.ingressGateway, [.ingress, .intake]), (.ruleEvaluator, [.customerEvents]),
        (.walletLedger, [.walletCommands]), (.rewardsIssuer, [.rewardRequests, .walletTransactions]),
        (.notifier, [.awards, .spends, .rewardsIssued]),
    ]

    var allPartitions: [PartitionIndex] { (0..<partitions.number).map(PartitionIndex.init) }

    private func lag(_ service: ServiceName, _ topic: TopicID, _ partition: PartitionIndex) -> Int {
        looking { () throws(LogFailure) in
            try cluster.lag(group: group(service), topic: catalog.name(of: topic), partition: partition)
        }
    }

    /// For questions about topics that the run itself has made.
    private func looking<Result>(_ body: () throws(LogFailure) -> Result) -> Result {
        do throws(LogFailure) {
            return try body()
        } catch {
            preconditionFailure("the run asks for topics that exist: \(error)")
        }
    }

    // MARK: Evidence

    /// The committed records of a topic, a line each, for whoever reads a failed run.
    public func listing(of noun: String) -> [String] {
        guard let definition = TopicDefinition.all.first(where: { $0.noun == noun }) else { return [] }
        return logs(of: definition.topic).enumerated().flatMap { partition, records in
            records.map { record in
                let headers = record.headers.map { header in
                    String(decoding: header.name, as: UTF8.self) + "=" + String(decoding: header.value, as: UTF8.self)
                }
                return "\(noun)/\(partition)@\(record.offset) \(record.timestamp) \(record.keyText ?? "-") "
                    + "[\(headers.joined(separator: " "))] \(record.valueText ?? "-")"
            }
        }
    }

    func logs(of topic: TopicID) -> [[SimulatedRecord]] {
        let count = TopicDefinition.all[topic.number].isPartitioned ? partitions.number : 1
        return (0..<count).map { number in
            looking { () throws(LogFailure) in
                try cluster.records(topic: catalog.name(of: topic), partition: PartitionIndex(number))
            }
        }
    }

    func check(isSettled: Bool, stores: [StoreContents] = []) {
        violations += Simulation.violations(in: evidence(isSettled: isSettled, stores: stores))
    }

    /// All that can be seen now.
    public func evidence(isSettled: Bool, stores: [StoreContents] = []) -> Evidence {
        var topics: [TopicID: [[SimulatedRecord]]] = [:]
        for definition in TopicDefinition.all { topics[definition.topic] = logs(of: definition.topic) }
        return Evidence(
            partitions: partitions, submitted: submitted, topics: topics, attempts: receivers.received,
            stores: stores, isSettled: isSettled, endedAt: isSettled ? cluster.now : nil,
            requests: clients.exchanges)
    }

    /// The store of each partition of each service, as its owner's disk has it.
    func stores() -> [StoreContents] {
        var stores: [StoreContents] = []
        for service in ServiceName.allCases {
            for assignment in cluster.assignments(group: group(service)) {
                guard let owner = machines.last(where: { $0.service == service && $0.member == assignment.member })
                else { continue }
                for partition in assignment.partitions {
                    stores.append(contents(service, partition, owner.disk.image(of: partition)))
                }
            }
        }
        return stores.sorted { ($0.service.rawValue, $0.partition) < ($1.service.rawValue, $1.partition) }
    }

    private func contents(_ service: ServiceName, _ partition: PartitionIndex, _ image: StoreImage) -> StoreContents {
        do throws(StoreFailure) {
            return StoreContents(service: service, partition: partition, tables: try StoreRows.contents(of: image))
        } catch {
            violations.append(Violation("every store can be read", "\(service.rawValue)/\(partition): \(error)"))
            return StoreContents(service: service, partition: partition, tables: [:])
        }
    }

    // MARK: Stores

    /// At rest a store has seen exactly what its group has committed.
    private func comparePositions(_ stores: [StoreContents]) {
        for store in stores {
            guard let inputs = Self.inputs.first(where: { $0.service == store.service })?.topics else { continue }
            for topic in inputs {
                let name = catalog.name(of: topic)
                let row = store.tables["input_position"]?.first { $0["topic"] == name }
                let stored = (row?["next_offset"] ?? nil).flatMap { Int64($0) }
                let committed = looking { () throws(LogFailure) in
                    try cluster.committedOffset(group: group(store.service), topic: name, partition: store.partition)
                }
                let position: Int64? = if case .offset(let offset) = committed { offset.number } else { nil }
                guard stored != position else { continue }
                violations.append(
                    Violation(
                        "a store has seen what its group has committed",
                        "\(name)/\(store.partition): store \(stored ?? -1), group \(position ?? -1)"))
            }
        }
    }

    /// Tables that say where a store stands in the log, not what it holds.
    private static let placeTables: Set<String> = ["log_position", "store_fact"]

    /// Kills everything, breaks the disks, and requires that the stores come back as they were.
    private func restartEach(_ name: String, _ live: [StoreContents], _ breakDisk: (Machine) -> Void) {
        guard violations.isEmpty else { return }
        for machine in machines {
            end(machine, restartAt: cluster.now)
            breakDisk(machine)
        }
        advance(to: cluster.now.adding(milliseconds: 30_000))
        guard rest() else { return }
        let promise = "a store \(name) equals the live one"
        let rebuilt = stores()
        for (before, after) in zip(live, rebuilt) {
            for table in Set(before.tables.keys).union(after.tables.keys).sorted()
            where !Self.placeTables.contains(table) {
                guard before.tables[table] != after.tables[table] else { continue }
                violations.append(
                    Violation(
                        promise,
                        "\(before.service.rawValue)/\(before.partition) \(table): "
                            + difference(before.tables[table] ?? [], after.tables[table] ?? [])))
            }
        }
        if live.count != rebuilt.count {
            violations.append(
                Violation(promise, "\(live.count) stores, \(rebuilt.count) rebuilt"))
        }
    }

    private func difference(_ before: [[String: String?]], _ after: [[String: String?]]) -> String {
        let lost = before.filter { !after.contains($0) }
        let new = after.filter { !before.contains($0) }
        return "\(before.count) rows, \(after.count) rebuilt; only live: \(text(lost)); only rebuilt: \(text(new))"
    }

    private func text(_ rows: [[String: String?]]) -> String {
        rows.prefix(3).map { row in
            row.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value ?? "null")" }.joined(separator: " ")
        }.joined(separator: " | ")
    }
}
