// Listing what is in force: read from the log to its end, secrets hidden, refused documents told apart.

import EventLog
import Messages
import Primitives
import SimulatedLog
import Testing

@testable import OperatorService

@Suite struct `Listing the configuration` {
    private let cluster = SimulatedCluster(clock: SimulatedClock(at: .zero))
    private var log: SimulatedLog { SimulatedLog(catalog: .pointstream(), cluster: cluster) }
    private let topic = TopicCatalog.pointstream().name(of: .config)

    private func append(_ key: String, _ value: String?) throws {
        try cluster.append(
            topic: topic, partition: PartitionIndex(0), key: Array(key.utf8),
            value: value.map { Array($0.utf8) })
    }

    private func reward(_ id: String, _ points: Int) -> String {
        #"{"kind":"reward","id":"\#(id)","name":"R","paymentMode":"POINTS","points":\#(points)}"#
    }

    @Test func `the newest valid documents are listed, and those that every service refuses`() throws {
        cluster.createTopic(topic, partitions: 1, isCompacted: true)
        try append("reward/a", reward("a", 1))
        try append("reward/b", reward("b", 0))
        try append("reward/gone", reward("gone", 5))
        try append("reward/mended", reward("mended", 0))
        try append("reward/a", reward("a", 2))
        try append("reward/gone", nil)
        try append("reward/mended", reward("mended", 3))
        let listing = try ConfigurationListing(reading: log)
        #expect(listing.documents.map(\.id) == ["a", "mended"])
        #expect(listing.refused.map(\.id) == ["b"])
        let transcript = Transcript()
        listing.print(to: transcript.console)
        #expect(transcript.lines.first?.contains(#""points":2"#) == true)
        #expect(transcript.problems.count == 1)
    }

    @Test func `an empty topic lists nothing, and a missing one says how to create it`() throws {
        #expect {
            _ = try ConfigurationListing(reading: log)
        } throws: { error in
            (error as? LogFailure)?.detail.contains("pointstream topics creates it") == true
        }
        cluster.createTopic(topic, partitions: 1, isCompacted: true)
        #expect(try ConfigurationListing(reading: log).documents.isEmpty)
    }
}
