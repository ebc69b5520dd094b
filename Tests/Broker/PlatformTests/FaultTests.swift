// What may happen to processes, files and brokers while purchases go on, one kind of fault a test: none of it is
// seen from outside. The long form, with everything at once, is compose/torture.

import Foundation
import Messages
import Primitives
import TestBroker
import Testing

extension PlatformTests {
    /// Beneath the platform's suite, so that only one platform runs at a time.
    @Suite("Faults") struct FaultTests {
        /// A platform with purchases, and what is due.
        private final class Shop {
            let platform: Platform
            private var check = ExactnessCheck()
            private var entropy: SeededEntropy

            init(_ name: String, on cluster: TestCluster? = nil) throws {
                platform = try Platform(name, on: cluster)
                entropy = SeededEntropy(seed: name.utf8.reduce(0) { $0 &* 31 &+ UInt64($1) })
            }

            /// Publishes purchases of thirty customers and returns when the broker has them; nobody waits for the
            /// services.
            func buy(_ count: Int = 300) throws {
                for _ in 0..<count {
                    let (customer, cents) = ("customer-\(entropy.below(30))", entropy.below(20_000))
                    let total = "\(cents / 100).\(cents % 100 < 10 ? "0" : "")\(cents % 100)"
                    try platform.publish(key: "\(check.purchases)", customer: customer, total: total)
                    check.expect(customer: customer, points: Int64(cents / 100))
                }
                try platform.flush()
            }

            /// Waits until everything was awarded, and checks all of it.
            func settle() throws {
                _ = try platform.wait(for: check.purchases, on: .awards)
                try platform.waitUntilReady()
                try check.verify(platform)
            }

            func pair(of service: ServiceName) throws -> (first: ServiceRun, second: ServiceRun) {
                let first = try platform.run(service)
                let second = try platform.start(service, instance: "2")
                try eventually("the two share the partitions") {
                    partitions(first) == 2 && partitions(second) == 2
                }
                return (first, second)
            }

            func partitions(_ run: ServiceRun) -> Int64 { run.metric("pointstream_running_partitions") }
        }

        @Test func `processes that stood still longer than their sessions find that they are fenced`() throws {
            let shop = try Shop("zombies")
            try shop.platform.startAll()
            let pairs = try [ServiceName.walletLedger, .ruleEvaluator].map { try shop.pair(of: $0) }
            try shop.buy()
            // In the midst of them: each has polled records, and perhaps a transaction is open.
            for (zombie, _) in pairs { zombie.freeze() }
            try shop.buy()
            for (_, successor) in pairs {
                try eventually("the other takes everything over") { shop.partitions(successor) == 4 }
            }
            try shop.buy()
            for (zombie, _) in pairs { zombie.thaw() }
            for (zombie, successor) in pairs {
                try eventually("it notices that it has lost its partitions") {
                    zombie.hasLogged("partitions.lost") || zombie.hasLogged("worker.failure")
                }
                try eventually("the two share the partitions again") {
                    shop.partitions(zombie) == 2 && shop.partitions(successor) == 2
                }
            }
            try shop.buy()
            try shop.settle()
        }

        @Test func `of two instances one is killed, and the other has everything when the session is over`() throws {
            let shop = try Shop("two")
            try shop.platform.startAll()
            var pairs: [(victim: ServiceRun, survivor: ServiceRun)] = []
            for (index, service) in ServiceName.allCases.enumerated() {
                let (first, second) = try shop.pair(of: service)
                pairs.append(index.isMultiple(of: 2) ? (first, second) : (second, first))
            }
            try shop.buy()
            for pair in pairs { pair.victim.kill() }
            try shop.buy()
            for pair in pairs {
                try eventually("\(pair.survivor.service.rawValue) has everything") {
                    shop.partitions(pair.survivor) == 4
                }
            }
            try shop.settle()
        }

        @Test func `store files deleted, cut, with bits turned over, older or swapped change nothing`() throws {
            let shop = try Shop("stores")
            try shop.platform.startAll()
            try shop.buy()
            var entropy = SeededEntropy(seed: 7)
            var older: [ServiceName: [String: Data]] = [:]
            for damage in StoreDamage.allCases {
                try shop.buy(100)
                for service in ServiceName.allCases { try shop.platform.run(service).kill() }
                for service in ServiceName.allCases {
                    let folder = shop.platform.dataFolder(of: service)
                    if older[service] == nil { older[service] = try StoreDamage.copy(of: folder) }
                    try damage.inflict(on: folder, older: older[service] ?? [:], &entropy)
                    try shop.platform.start(service)
                }
                try shop.platform.waitUntilReady()
            }
            try shop.buy(100)
            try shop.settle()
        }

        @Test(.enabled(if: PrivateDisk.way != nil, Comment(rawValue: PrivateDisk.howToEnable)))
        func `a full disk holds a service up until there is room again, and loses nothing`() throws {
            let shop = try Shop("disk")
            let small: [ServiceName] = [.walletLedger, .notifier]
            for service in ServiceName.allCases {
                try shop.platform.start(service, disk: small.contains(service) ? PrivateDisk(megabytes: 48) : nil)
            }
            try shop.platform.waitUntilReady()
            try shop.buy()
            let runs = try small.map { try shop.platform.run($0) }
            for run in runs { try PrivateDisk.fill(run) }
            try shop.buy(600)
            for run in runs {
                try eventually("\(run.service.rawValue) meets the full disk") {
                    run.metric("pointstream_worker_failures_total", with: "sqlite-13") > 0
                }
            }
            for run in runs { try PrivateDisk.makeRoom(run) }
            try shop.buy()
            try shop.settle()
            #expect(runs.allSatisfy { $0.isRunning }, "a full disk ends nobody")
        }

        @Test(.enabled(if: TestCluster.isAvailable, Comment(rawValue: TestCluster.howToEnable)))
        func `the only broker is stopped, started and paused for longer than a session`() throws {
            let cluster = try TestCluster(nodes: 1)
            let shop = try Shop("broker", on: cluster)
            try shop.platform.startAll()
            // Nothing is in flight when the broker goes: the only copy of a partition has no leader for a moment then,
            // and Kafka 4.3 loses the markers of transactions that are decided in it. Three brokers are killed at work.
            try shop.buy()
            try shop.settle()
            try cluster.stop(1)
            try cluster.start(1)
            try shop.buy()
            try shop.settle()
            try cluster.pause(1)
            // Nobody can be asked whether a session is over while the broker stands still: time is the fault here.
            // Members' sessions and transactions last 10 s, the broker's own 20.
            Thread.sleep(forTimeInterval: 14)
            try cluster.resume(1)
            try shop.buy()
            try shop.settle()
            #expect(shop.platform.running.count == ServiceName.allCases.count)
            #expect(shop.platform.running.allSatisfy { $0.isRunning }, "nobody gave up")
        }

        @Test(.enabled(if: TestCluster.isAvailable, Comment(rawValue: TestCluster.howToEnable)))
        func `of three brokers each is killed in turn, leader or not`() throws {
            let cluster = try TestCluster(nodes: 3)
            let shop = try Shop("three", on: cluster)
            try shop.platform.startAll()
            for node in 1...3 {
                try shop.buy()
                try cluster.kill(node)
                try shop.buy()
                try cluster.start(node)
                try eventually("all copies are whole again") { try cluster.isWhole() }
            }
            try shop.settle()
            #expect(shop.platform.running.count == ServiceName.allCases.count)
            #expect(shop.platform.running.allSatisfy { $0.isRunning }, "nobody gave up")
        }
    }
}
