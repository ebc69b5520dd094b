import EventLog
import Foundation
import Messages
import Primitives
import StateStore
import StreamRuntime
import TestBroker
import Testing

/// What no retry mends ends the real processes: with one line that names the code of the runbook, `/readyz` that
/// says why, and exit code 1. Several services are broken at once, so that the waits pass together.
@Suite(
    "Endings on a broker", .serialized,
    .enabled(if: TestBroker.isAvailable, Comment(rawValue: TestBroker.howToEnable)))
struct EndingTests {
    private static let partitions: Int32 = 2

    /// Waits until the process says why it gives up, and lets it go: its reason and its exit code are due.
    private func expectEnd(_ run: ServiceRun, _ code: StopCode, _ found: String) throws {
        try eventually(within: 60, "\(run.service.rawValue) gives up for \(code); its log:\n\(run.newestLog)") {
            run.readiness.contains("\"stopped: \(code.rawValue): ")
        }
        #expect(run.readiness.contains("\"status\":\"stopped\""))
        #expect(run.stop() == 1, "\(run.service.rawValue): \(run.newestLog)")
        let lines = run.log(of: "service.gave-up")
        #expect(lines.count == 1, "\(lines)")
        #expect(lines.first?.contains("\"code\":\"\(code.rawValue)\"") == true)
        #expect(lines.first?.contains(found) == true, "\(lines)")
    }

    /// A platform that has processed purchases in every partition of every service.
    private func busyPlatform(_ name: String) throws -> Platform {
        let platform = try Platform(name, partitions: Self.partitions)
        try platform.startAll()
        try buy(platform, 40, name)
        _ = try platform.wait(for: 40, on: .awards)
        for run in platform.running {
            try eventually("\(run.service.rawValue) has committed what it read") {
                run.metric("pointstream_batches_total") > 0
            }
        }
        return platform
    }

    private func buy(_ platform: Platform, _ count: Int, _ name: String) throws {
        for number in 0..<count {
            try platform.publish(key: "\(name)-\(number)", customer: "customer-\(number)", total: "7.00")
        }
        try platform.flush()
    }

    private func topic(_ platform: Platform, _ topic: TopicID) -> String { platform.log.catalog.name(of: topic) }

    @Test func `what went wrong while a service was down ends its next start`() throws {
        let platform = try busyPlatform("down")
        let sabotage = try Sabotage(platform)
        for service in ServiceName.allCases where service != .ingressGateway {
            #expect(try platform.run(service).stop() == 0)
        }
        // Bought and never evaluated: retention takes it first.
        let events = try platform.read(.customerEvents).count
        try buy(platform, 20, "unread")
        _ = try platform.wait(for: events + 20, on: .customerEvents)
        try sabotage.empty(topic: topic(platform, .customerEvents), partitions: Self.partitions)
        try sabotage.recreate(
            topic: topic(platform, .changelog(of: .walletLedger)), partitions: Self.partitions)
        let store = "\(platform.folder)/notifier-1/partition-0.sqlite"
        try Connection(.file(path: store)).execute("PRAGMA user_version = 99")
        let gateway = try platform.run(.ingressGateway)
        let port = gateway.port() ?? 0
        let twin = try platform.start(.ingressGateway)
        #expect(twin.waitForExit() == 1)
        #expect(twin.log(of: "service.gave-up").last?.contains("\"code\":\"folder-locked\"") == true)
        #expect(
            HTTPCall(port: port, path: "/readyz").answer()?.status == 200, "the first process of a folder goes on")
        try sabotage.delete(group: "\(platform.prefix).rewards-issuer")

