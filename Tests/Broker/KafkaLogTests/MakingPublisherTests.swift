// Whether a publisher comes to be, against librdkafka's own mock of a broker. Needs no Kafka.

import EventLog
import KafkaLog
import Primitives
import Testing

struct `Making a publisher` {
    private static let output = TopicID(0)
    private static let late = TopicID(1)

    private let cluster: MockCluster
    private let settings: KafkaSettings
    private let catalog = TopicCatalog(names: ["output", "late"])

    init() throws {
        cluster = try MockCluster(topic: "output")
        settings = KafkaSettings(bootstrapServers: cluster.address, clientID: "test") { _ in }
    }

    @Test func `a publisher that does not know one of its topics is not made, and may be tried again`() throws {
        let log = try KafkaLog(settings: settings, catalog: catalog)
        let failure = #expect(throws: LogFailure.self) { try log.makePublisher(to: [Self.output, Self.late]) }
        #expect(failure?.consequence == .retry && failure?.cause == .topicMissing)
        #expect(failure?.detail == "late")
        cluster.create("late")
        let publisher = try log.makePublisher(to: [Self.output, Self.late])
        try publisher.publish(
            topic: Self.late, partition: PartitionIndex(0), key: [], headers: [], value: nil, token: 0)
        publisher.close()
    }
}
