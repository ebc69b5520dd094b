// Records as they are polled from the log and as they are collected for it: all bytes of a batch
// lie in one array, and a record is a set of ranges into it. No record costs an allocation of its
// own. A batch is filled by a log adapter or by a processor, read by one worker, cleared and filled
// again; it never leaves its thread.

import Primitives

/// Records in the order they were appended, with their bytes in one place.
public final class RecordBatch {
    struct Entry {
        var place: TopicPartition
        var offset: Offset
        var timestamp: Timestamp
        var key: Range<Int>?
        var value: Range<Int>?
        /// Its headers are those from here to the next record's first.
        var firstHeader: Int
    }

    /// The value follows the name.
    struct HeaderEntry {
        var start: Int
        var middle: Int
        var end: Int

        var name: Range<Int> { start..<middle }
        var value: Range<Int> { middle..<end }
    }

    public private(set) var bytes: [UInt8] = []
    private(set) var entries: [Entry] = []
    private(set) var headerEntries: [HeaderEntry] = []

    public init() {}

    public var count: Int { entries.count }
    public var isEmpty: Bool { entries.isEmpty }
    /// Bytes of keys, values and headers together.
    public var byteCount: Int { bytes.count }

    /// Forgets all records and keeps the storage.
    public func clear() {
        bytes.removeAll(keepingCapacity: true)
        entries.removeAll(keepingCapacity: true)
        headerEntries.removeAll(keepingCapacity: true)
    }

    /// Starts a record; headers and the value are added to the newest record.
    public func append(
        to place: TopicPartition, key: (some Collection<UInt8>)?, offset: Offset = .zero,
        timestamp: Timestamp = .zero
    ) {
        let keyRange = key.map(store)
        entries.append(
            Entry(
                place: place, offset: offset, timestamp: timestamp, key: keyRange, value: nil,
                firstHeader: headerEntries.count))
    }

    /// Adds a header to the newest record. Names may repeat, as they may in Kafka.
    public func addHeader(_ name: some Collection<UInt8>, _ value: some Collection<UInt8>) {
        let start = store(name)
        endHeader(start.lowerBound, store(value))
    }

    public func addHeader(_ name: StaticString, _ value: some Collection<UInt8>) {
        let start = bytes.count
        bytes.append(contentsOf: StaticBytes(name))
        endHeader(start, store(value))
    }

    public func addHeader(_ name: StaticString, _ value: Span<UInt8>) {
        addHeader(name, room: value.count) { $0.put(value) }
    }

    public func addHeader(_ name: StaticString, _ value: String) {
        addHeader(name, value.utf8.span)
    }

    /// 32 lower-case hex digits.
    public func addHeader(_ name: StaticString, hex number: UInt128) {
        addHeader(name, room: BytePen.hexRoom) { $0.put(hex: number) }
    }

    /// RFC 3339 in UTC with milliseconds.
    public func addHeader(_ name: StaticString, _ time: Timestamp) {
        addHeader(name, room: BytePen.timestampRoom) { $0.put(time) }
    }

    @inline(__always)
    private func addHeader(_ name: StaticString, room: Int, _ write: (inout BytePen) -> Void) {
        let start = bytes.count
        let middle = start + name.utf8CodeUnitCount
        bytes.append(room: name.utf8CodeUnitCount + room) { pen in
            pen.put(name)
            write(&pen)
        }
        endHeader(start, middle..<bytes.count)
    }

    private func endHeader(_ start: Int, _ value: Range<Int>) {
        precondition(!entries.isEmpty, "a header belongs to a record")
        headerEntries.append(HeaderEntry(start: start, middle: value.lowerBound, end: value.upperBound))
    }

    /// Gives the newest record its value; without this call its value is null (a tombstone).
    public func setValue(_ value: some Collection<UInt8>) {
        precondition(!entries.isEmpty, "a value belongs to a record")
        entries[entries.count - 1].value = store(value)
    }

    /// Takes back the records appended since `count` was read, in order to undo one record's output.
    public func truncate(to count: Int) {
        guard count < entries.count else { return }
        let first = entries[count]
        headerEntries.removeLast(headerEntries.count - first.firstHeader)
        entries.removeLast(entries.count - count)
    }

