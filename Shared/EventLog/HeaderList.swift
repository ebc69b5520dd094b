// The headers of one record that is written alone, outside a batch: all bytes in one array, so that a dozen headers
// cost two allocations. Filled by the gateway's door, read by the publisher.

import Primitives

/// Headers in the order in which they were added. Names may repeat, as they may in Kafka.
public struct HeaderList: Sendable {
    private var bytes: [UInt8] = []
    private var ends: [(name: Int, value: Int)] = []

    /// What the door's records have, rounded up; more makes its own room.
    private static let usualBytes = 512
    private static let usualCount = 16

    public init() {
        bytes.reserveCapacity(Self.usualBytes)
        ends.reserveCapacity(Self.usualCount)
    }

    /// Headers whose names are not known beforehand.
    public init(_ headers: some Sequence<(name: String, value: [UInt8])>) {
        self.init()
        for header in headers {
            bytes.append(contentsOf: header.name.utf8)
            finish(header.value.span)
        }
    }

    public mutating func add(_ name: StaticString, _ value: Span<UInt8>) {
        bytes.append(contentsOf: StaticBytes(name))
        finish(value)
    }

    private mutating func finish(_ value: Span<UInt8>) {
        let nameEnd = bytes.count
        unsafe value.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
        ends.append((nameEnd, bytes.count))
    }

    public mutating func add(_ name: StaticString, _ value: [UInt8]) { add(name, value.span) }
    public mutating func add(_ name: StaticString, _ value: String) { add(name, value.utf8.span) }

    /// Lends the bytes of each header.
    public func forEach(_ body: (_ name: Span<UInt8>, _ value: Span<UInt8>) -> Void) {
        let bytes = bytes.span
        var start = 0
        for end in ends {
            body(bytes.extracting(start..<end.name), bytes.extracting(end.name..<end.value))
            start = end.value
        }
    }
}

extension HeaderList: RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { ends.count }

    public subscript(index: Int) -> (name: String, value: [UInt8]) {
        let start = index == 0 ? 0 : ends[index - 1].value
        let (nameEnd, end) = ends[index]
        return (String(decoding: bytes[start..<nameEnd], as: UTF8.self), Array(bytes[nameEnd..<end]))
    }
}

extension HeaderList: ExpressibleByArrayLiteral {
    public init(arrayLiteral headers: (name: String, value: [UInt8])...) { self.init(headers) }
}
