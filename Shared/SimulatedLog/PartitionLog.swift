// One partition: records and markers with offsets, which transactions are open in it, and what a reader of
// committed records may see. Offsets are never reused; markers take one, and compaction leaves holes. Used by
// the cluster's state only, which decides when a transaction ends.

import EventLog
import Primitives

/// A record as it lies in the simulated log.
public struct SimulatedRecord: Sendable, Equatable {
    public struct Header: Sendable, Equatable {
        public let name: [UInt8]
        public let value: [UInt8]

        public init(_ name: [UInt8], _ value: [UInt8]) {
            self.name = name
            self.value = value
        }

        public init(_ name: String, _ value: String) { self.init(Array(name.utf8), Array(value.utf8)) }
    }

    public let offset: Offset
    /// The broker's time when it was appended.
    public let timestamp: Timestamp
    public let key: [UInt8]?
    public let headers: [Header]
    /// Nil is a tombstone.
    public let value: [UInt8]?

    public var keyText: String? { key.map { String(decoding: $0, as: UTF8.self) } }
    public var valueText: String? { value.map { String(decoding: $0, as: UTF8.self) } }

    /// The text of the last header of that name.
    public func headerText(_ name: String) -> String? {
        headers.last { $0.name.elementsEqual(name.utf8) }.map { String(decoding: $0.value, as: UTF8.self) }
    }
}

/// A transaction's number, counted over the whole cluster.
typealias TransactionNumber = Int64

struct PartitionLog: Sendable {
    enum Body: Sendable {
        case record(SimulatedRecord)
        case marker(committed: Bool)
    }

    enum Standing: Sendable, Equatable {
        case open(TransactionNumber)
        case committed, aborted
    }

    struct Entry: Sendable {
        let offset: Offset
        let timestamp: Timestamp
        let body: Body
        var standing: Standing
    }

    private(set) var entries: [Entry] = []
    /// Positions before it are out of range.
    private(set) var start = Offset.zero
    /// The high watermark: the next record's offset.
    private(set) var end = Offset.zero
    /// In the order of their first offsets, because they are appended as they begin.
    private var open: [(number: TransactionNumber, first: Offset)] = []

    /// The last stable offset: nothing behind it is shown to readers of committed records.
    var stableEnd: Offset { open.first?.first ?? end }

    /// - Parameter transaction: nil if the record is visible at once.
    mutating func append(
        key: [UInt8]?, headers: [SimulatedRecord.Header], value: [UInt8]?, at time: Timestamp,
        in transaction: TransactionNumber?
    ) -> Offset {
        let offset = end
        if let transaction, !open.contains(where: { $0.number == transaction }) {
            open.append((transaction, offset))
        }
        let record = SimulatedRecord(
            offset: offset, timestamp: time, key: key, headers: headers, value: value)
        add(.record(record), at: time, standing: transaction.map(Standing.open) ?? .committed)
        return offset
    }

    /// Writes the marker and settles the transaction's records; nothing if it wrote none here.
    mutating func finish(_ transaction: TransactionNumber, committed: Bool, at time: Timestamp) {
        guard let place = open.firstIndex(where: { $0.number == transaction }) else { return }
        let first = open.remove(at: place).first
        for index in index(from: first)..<entries.count where entries[index].standing == .open(transaction) {
            entries[index].standing = committed ? .committed : .aborted
        }
        add(.marker(committed: committed), at: time, standing: .committed)
    }

    /// Deletes what lies before `offset`, as retention does, at most up to the last stable offset.
    mutating func trim(before offset: Offset) {
        start = max(start, min(offset, stableEnd))
        entries.removeFirst(index(from: start))
    }

    /// Replaces the entries before the last stable offset by those that `keeps` accepts.
    mutating func retain(_ keeps: (Entry) -> Bool) {
        let limit = stableEnd
        entries.removeAll { $0.offset < limit && !keeps($0) }
    }

    /// The index of the first entry at or behind an offset.
    func index(from offset: Offset) -> Int {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].offset < offset { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The first committed record at or behind a position and before the last stable offset.
    func firstCommitted(from position: Offset) -> SimulatedRecord? {
        let limit = stableEnd
        for entry in entries[index(from: position)...] {
            guard entry.offset < limit else { return nil }
            if case .record(let record) = entry.body, entry.standing == .committed { return record }
        }
        return nil
    }

    private mutating func add(_ body: Body, at time: Timestamp, standing: Standing) {
        entries.append(Entry(offset: end, timestamp: time, body: body, standing: standing))
        end = end.next
    }
}
