// The gateway's producer on the real log, and the two things about settings and hashing that need no broker.

import CRDKafka
import EventLog
@testable import KafkaLog
import Primitives
import Synchronization
import TestBroker
import Testing

@Suite(.serialized, .enabled(if: TestBroker.isAvailable, Comment(rawValue: TestBroker.howToEnable)))
struct `Publishing to Kafka` {
    typealias Fixture = LogFixture<KafkaLog>

    @Test func `every record published by several threads is reported once`() async throws {
        let fixture = try Fixture()
        let publisher = try fixture.log.makePublisher(to: [Fixture.output])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for thread in UInt64(0)..<4 {
                group.addTask {
                    for number in 0..<UInt64(50) {
                        try publisher.publish(
                            topic: Fixture.output, partition: PartitionIndex(Int32(thread % 2)),
                            key: [UInt8(thread)], headers: [("ce_id", [UInt8(number)])],
                            value: [UInt8(number)],
                            token: thread * 50 + number)
                    }
                }
            }
            try await group.waitForAll()
        }
        var reports: [UInt64: Offset] = [:]
        let isDone = publisher.flush(milliseconds: 30_000) { token, result in
            #expect(reports[token] == nil)
            reports[token] = try? result.get()
        }
        #expect(isDone)
        #expect(reports.count == 200)
        let records = try fixture.contents(of: fixture.place(Fixture.output, 1)).records
        #expect(records.count == 100)
        let first = records[0]
        let token = try UInt64(#require(first.key?.first)) * 50 + UInt64(#require(first.value?.first))
        #expect(reports[token] == first.offset)
        #expect(first.header("ce_id") == first.value)
        publisher.close()
    }

    @Test func `records that are many are reported once each, too`() throws {
        let fixture = try Fixture()
        let publisher = try fixture.log.makePublisher(to: [Fixture.output])
        let count = UInt64(20_000)
        var reports: [UInt64: Offset] = [:]
        func take(_ token: UInt64, _ result: Result<Offset, LogFailure>) {
            #expect(reports[token] == nil)
            reports[token] = try? result.get()
        }
        for token in 0..<count {
            try publisher.publish(
                topic: Fixture.output, partition: PartitionIndex(Int32(token % 2)), key: [], headers: [],
                value: Array(String(token).utf8), token: token)
            if token % 100 == 0 { publisher.poll(waitMilliseconds: 0, take) }
        }
        #expect(publisher.flush(milliseconds: 30_000, take))
        #expect(reports.count == Int(count))
        let records = try fixture.contents(of: fixture.place(Fixture.output, 1)).records
        #expect(records.count == Int(count) / 2)
        for record in records {
            let token = try #require(UInt64(String(decoding: record.value ?? [], as: UTF8.self)))
            #expect(reports[token] == record.offset)
        }
        publisher.close()
    }

    @Test func `a full queue asks for a retry and an unknown partition stops`() throws {
        let fixture = try Fixture { $0.producerProperties = ["queue.buffering.max.messages": "3"] }
        let publisher = try fixture.log.makePublisher(to: [Fixture.output])
        func publish(_ partition: Int32, token: UInt64) throws(LogFailure) {
            try publisher.publish(
                topic: Fixture.output, partition: PartitionIndex(partition), key: [], headers: [], value: nil,
                token: token)
        }
        for token in UInt64(0)..<3 { try publish(0, token: token) }
        // Nobody has taken the reports, so the three still count.
        #expect(throws: LogFailure.self) { try publish(0, token: 3) }
        do throws(LogFailure) { try publish(0, token: 3) } catch { #expect(error.consequence == .retry) }
        do throws(LogFailure) { try publish(2, token: 4) } catch { #expect(error.consequence == .stop) }
        var tokens: [UInt64] = []
        #expect(publisher.flush(milliseconds: 30_000) { token, _ in tokens.append(token) })
        #expect(tokens == [0, 1, 2])
        publisher.close()
    }
}

struct `Kafka without a broker` {
    @Test(arguments: [(8, 40), (64, 320), (1, 40)])
    func `records wait for each other once there are enough for all partitions`(partitions: Int, many: Int) {
        var pace = Pace(partitions: partitions)
        var now = UInt64(1_000_000_000)
        /// So many records in a span, evenly.
        func span(_ count: Int) -> [Bool] {
            (0..<count).map { number in pace.countRecord(at: now + UInt64(number * 25_000_000 / count)) }
        }
        let early = span(many)
        #expect(!early.contains(true), "nobody knows yet that they are many")
        now += 25_000_000
        #expect(!span(many - 1).contains(false))
        now += 25_000_000
        #expect(!span(many).contains(true), "there were too few before")
        now += 25_000_000
        #expect(!span(many).contains(false))
        now += 60_000_000
        let waits = pace.countRecord(at: now)
        #expect(!waits, "a pause ends it")
    }

    @Test func `a record of a transaction that has no place in the log was not delivered`() {
        let topic = TopicID(0)
        let tally = DeliveryTally(tracked: [topic])
        tally.note(RD_KAFKA_RESP_ERR_NO_ERROR, topic: topic, 0, 4)
        #expect(tally.firstFailure == nil && tally.delivered == 1)
        tally.note(RD_KAFKA_RESP_ERR_NO_ERROR, topic: topic, 0, Int64(RD_KAFKA_OFFSET_INVALID))
        #expect(tally.firstFailure?.code == RD_KAFKA_RESP_ERR__INCONSISTENT && tally.delivered == 1)
        #expect(tally.positions == [InputPosition(TopicPartition(topic, PartitionIndex(0)), next: Offset(5))])
    }

    @Test func `a list of headers keeps names, values and order`() {
        var headers: HeaderList = [("first", [1, 2]), ("", [])]
        headers.add("ce_id", "id")
        headers.add("ce_id", [0xff])
        #expect(headers.map(\.name) == ["first", "", "ce_id", "ce_id"])
        #expect(headers.map(\.value) == [[1, 2], [], Array("id".utf8), [0xff]])
        var lent: [[UInt8]] = []
        headers.forEach { name, value in
            lent.append(name.indices.map { name[$0] } + [0x3d] + value.indices.map { value[$0] })
        }
        #expect(lent == headers.map { Array($0.name.utf8) + [0x3d] + $0.value })
    }

    @Test(arguments: ["", "a", "ab", "abc", "abcd", "wallet-1", "ключ", "\u{0}\u{ff}more than a word"])
    func `a key belongs to the partition that librdkafka would choose`(key: String) {
        let bytes = Array(key.utf8)
        let chosen = unsafe bytes.withUnsafeBytes { bytes in
            unsafe rd_kafka_msg_partitioner_murmur2_random(nil, bytes.baseAddress, bytes.count, 12, nil, nil)
        }
        #expect(PartitionCount(12).partition(of: bytes) == PartitionIndex(chosen))
    }

    @Test(arguments: [
        ("isolation.level", "_CONFLICT"), ("bootstrap.servers", "_CONFLICT"),
        ("no.such.property", "_INVALID_ARG"),
    ])
    func `a property that is fixed or unknown is refused`(name: String, code: String) {
        var settings = KafkaSettings(bootstrapServers: "127.0.0.1:1", clientID: "test") { _ in }
        settings.properties = [name: "anything"]
        let failure = #expect(throws: LogFailure.self) {
            _ = try KafkaLog(settings: settings, catalog: TopicCatalog(names: []))
        }
        #expect(failure?.code == code)
        #expect(failure?.consequence == .stop)
    }
}
