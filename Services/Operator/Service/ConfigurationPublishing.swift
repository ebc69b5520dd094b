// Writing to the topic `config`: documents and tombstones, and waiting until every replica has them. Used by
// apply and remove. Nothing counts as published before the broker has acknowledged it.

import Configuration
import EventLog
import KafkaLog
import Messages
import Primitives

/// A record of the topic `config`.
struct ConfigurationRecord: Equatable {
    let key: [UInt8]
    /// Nil takes the document out of force.
    let value: [UInt8]?
}

/// Where configuration is published.
protocol ConfigurationPublishing {
    /// Returns when all records are acknowledged.
    ///
    /// - Throws: at the first that was not; others may have been.
    func publish(_ records: [ConfigurationRecord]) throws(LogFailure)
}

/// Publishes to Kafka.
struct KafkaConfigurationPublisher: ConfigurationPublishing {
    /// The client gives a record up after 10 s; the rest is for the queue before it.
    private static let limitMilliseconds = 30_000
    /// Far fewer than the client's queue takes.
    private static let recordsInFlight = 500

    let log: KafkaLog

    func publish(_ records: [ConfigurationRecord]) throws(LogFailure) {
        try requireConfigurationTopic(log)
        let publisher = try log.makePublisher(to: [.config])
        defer { publisher.close() }
        var start = 0
        while start < records.count {
            let end = min(start + Self.recordsInFlight, records.count)
            try publish(records[start..<end], with: publisher)
            start = end
        }
    }

    private func publish(_ records: ArraySlice<ConfigurationRecord>, with publisher: KafkaPublisher)
        throws(LogFailure)
    {
        for (token, record) in records.enumerated() {
            try publisher.publish(
                topic: .config, partition: PartitionIndex(0), key: record.key, headers: [],
                value: record.value,
                token: UInt64(token))
        }
        var (acknowledged, failure) = (0, LogFailure?.none)
        let isFlushed = publisher.flush(milliseconds: Self.limitMilliseconds) { _, result in
            switch result {
            case .success: acknowledged += 1
            case .failure(let reason): failure = failure ?? reason
            }
        }
        if let failure { throw failure }
        guard isFlushed, acknowledged == records.count else {
            throw LogFailure(
                operation: "publish configuration", code: "_TIMED_OUT",
                detail: "\(acknowledged) of \(records.count) documents were acknowledged", consequence: .retry
            )
        }
    }
}

/// Publishes what files hold, or nothing if any of it is wrong.
struct DocumentApplication {
    let publisher: any ConfigurationPublishing
    let console: Console

    func run(_ files: DocumentFiles) throws(LogFailure) -> ExitCode {
        guard files.problems.isEmpty else {
            for problem in files.problems { console.problem(problem.description) }
            console.problem("nothing was published")
            return .failed
        }
        try publisher.publish(
            files.documents.map { ConfigurationRecord(key: $0.document.key, value: $0.document.encoded()) })
        for entry in files.documents {
            console.line("published \(entry.document.kind.rawValue)/\(entry.document.id) from \(entry.file)")
        }
        return .done
    }
}
