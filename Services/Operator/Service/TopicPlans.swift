// The platform's topics with their policies, and creating those that are missing. Existing ones are never
// changed: a partition count decides where every key lives, so another one is refused and named.

import EventLog
import KafkaLog
import Messages
import Settings

/// What creating topics needs of a cluster.
protocol TopicAdministration {
    /// Of all topics, by name.
    func partitionCounts() throws(LogFailure) -> [String: Int32]
    func create(_ plans: [TopicPlan]) throws(LogFailure) -> [String: KafkaAdministrator.Creation]
    func waitForTopics(named names: [String], limitMilliseconds: Int) throws(LogFailure)
}

extension KafkaAdministrator: TopicAdministration {}

extension TopicPlan {
    private static let hour: Int64 = 3_600_000
    private static let week: Int64 = 7 * 24 * hour
    /// Room for the largest record that other topics take, and for the headers that say why it is there.
    private static let deadLetterBytes = "2097152"

    /// All topics of the platform, in the order of the list in Messages.
    static func pointstream(prefix: String, partitions: Int, replication: Int) -> [TopicPlan] {
        let catalog = TopicCatalog.pointstream(prefix: prefix)
        return TopicDefinition.all.map { definition in
            var policy = policy(of: definition.retention)
            if definition.noun.hasSuffix("-dead-letters") { policy["max.message.bytes"] = deadLetterBytes }
            /// With three replicas, an acknowledged record outlives the loss of any one.
            if replication >= 3 { policy["min.insync.replicas"] = "2" }
            return TopicPlan(
                name: catalog.name(of: definition.topic),
                partitions: definition.isPartitioned ? Int32(partitions) : 1, replication: Int32(replication),
                configuration: policy)
        }
    }

    private static func policy(of retention: Retention) -> [String: String] {
        switch retention {
        case .short(let milliseconds):
            /// Only closed segments are deleted, so they are closed well before their records' time is up.
            return [
                "cleanup.policy": "delete", "retention.ms": String(milliseconds),
                "segment.ms": String(max(milliseconds / 7, hour)),
            ]
        case .long:
            return ["cleanup.policy": "delete", "retention.ms": "-1"]
        case .compact:
            /// A store that was away for less than half a week finds every tombstone it missed. The last hour
            /// is kept whole for whoever looks into a fault. The newest segment is never compacted, so
            /// segments are small: restoring reads it all.
            return [
                "cleanup.policy": "compact", "delete.retention.ms": String(week),
                "min.compaction.lag.ms": String(hour), "segment.bytes": "67108864",
            ]
        }
    }
}

/// Creates the topics that do not exist.
struct TopicCreation {
    /// Leaders of a few hundred partitions are elected within seconds.
    private static let waitMilliseconds = 60_000

    let administration: any TopicAdministration
    let console: Console

    func run(_ plans: [TopicPlan]) throws(LogFailure) -> ExitCode {
        let existing = try administration.partitionCounts()
        let different = plans.filter { plan in existing[plan.name].map { $0 != plan.partitions } ?? false }
        guard different.isEmpty else {
            for plan in different {
                let count = existing[plan.name] ?? 0
                console.problem(
                    "\(plan.name): has \(count) partitions, not \(plan.partitions); nothing was created"
                )
            }
            return .failed
        }
        let created = try administration.create(plans.filter { existing[$0.name] == nil })
        try administration.waitForTopics(named: plans.map(\.name), limitMilliseconds: Self.waitMilliseconds)
        for plan in plans {
            console.line("\(created[plan.name] == .created ? "created" : "exists ") \(plan.name)")
        }
        return .done
    }
}
