// Looks whether the topics are those that the service was made for: before it starts, and from then on, because
// neither a consumer nor a producer says reliably that its topic was deleted or has more partitions. A broker that
// has just started may not know its topics yet, so a missing one counts only after it was missing for a while.

import EventLog
import Primitives

/// One process's view of its topics. Belongs to one thread.
public struct TopicWatch<Log: EventLog>: Sendable {
    public enum Finding: Sendable, Equatable {
        case right
        /// The brokers did not say.
        case unknown(LogFailure)
        /// A topic is missing, not yet for long.
        case suspicious(WorkerStop)
        case wrong(WorkerStop)
    }

    /// A topic that is missing in every look for so long does not come back by itself.
    public static var patienceMilliseconds: Int64 { 15_000 }
    /// Between two looks: some of them fall into the patience.
    public static var pauseMilliseconds: Int64 { 3_000 }

    private let log: Log
    private let topics: [TopicID]
    private let partitions: PartitionCount
    private var missingSince: Timestamp?

    /// - Parameter partitions: of every topic but `config`, which has one.
    public init(_ log: Log, topology: ServiceTopology, partitions: PartitionCount) {
        self.log = log
        var topics: [TopicID] = []
        for topic in topology.allTopics + [.config] where !topics.contains(topic) { topics.append(topic) }
        self.topics = topics
        self.partitions = partitions
    }

    /// Asks the brokers; may take ten seconds when they do not answer.
    public mutating func look(at now: Timestamp) -> Finding {
        let counts: [TopicID: Int32]
        do throws(LogFailure) {
            counts = try log.partitionCounts(of: topics)
        } catch {
            missingSince = nil
            return error.consequence == .stop ? .wrong(WorkerStop(error)) : .unknown(error)
        }
        if let stop = wrongCounts(counts) { return .wrong(stop) }
        let missing = topics.filter { counts[$0] == nil }.map(log.catalog.name)
        guard !missing.isEmpty else {
            missingSince = nil
            return .right
        }
        let stop = WorkerStop(.topicMissing, missing.joined(separator: ", "))
        let since = missingSince ?? now
        missingSince = since
        return now >= since.adding(milliseconds: Self.patienceMilliseconds) ? .wrong(stop) : .suspicious(stop)
    }

    private func wrongCounts(_ counts: [TopicID: Int32]) -> WorkerStop? {
        let wrong = topics.compactMap { topic in
            let expected = topic == .config ? 1 : partitions.number
            return counts[topic].flatMap { count in
                count == expected ? nil : "\(log.catalog.name(of: topic)) has \(count) partitions, not \(expected)"
            }
        }
        return wrong.isEmpty ? nil : WorkerStop(.partitionCount, wrong.joined(separator: "; "))
    }
}
