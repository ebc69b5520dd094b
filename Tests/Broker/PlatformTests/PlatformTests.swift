import EventLog
import Dispatch
import Foundation
import Messages
import Primitives
import Synchronization
import TestBroker
import Testing

@Suite("Platform", .serialized, .enabled(if: TestBroker.isAvailable, Comment(rawValue: TestBroker.howToEnable)))
struct PlatformTests {
    @Test func `K8 K9 an event posted with a wait is answered with its award and the new balance`() throws {
        let platform = try Platform("k9")
        try platform.startAll()
        let body = #"""
            {"type": "purchase", "externalId": "ada", "occurredAt": "2026-11-01T10:00:00Z", "unit": "shop-1",
             "currency": "USD", "total": 150.99}
            """#
        let headers = ["Idempotency-Key": "k9-1", "Prefer": "wait=20"]
        let first = try platform.call("POST", "/v1/events", headers: headers, body: body)
        #expect(first.status == 200, "\(first.body)")
        #expect(first.fields["points"] as? Int == 150)
        #expect((first.fields["balances"] as? [String: Any])?["available"] as? Int == 150)
        let event = first.fields["event"] as? String ?? ""
        let again = try platform.call("POST", "/v1/events", headers: headers, body: body)
        #expect(again.status == 200)
        #expect(again.headers["idempotent-replayed"] == "true")
        #expect(again.body == first.body)
        let changed = body.replacingOccurrences(of: "150.99", with: "151.99")
        let conflict = try platform.call("POST", "/v1/events", headers: headers, body: changed)
        #expect(conflict.status == 422)
        #expect(conflict.fields["code"] as? String == "key-reuse")
        let polled = try platform.call("GET", "/v1/events/\(event)")
        #expect(polled.status == 200)
        #expect(polled.body == first.body)
        #expect(try platform.call("GET", "/v1/wallets/ada/balance").fields["available"] as? Int == 150)
        #expect(try platform.call("GET", "/v1/wallets/nobody").status == 404)
        try redeem(platform)
    }

    private func redeem(_ platform: Platform) throws {
        let body = #"{"externalId": "ada", "reward": "voucher"}"#
        let headers = ["Idempotency-Key": "r-1", "Prefer": "wait=20"]
        let issued = try platform.call("POST", "/v1/reward-issues", headers: headers, body: body)
        #expect(issued.status == 200, "\(issued.body)")
        #expect(issued.fields["status"] as? String == "issued")
        let again = try platform.call("POST", "/v1/reward-issues", headers: headers, body: body)
        #expect(again.fields["issuance"] as? String == issued.fields["issuance"] as? String)
        let short = try platform.call(
            "POST", "/v1/reward-issues", headers: ["Idempotency-Key": "r-2", "Prefer": "wait=20"], body: body)
        #expect(short.status == 422)
        #expect(short.fields["code"] as? String == "insufficient-balance")
        #expect(try platform.call("GET", "/v1/wallets/ada/balance").fields["available"] as? Int == 50)
        #expect(try platform.read(.spends).count == 1)
    }

    @Test func `P6 services killed at any moment neither lose nor double anything`() throws {
        let platform = try Platform("p6")
        try platform.startAll()
        var check = ExactnessCheck()
        var entropy = SeededEntropy(seed: 20_261_121)
        let names = ServiceName.allCases
        // Everybody has points to redeem before the first kill: a request for a wallet that is not open yet is
        // refused, and how far the chain has come by then is nobody's promise.
        for customer in 0..<40 {
            try platform.publish(key: "p6-first-\(customer)", customer: "customer-\(customer)", total: "300.00")
            check.expect(customer: "customer-\(customer)", points: 300)
        }
        try platform.flush()
        _ = try platform.wait(for: 40, on: .awards)
        for round in 0..<10 {
            // While purchases go on being published, one service dies, in some rounds two, and comes back later.
            let victims = Set((0...entropy.below(2)).map { _ in names[Int(entropy.below(UInt64(names.count)))] })
            let (death, return_) = (Int(entropy.below(80)), 80 + Int(entropy.below(60)))
            for number in 0..<150 {
                try buy(platform, "p6-\(round)-\(number)", &entropy, &check)
                if number == death {
                    for victim in names where victims.contains(victim) { try platform.run(victim).kill() }
                }
                if number == return_ {
                    for victim in names where victims.contains(victim) {
                        let folder = "\(platform.folder)/\(victim.rawValue)-1"
                        if round == 4 { try FileManager.default.removeItem(atPath: folder) }
                        try platform.start(victim)
                    }
                }
            }
            try platform.flush()
            try redeemMeanwhile(platform, round)
        }
        try platform.waitUntilReady()
        _ = try platform.wait(for: check.purchases, on: .awards)
        let decided = try platform.wait(for: 30, on: .rewardsIssued)
        #expect(Set(decided.map { $0.text("issuance") }).count == 30, "each request is decided once")
        var spent: [String: Int64] = [:]
        for issue in decided where issue.text("status") == "issued" {
            spent[issue.text("externalId"), default: 0] += 100
        }
        let spends = try platform.wait(for: Int(spent.values.reduce(0, +) / 100), on: .spends)
        #expect(spends.map { $0.number("points") }.reduce(0, +) == spent.values.reduce(0, +))
        #expect(!spent.isEmpty, "\(decided.map { "\($0.text("status")) \($0.text("reason"))" })")
        try check.verify(platform, spent: spent)
    }

    /// A purchase of one of forty customers, sometimes published twice, as tills do.
    private func buy(
        _ platform: Platform, _ key: String, _ entropy: inout SeededEntropy, _ check: inout ExactnessCheck
    ) throws {
        let customer = "customer-\(entropy.below(40))"
        let cents = entropy.below(20_000)
        let total = "\(cents / 100).\(cents % 100 < 10 ? "0" : "")\(cents % 100)"
        for _ in 0...(entropy.below(25) == 0 ? 1 : 0) {
            try platform.publish(key: key, customer: customer, total: total)
        }
        check.expect(customer: customer, points: Int64(cents / 100))
    }

    /// Three requests for rewards, asked again until the gateway that was killed takes them.
    private func redeemMeanwhile(_ platform: Platform, _ round: Int) throws {
        for number in 0..<3 {
            let body = #"{"externalId": "customer-\#((round * 3 + number) % 40)", "reward": "voucher"}"#
            let headers = ["Idempotency-Key": "p6-reward-\(round)-\(number)"]
            try eventually("the gateway takes a request") {
                (try? platform.call("POST", "/v1/reward-issues", headers: headers, body: body))?.status == 202
            }
        }
    }

    @Test func `K1 K3 K5 a hundred sign-ups at once open one wallet, and looking opens none`() throws {
        let platform = try Platform("k3", partitions: 2)
        try platform.startAll()
        #expect(try platform.call("GET", "/v1/wallets/ada").status == 404)
        #expect(try platform.call("GET", "/v1/wallets/ada/balance").status == 404)
        #expect(try platform.read(.walletTransactions).isEmpty)
        let signUp = try platform.request("POST", "/v1/wallets", body: #"{"externalId": "ada", "name": "Ada"}"#)
        let wallets = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 100) { _ in
            guard let answer = signUp.answer(), [200, 201].contains(answer.status) else { return }
            wallets.withLock { $0.append(answer.fields["wallet"] as? String ?? "") }
        }
        let answers = wallets.withLock { $0 }
        #expect(answers.count == 100)
        #expect(Set(answers).count == 1)
        let opened = try platform.read(.walletTransactions).filter { $0.text("outcome") == "applied" }
        #expect(opened.map { $0.text("type") } == ["wallet.opened"])
        let found = try platform.call("GET", "/v1/wallets/ada")
        #expect(found.status == 200)
        #expect(found.fields["wallet"] as? String == answers.first)
        #expect(found.fields["status"] as? String == "active")
    }

    @Test func `P4 replaying what leads to awards from its beginning changes no balance`() throws {
        let platform = try Platform("p4", partitions: 2)
        try platform.startAll()
        var check = ExactnessCheck()
        for number in 0..<60 {
            try platform.publish(key: "p4-\(number)", customer: "customer-\(number % 7)", total: "\(number).50")
            check.expect(customer: "customer-\(number % 7)", points: Int64(number))
        }
        try platform.flush()
        _ = try platform.wait(for: 60, on: .awards)
        for topic in [TopicID.ingress, .intake, .customerEvents, .walletCommands] {
            for record in try platform.read(topic) {
                try platform.publish(
                    topic, partition: PartitionIndex(record.partition), key: Array(record.key.utf8),
                    headers: HeaderList(record.headers.map { (name: $0.key, value: Array($0.value.utf8)) }),
                    value: record.value.map { Array($0.rawBytes) })
            }
        }
        // What comes after all repeats shows that they were read.
        for number in 0..<20 {
            try platform.publish(key: "p4-last-\(number)", customer: "last-\(number)", total: "1")
            check.expect(customer: "last-\(number)", points: 1)
        }
        try platform.flush()
        _ = try platform.wait(for: 80, on: .awards)
        try check.verify(platform)
    }

    @Test func `P1 each service stops and starts alone, and a second one takes half of the partitions`() throws {
        let platform = try Platform("p1")
        try platform.startAll()
        var check = ExactnessCheck()
        func buy(_ count: Int, _ round: String) throws {
            for number in 0..<count {
                try platform.publish(key: "\(round)-\(number)", customer: "customer-\(number % 20)", total: "3.99")
                check.expect(customer: "customer-\(number % 20)", points: 3)
            }
            try platform.flush()
        }
        for service in ServiceName.allCases {
            #expect(try platform.run(service).stop() == 0, "\(service.rawValue) ends in order")
            try buy(20, "without-\(service.rawValue)")
            try platform.start(service)
        }
        try platform.waitUntilReady()
        let first = try platform.run(.walletLedger)
        let second = try platform.start(.walletLedger, instance: "2")
        try eventually("the second ledger takes half") {
            first.metric("pointstream_running_partitions") == 2
                && second.metric("pointstream_running_partitions") == 2
        }
        try buy(100, "with-two")
        #expect(second.stop() == 0)
        try eventually("the first ledger has all partitions again") {
            first.metric("pointstream_running_partitions") == 4
        }
        try buy(20, "with-one-again")
        _ = try platform.wait(for: check.purchases, on: .awards)
        try check.verify(platform)
    }

    @Test func `P2 and P3 no service talks to another's port or opens another's store`() throws {
        let platform = try Platform("p2")
        try platform.startAll()
        try platform.publish(key: "p2", customer: "ada", total: "5")
        try platform.flush()
        _ = try platform.wait(for: 1, on: .awards)
        let brokerPorts = Set(platform.brokers.split(separator: ",").compactMap { $0.split(separator: ":").last })
        var stores: [String: ServiceName] = [:]
        for run in platform.running {
            let files = OpenFiles(of: run.id)
            #expect(!files.stores.isEmpty)
            for store in files.stores {
                #expect(stores.updateValue(run.service, forKey: store) == nil, "\(store) is opened twice")
            }
            #expect(
                brokerPorts.contains { Int($0).map(files.remotePorts.contains) ?? false },
                "the kernel's table was read: a connection to the broker stands in it")
            let strangers = files.remotePorts.subtracting(brokerPorts.compactMap { Int($0) })
            #expect(strangers.isEmpty, "\(run.service.rawValue) talks to \(strangers)")
        }
    }

    @Test func `what nobody can process is dead-lettered as it was and stops no partition`() throws {
        let platform = try Platform("hostile", partitions: 2)
        try platform.startAll()
        let source: HeaderList = [("ce_source", Array("till".utf8))]
        let hostile: [(headers: HeaderList, value: [UInt8]?)] = [
            ([], Array("no headers".utf8)), (source, nil), (source, Array("{\"a\":1,\"a\":2}".utf8)),
            ([("ce_source", Array("nobody".utf8))], [UInt8](repeating: 0x7b, count: 1_000_000)),
            (source, [UInt8](repeating: 0x5b, count: 900_000)), (source, [0xff, 0xfe, 0x00]),
        ]
        for partition in 0..<Int32(2) {
            for (number, record) in hostile.enumerated() {
                try platform.publish(
                    .ingress, partition: PartitionIndex(partition), key: Array("hostile-\(partition)-\(number)".utf8),
                    headers: record.headers, value: record.value)
            }
        }
        var check = ExactnessCheck()
        for number in 0..<20 {
            try platform.publish(key: "good-\(number)", customer: "customer-\(number)", total: "7")
            check.expect(customer: "customer-\(number)", points: 7)
        }
        try platform.flush()
        _ = try platform.wait(for: 20, on: .awards)
        let letters = try platform.wait(for: 12, on: .deadLetters(of: .ingressGateway))
        #expect(letters.count == 12)
        #expect(letters.map(\.bytes).max() == 1_000_000, "bytes as received")
        #expect(letters.allSatisfy { $0.headers["dead-letter-reason"]?.isEmpty == false })
        try check.verify(platform)
    }

    @Test func `a topic with another partition count and an unknown setting are refused by name`() throws {
        let platform = try Platform("refused", partitions: 2)
        let wrong = try platform.start(.walletLedger, settings: ["POINTSTREAM_PARTITIONS": "3"])
        try eventually("the ledger gives up") { wrong.readiness.contains("stopped: partition-count") }
        #expect(wrong.stop() == 1)
        #expect(wrong.newestLog.contains("wallet-commands.v1 has 2 partitions"))
        let unknown = try platform.start(.notifier, settings: ["POINTSTREAM_BATCH_RECORD": "3"])
        #expect(unknown.waitForExit() == 2)
        #expect(unknown.newestLog.contains("POINTSTREAM_BATCH_RECORD"))
        let elsewhere = try platform.start(.notifier, settings: ["POINTSTREAM_RESUME_AT": "awards.v1[0]@3"])
        #expect(elsewhere.waitForExit() == 2)
        #expect(elsewhere.newestLog.contains("POINTSTREAM_RESUME_AT: this service has no input awards.v1"))
    }
}
