// Publishing while a partition's leader changes, against librdkafka's own mock of a broker, which refuses what it is
// told to refuse. Needs no Kafka.

import EventLog
import KafkaLog
import Primitives
import Testing

struct `Publishing while a leader is elected` {
    @Test func `a record that was refused is sent again, though the next one was written meanwhile`() throws {
        // Slow answers, so that requests wait behind each other.
        let cluster = try MockCluster(topic: "output", roundTripMilliseconds: 200)
        var settings = KafkaSettings(bootstrapServers: cluster.address, clientID: "test") { _ in }
        settings.producerProperties = ["batch.num.messages": "1"]
        let log = try KafkaLog(settings: settings, catalog: TopicCatalog(names: ["output"]))
        let publisher = try log.makePublisher(to: [TopicID(0)])
        defer { publisher.close() }
        let count = UInt64(3)
        var offsets: Set<Offset> = []
        cluster.refuseProduceRequests(1)
        for token in 0..<count {
            try publisher.publish(
                topic: TopicID(0), partition: PartitionIndex(0), key: [], headers: [], value: [UInt8(token)],
                token: token)
        }
        let isDone = publisher.flush(milliseconds: 30_000) { _, result in
            do {
                offsets.insert(try result.get())
            } catch {
                Issue.record(error)
            }
        }
        #expect(isDone)
        #expect(offsets == Set((0..<Int64(count)).map { Offset($0) }), "each record has a place in the log")
    }
}
