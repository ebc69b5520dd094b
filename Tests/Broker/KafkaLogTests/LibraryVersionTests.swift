// What depends on the version of librdkafka: the clock that it reads, as its statistics tell it, and a property. Needs
// no broker.

import CRDKafka
import Foundation
import Testing

@testable import KafkaLog

@Suite struct `By the version of librdkafka` {
    @Test func `its clock counts whole milliseconds where it would spin for their parts, and ours does not`() throws {
        let times = try libraryTimes(5)
        try #require(times.count == 5)
        // An exact clock would have to hit five whole milliseconds.
        #expect(times.allSatisfy { $0.isMultiple(of: 1_000) } == (rd_kafka_version() < 0x0204_00ff), "\(times)")

        let own = (0..<100).map { _ in
            var now = timespec()
            _ = unsafe clock_gettime(CLOCK_MONOTONIC, &now)
            return now.tv_nsec
        }
        #expect(!own.allSatisfy { $0.isMultiple(of: 1_000_000) })
    }

    @Test func `a full queue is looked at again soon by versions that know how, and others are asked nothing`() {
        #expect(ClientProperties.queueBackoff(version: 0x0200_02ff).isEmpty)
        #expect(ClientProperties.queueBackoff(version: 0x0202_00ff).map(\.0) == ["fetch.queue.backoff.ms"])
        #expect(ClientProperties.queueBackoff(version: 0x0210_00ff).map(\.1) == ["5"])
    }

    /// Microseconds, one of each report of a client that is connected to nothing.
    private func libraryTimes(_ count: Int) throws -> [Int] {
        let reports = Reports()
        let conf = unsafe rd_kafka_conf_new()
        unsafe rd_kafka_conf_set(conf, "statistics.interval.ms", "1", nil, 0)
        unsafe rd_kafka_conf_set_opaque(conf, Unmanaged.passUnretained(reports).toOpaque())
        unsafe rd_kafka_conf_set_stats_cb(conf) { _, text, length, opaque in
            guard let text = unsafe text, let opaque = unsafe opaque else { return 0 }
            let reports = unsafe Unmanaged<Reports>.fromOpaque(opaque).takeUnretainedValue()
            unsafe reports.texts.append(Data(bytes: text, count: length))
            return 0
        }
        guard let client = unsafe rd_kafka_new(RD_KAFKA_PRODUCER, conf, nil, 0) else {
            Issue.record("no client")
            return []
        }
        defer { unsafe rd_kafka_destroy(client) }
        for _ in 0..<patience where reports.texts.count < count { unsafe _ = rd_kafka_poll(client, 100) }
        return try reports.texts.prefix(count).map { text in
            let report = try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
            return try #require(report["ts"] as? Int)
        }
    }

    private final class Reports {
        var texts: [Data] = []
    }
}