        let ends: [(ServiceName, StopCode, String)] = [
            (.ruleEvaluator, .offsetOutOfRange, "offsets are gone unread"),
            (.walletLedger, .topicRecreated, "wallet-ledger-changelog.v1["),
            (.notifier, .storeNewer, "schema 99 is newer"),
            (.rewardsIssuer, .positionMissing, "rewards-issuer has no position"),
        ]
        let runs = try ends.map { try platform.start($0.0) }
        for (run, end) in zip(runs, ends) { try expectEnd(run, end.1, end.2) }
        #expect(gateway.stop() == 0)
        try expectResumption(of: .ruleEvaluator, on: platform)
    }

    /// Follows the runbook: starts the service with what the log line says, and then as ever.
    private func expectResumption(of service: ServiceName, on platform: Platform) throws {
        let line = try #require(platform.running.last { $0.service == service }?.log(of: "service.gave-up").last)
        let places = line.matches(of: /([a-z0-9.-]+\[\d\]): the group has read to \d+, the topic begins at (\d+)/)
            .map { "\($0.output.1)@\($0.output.2)" }
        #expect(places.count == Int(Self.partitions), "\(line)")
        let told = try platform.start(
            service, settings: ["POINTSTREAM_RESUME_AT": places.joined(separator: ",")])
        try eventually("it has gone on where it was told: \(told.newestLog)") {
            told.isReady && told.metric("pointstream_batches_total") > 0
        }
        #expect(told.log(of: "input.resumed").count == places.count)
        #expect(told.stop() == 0)
        let next = try platform.start(service)
        try eventually("it goes on by itself: \(next.newestLog)") { next.isReady }
        #expect(next.stop() == 0)
    }

    @Test func `what goes wrong while a service runs ends it`() throws {
        let platform = try busyPlatform("up")
        let sabotage = try Sabotage(platform)
        let (gateway, evaluator) = (try platform.run(.ingressGateway), try platform.run(.ruleEvaluator))
        let (ledger, issuer) = (try platform.run(.walletLedger), try platform.run(.rewardsIssuer))
        let notifier = try platform.run(.notifier)

        // A changelog is missed by nobody who does not write to it: the next batch finds out.
        try sabotage.recreate(
            topic: topic(platform, .changelog(of: .walletLedger)), partitions: Self.partitions)
        try buy(platform, 40, "after")
        try expectEnd(ledger, .topicRecreated, "wallet-ledger-changelog.v1[")

        try sabotage.extend(topic: topic(platform, .ingress), to: Int(Self.partitions) + 1)
        try expectEnd(gateway, .partitionCount, "ingress.v1 has 3 partitions, not 2")

        try sabotage.recreate(topic: topic(platform, .customerEvents), partitions: Self.partitions)
        try sabotage.forbidReading(topic: topic(platform, .rewardRequests))
        let copy = "\(platform.folder)/notifier-copy"
        try FileManager.default.copyItem(atPath: notifier.folder, toPath: copy)
        let twin = try platform.start(.notifier, instance: "copy")
        try expectEnd(evaluator, .topicRecreated, "customer-events.v1[")
        try expectEnd(issuer, .notAuthorised, "reward-requests.v1")
        // They take the partitions from each other until one of them sees what is going on.
        let twins = [notifier, twin]
        try eventually(within: 60, "one of them gives up") { twins.contains { $0.readiness.contains("stopped: ") } }
        let (ended, left) = notifier.readiness.contains("stopped: ") ? (notifier, twin) : (twin, notifier)
        try expectEnd(ended, .memberTaken, "FENCED_INSTANCE_ID")
        try eventually("the other one goes on") { left.isReady && left.log(of: "service.gave-up").isEmpty }
    }

    @Test func `a configuration that is deleted ends every service, and keeps it from starting`() throws {
        let platform = try Platform("config", partitions: Self.partitions)
        try platform.startAll()
        try Sabotage(platform).delete(topic: topic(platform, .config))
        try platform.start(.walletLedger, instance: "late")
        for run in platform.running { try expectEnd(run, .topicMissing, topic(platform, .config)) }
    }

    @Test func `rights that are missing at the start are told, whatever they are for`() throws {
        let platform = try Platform("rights", partitions: Self.partitions)
        let sabotage = try Sabotage(platform)
        try sabotage.forbidReading(topic: topic(platform, .rewardRequests))
        try sabotage.forbidReading(group: "\(platform.prefix).wallet-ledger")
        let runs = try [ServiceName.rewardsIssuer, .walletLedger].map { try platform.start($0) }
        try expectEnd(runs[0], .notAuthorised, "reward-requests.v1")
        try expectEnd(runs[1], .notAuthorised, "GROUP_AUTHORIZATION_FAILED")
        try sabotage.forbidReading(topic: topic(platform, .config))
        try expectEnd(try platform.start(.notifier), .notAuthorised, topic(platform, .config))
    }

    @Test func `an ending process is cut off in time when the broker does not answer`() throws {
        let platform = try Platform("silent", partitions: Self.partitions)
        let silent = try SilentListener()
        let run = try platform.start(
            .walletLedger, settings: ["POINTSTREAM_BROKERS": "127.0.0.1:\(silent.port)"])
        try eventually("it waits for the broker") { run.readiness.contains("broker") }
        #expect(run.stop() == 4)
        #expect(run.log(of: "service.stop-overdue").count == 1)
    }
}
