// The event log of one process over a simulated cluster: its catalogue's topic numbers on one side, the
// cluster's names on the other. Services take it in the place of KafkaLog; several processes are several
// values over one cluster.

import EventLog
import Primitives

public struct SimulatedLog: EventLog {
    public let catalog: TopicCatalog
    public let cluster: SimulatedCluster
    let process: SimulatedProcess

    public init(
        catalog: TopicCatalog, cluster: SimulatedCluster, process: SimulatedProcess = SimulatedProcess()
    ) {
        self.catalog = catalog
        self.cluster = cluster
        self.process = process
    }

    public func makeConsumer(
        group: String, member: String, topics: [TopicID]
    ) throws(LogFailure) -> SimulatedConsumer {
        let names = topics.map(catalog.name)
        return SimulatedConsumer(
            log: self, membership: Membership(group: group, member: member, topics: names))
    }

    public func makeProducer(transactionalID: String, tracked: [TopicID]) throws(LogFailure)
        -> SimulatedProducer
    {
        SimulatedProducer(log: self, transactionalID: transactionalID, tracked: tracked)
    }

    public func makeReader(_ use: ReaderUse) throws(LogFailure) -> SimulatedReader { SimulatedReader(log: self) }

    public func partitionCounts(of topics: [TopicID]) throws(LogFailure) -> [TopicID: Int32] {
        try process.mustLive("metadata")
        let names = topics.map { ($0, catalog.name(of: $0)) }
        return cluster.locked { state in
            var counts: [TopicID: Int32] = [:]
            for (topic, name) in names { counts[topic] = state.partitionCount(of: name) }
            return counts
        }
    }

    public func clusterID() throws(LogFailure) -> String {
        try process.mustLive("metadata")
        return cluster.id
    }

    func slot(of place: TopicPartition) throws(LogFailure) -> Slot {
        let name = catalog.name(of: place.topic)
        return try cluster.locked { state throws(LogFailure) in try state.slot(name, place.partition) }
    }

    /// The session, started at these positions.
    func start(_ session: FetchSession, from positions: [FetchPosition]) throws(LogFailure) -> FetchSession {
        var starts: [(slot: Slot, position: FetchPosition)] = []
        for position in positions { starts.append((try slot(of: position.place), position)) }
        return cluster.locked { state in
            var session = session
            session.start(starts, in: state)
            return session
        }
    }
}
