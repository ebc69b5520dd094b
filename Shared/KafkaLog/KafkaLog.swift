// The real log: Kafka over librdkafka 2.0.2. Main makes one value; every worker makes its own consumer,
// producer and reader from it on its own thread. Never used by domain or services directly, they see
// EventLog.

import EventLog
import Primitives

/// Kafka as an ``EventLog``. May be shared by threads.
public final class KafkaLog: EventLog {
    public let catalog: TopicCatalog
    private let settings: KafkaSettings
    private let control: ControlClient

    /// Does not wait for the cluster.
    ///
    /// - Throws: a failure that stops the process if a property is unknown, wrong or fixed.
    public init(settings: KafkaSettings, catalog: TopicCatalog) throws(LogFailure) {
        self.settings = settings
        self.catalog = catalog
        control = try ControlClient(settings, catalog: catalog)
    }

    public func makeConsumer(
        group: String, member: String, topics: [TopicID]
    ) throws(LogFailure) -> KafkaGroupConsumer {
        try KafkaGroupConsumer(
            group: group, member: member, topics: topics, catalog: catalog, settings: settings)
    }

    public func makeProducer(
        transactionalID: String, tracked: [TopicID]
    ) throws(LogFailure) -> KafkaTransactionalProducer {
        try KafkaTransactionalProducer(
            transactionalID: transactionalID, tracked: tracked, catalog: catalog, settings: settings)
    }

    public func makeReader(_ use: ReaderUse) throws(LogFailure) -> KafkaPartitionReader {
        try KafkaPartitionReader(use, control: control, catalog: catalog, settings: settings)
    }

    public func partitionCounts(of topics: [TopicID]) throws(LogFailure) -> [TopicID: Int32] {
        let known = try control.topics()
        var counts: [TopicID: Int32] = [:]
        for topic in topics {
            let name = catalog.name(of: topic)
            counts[topic] = known[name]?.partitions
            if known[name] == nil { try control.requireVisible(name) }
        }
        return counts
    }

    public func clusterID() throws(LogFailure) -> String { try control.clusterID() }

    /// The producer of the HTTP gateway. Waits for the cluster, to learn its topics, once for its life.
    ///
    /// - Parameter topics: those that it will write to.
    /// - Throws: `retry` also if the brokers do not know one of them: the publisher would never write to it.
    public func makePublisher(to topics: [TopicID]) throws(LogFailure) -> KafkaPublisher {
        try KafkaPublisher(to: topics, catalog: catalog, settings: settings)
    }

    public func makeAdministrator() -> KafkaAdministrator { KafkaAdministrator(control) }
}
