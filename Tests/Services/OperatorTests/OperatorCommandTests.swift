// Arguments, exit codes, and the topics that are created.

import Configuration
import EventLog
import KafkaLog
import Messages
import Primitives
import Testing

@testable import OperatorService

/// A cluster that has some topics.
private final class Cluster: TopicAdministration {
    private(set) var topics: [String: Int32]
    private(set) var created: [TopicPlan] = []
    init(_ topics: [String: Int32] = [:]) { self.topics = topics }

    func partitionCounts() throws(LogFailure) -> [String: Int32] { topics }

    func create(_ plans: [TopicPlan]) throws(LogFailure) -> [String: KafkaAdministrator.Creation] {
        for plan in plans { topics[plan.name] = plan.partitions }
        created += plans
        return Dictionary(uniqueKeysWithValues: plans.map { ($0.name, .created) })
    }

    func waitForTopics(named names: [String], limitMilliseconds: Int) throws(LogFailure) {
        #expect(names.allSatisfy { topics[$0] != nil })
    }
}

@Suite struct `The operator's command` {
    @Test func `topics are created once, with the policies of their kind`() throws {
        let plans = TopicPlan.pointstream(prefix: "club", partitions: 12, replication: 3)
        let cluster = Cluster(["club.awards.v1": 12, "other": 1])
        let transcript = Transcript()
        let creation = TopicCreation(administration: cluster, console: transcript.console)
        #expect(try creation.run(plans) == .done)
        #expect(cluster.created.count == TopicDefinition.all.count - 1)
        let byName = Dictionary(uniqueKeysWithValues: plans.map { ($0.name, $0) })
        #expect(byName["club.config.v1"]?.partitions == 1)
        #expect(byName["club.replies.v1"]?.partitions == 12)
        #expect(byName["club.replies.v1"]?.configuration["retention.ms"] == "3600000")
        #expect(byName["club.wallet-transactions.v1"]?.configuration["retention.ms"] == "-1")
        let changelog = byName["club.wallet-ledger-changelog.v1"]
        #expect(changelog?.replication == 3)
        #expect(changelog?.configuration["cleanup.policy"] == "compact")
        #expect(changelog?.configuration["delete.retention.ms"] == "604800000")
        #expect(changelog?.configuration["min.insync.replicas"] == "2")

        #expect(try creation.run(plans) == .done)
        #expect(cluster.created.count == TopicDefinition.all.count - 1)
        #expect(transcript.lines.last == "exists  club.notifier-dead-letters.v1")
    }

    @Test func `an existing topic with other partitions is named, and nothing is created`() throws {
        let cluster = Cluster(["pointstream.intake.v1": 6, "pointstream.config.v1": 8])
        let transcript = Transcript()
        let plans = TopicPlan.pointstream(prefix: "pointstream", partitions: 8, replication: 1)
        #expect(try TopicCreation(administration: cluster, console: transcript.console).run(plans) == .failed)
        #expect(cluster.created.isEmpty)
        #expect(
            transcript.problems.map { $0.prefix(while: { $0 != ":" }) } == [
                "pointstream.intake.v1", "pointstream.config.v1",
            ])
        #expect(transcript.problems.first?.contains("6 partitions, not 8") == true)
    }

    @Test(arguments: [
        ([], "a command is due"), (["apply"], "files or folders"), (["remove", "offer"], "a kind and an id"),
        (["remove", "coupon", "a"], "the kinds are source, offer"), (["topics", "all"], "options only"),
        (["delete"], "delete is not a command"),
        (["topics", "--broker", "a"], "--broker is not a known option"),
        (["config", "--brokers"], "--brokers needs a value"),
        (["config"], "POINTSTREAM_BROKERS: is required"),
        (
            ["topics", "--brokers", "a:1", "--partitions=0"],
            "POINTSTREAM_PARTITIONS: must be a whole number in 1...256"
        ),
    ]) func `what is not understood ends with 2 and says why`(arguments: [String], reason: String) {
        var entropy = SeededEntropy(seed: 1)
        let transcript = Transcript()
        let code = Operator.run(
            arguments: arguments, environment: [:], console: transcript.console, entropy: &entropy)
        #expect(code == .usage)
        #expect(transcript.problems.contains { $0.contains(reason) }, "\(transcript.problems)")
        #expect(transcript.lines.isEmpty)
    }

    @Test func `options stand anywhere and become settings`() throws {
        let parsed = try OperatorArguments(["--brokers", "a:1", "remove", "offer", "--prefix=club", "o"])
        #expect(parsed.command == .remove(.offer, id: "o"))
        #expect(parsed.settings == ["POINTSTREAM_BROKERS": "a:1", "POINTSTREAM_PREFIX": "club"])
    }

    @Test func `help is given without any setting`() {
        var entropy = SeededEntropy(seed: 1)
        let transcript = Transcript()
        let code = Operator.run(
            arguments: ["topics", "--help"], environment: [:], console: transcript.console, entropy: &entropy)
        #expect(code == .done)
        #expect(transcript.lines.joined().contains("POINTSTREAM_REPLICATION"))
    }
}