    /// How many records each partition has, and which of them is the first, in the order of the first ones. Records of
    /// a partition mostly follow each other, or take turns with few others, so the one that was met last is looked at
    /// first.
    public var countsByPlace: [(place: TopicPartition, count: Int, first: Int)] {
        var counts: [(place: TopicPartition, count: Int, first: Int)] = []
        var latest = 0
        for (index, entry) in entries.enumerated() {
            if latest >= counts.count || counts[latest].place != entry.place {
                latest = counts.firstIndex { $0.place == entry.place } ?? counts.count
                if latest == counts.count { counts.append((entry.place, 0, index)) }
            }
            counts[latest].count += 1
        }
        return counts
    }

    /// Bytes of key, value and headers of one record.
    public func byteCount(of index: Int) -> Int {
        let entry = entries[index]
        let headers = headerEntries[headers(of: index)].reduce(0) { $0 + $1.end - $1.start }
        return (entry.key?.count ?? 0) + (entry.value?.count ?? 0) + headers
    }

    func headers(of index: Int) -> Range<Int> {
        let end = index + 1 < entries.count ? entries[index + 1].firstHeader : headerEntries.count
        return entries[index].firstHeader..<end
    }

    /// Where the value of a record's last header of that name lies. Looked for by every stage in every record, so
    /// nothing is copied or retained for it.
    func headerValue(_ name: StaticString, of index: Int) -> Range<Int>? {
        let (bytes, count) = (bytes, name.utf8CodeUnitCount)
        for number in headers(of: index).reversed() {
            let header = headerEntries[number]
            if header.middle - header.start == count, bytes.span.has(name, at: header.start) { return header.value }
        }
        return nil
    }

    private func store(_ part: some Collection<UInt8>) -> Range<Int> {
        let start = bytes.count
        bytes.append(contentsOf: part)
        return start..<bytes.count
    }
}

extension RecordBatch: Sequence {
    public subscript(index: Int) -> Record { Record(batch: self, index: index) }

    public func makeIterator() -> some IteratorProtocol<Record> {
        (0..<entries.count).lazy.map { self[$0] }.makeIterator()
    }
}

/// One record of a batch. Valid until the batch is cleared.
public struct Record {
    let batch: RecordBatch
    let index: Int

    private var entry: RecordBatch.Entry { batch.entries[index] }

    public var place: TopicPartition { entry.place }
    public var topic: TopicID { entry.place.topic }
    public var partition: PartitionIndex { entry.place.partition }
    public var offset: Offset { entry.offset }
    /// When the broker or the producer says it was written.
    public var timestamp: Timestamp { entry.timestamp }

    public var key: ArraySlice<UInt8>? { entry.key.map { batch.bytes[$0] } }
    public var value: ArraySlice<UInt8>? { entry.value.map { batch.bytes[$0] } }
    /// Where key and value lie in ``bytes``, for readers that work in place: a slice holds the bytes, and is counted.
    public var keyRange: Range<Int>? { entry.key }
    public var valueRange: Range<Int>? { entry.value }
    /// The bytes of the whole batch.
    public var bytes: [UInt8] { batch.bytes }

    /// Of key, value and headers.
    public var byteCount: Int { batch.byteCount(of: index) }

    public var headerCount: Int { batch.headers(of: index).count }

    /// The nth header's name and value.
    public func header(at number: Int) -> (name: ArraySlice<UInt8>, value: ArraySlice<UInt8>) {
        let (name, value) = headerRanges(at: number)
        return (batch.bytes[name], batch.bytes[value])
    }

    /// Where they lie in ``bytes``.
    public func headerRanges(at number: Int) -> (name: Range<Int>, value: Range<Int>) {
        let header = batch.headerEntries[batch.headers(of: index).lowerBound + number]
        return (header.name, header.value)
    }

    /// The value of the last header of that name: a later one replaces an earlier one.
    public func header(_ name: StaticString) -> ArraySlice<UInt8>? {
        batch.headerValue(name, of: index).map { batch.bytes[$0] }
    }

    /// A header's value as text, if it is valid UTF-8.
    public func headerText(_ name: StaticString) -> String? {
        // Names and numbers are ASCII; text in another script is checked on its way, which takes five times as long.
        header(name).flatMap { value in
            value.allSatisfy { $0 < 0x80 }
                ? String(decoding: value, as: UTF8.self) : String(validating: value, as: UTF8.self)
        }
    }
}
