// The documents in force, read from the topic `config` the way every service reads them: whole, from its
// beginning to its end. Documents that services refuse are shown too, as problems.

import Configuration
import EventLog
import Foundation
import Messages
import Primitives

/// What lies on the topic.
struct ConfigurationListing {
    /// A poll that brings nothing for so long is asked again, so many times.
    private static let waitMilliseconds = 500
    private static let maximumIdlePolls = 60
    private static let endPauseSeconds = 0.25
    private static let maximumEndPauses = 40

    private(set) var documents: [ConfigurationDocument] = []
    /// Of documents whose newest record is refused, ordered by kind and id.
    private(set) var refused: [ConfigurationFailure] = []

    /// Reads everything that was committed when it was called.
    init(reading log: some EventLog) throws(LogFailure) {
        try requireConfigurationTopic(log)
        let reader = try log.makeReader(.catchingUp)
        defer { reader.close() }
        let place = TopicPartition(.config, PartitionIndex(0))
        let end = try Self.endOffset(of: place, reader)
        var builder = ConfigurationBuilder()
        var failures: [[UInt8]: ConfigurationFailure] = [:]
        if end > .zero {
            try reader.read(from: [FetchPosition(place, from: .beginning)])
            try Self.poll(reader, to: end) { record in
                let key = record.key ?? []
                failures[Array(key)] = nil
                do throws(ConfigurationFailure) {
                    try builder.apply(key: key, value: record.value, offset: record.offset.number)
                } catch {
                    failures[Array(key)] = error
                }
            }
        }
        documents = builder.all
        refused = failures.values.sorted { ($0.kind, $0.id) < ($1.kind, $1.id) }
    }

    /// A partition that has just been created, or whose leader has just changed, is asked again for a few
    /// seconds.
    private static func endOffset(
        of place: TopicPartition, _ reader: some PartitionReader
    ) throws(LogFailure) -> Offset {
        for _ in 0..<maximumEndPauses {
            do throws(LogFailure) {
                return try reader.endOffset(of: place)
            } catch {
                guard error.consequence == .retry else { throw error }
                Thread.sleep(forTimeInterval: endPauseSeconds)
            }
        }
        return try reader.endOffset(of: place)
    }

    private static func poll(
        _ reader: some PartitionReader, to end: Offset, _ take: (Record) -> Void
    ) throws(LogFailure) {
        let batch = RecordBatch()
        let limits = BatchLimits(records: 1_000, bytes: 4 << 20, lingerMilliseconds: 0)
        var idlePolls = 0
        while idlePolls < maximumIdlePolls {
            batch.clear()
            let ends = try reader.poll(into: batch, limits: limits, waitMilliseconds: waitMilliseconds)
            for record in batch { take(record) }
            if ends.contains(where: { $0.offset >= end }) { return }
            idlePolls = batch.isEmpty ? idlePolls + 1 : 0
        }
        throw LogFailure(
            operation: "read configuration", code: "_TIMED_OUT",
            detail: "the end at offset \(end) was not reached", consequence: .retry)
    }

    func print(to console: Console) {
        for document in documents { console.line(document.maskedText()) }
        for failure in refused { console.problem("refused by every service: \(failure)") }
    }
}

/// - Throws: what to do about it, if the topic `config` does not exist.
func requireConfigurationTopic(_ log: some EventLog) throws(LogFailure) {
    guard try log.partitionCount(of: .config) == nil else { return }
    throw LogFailure(
        operation: "find configuration", code: "_UNKNOWN_TOPIC",
        detail: "\(log.catalog.name(of: .config)) does not exist; pointstream topics creates it",
        consequence: .stop)
}
