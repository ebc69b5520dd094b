// Which partition a key belongs to. The same function as Kafka's own Java producers (murmur2, sign
// bit cleared), so that an upstream system that keys by the idempotency key reaches the partition
// where it is decided.

/// Kafka's murmur2 hash of a record key.
@inlinable public func murmur2(_ key: some RandomAccessCollection<UInt8>) -> UInt32 {
    let multiplier: UInt32 = 0x5bd1_e995
    let length = key.count
    var hash: UInt32 = 0x9747_b28c ^ UInt32(truncatingIfNeeded: length)
    var index = key.startIndex
    for _ in 0..<(length / 4) {
        var word: UInt32 = 0
        for shift in stride(from: UInt32(0), to: 32, by: 8) {
            word |= UInt32(key[index]) << shift
            index = key.index(after: index)
        }
        word = word &* multiplier
        word ^= word >> 24
        word = word &* multiplier
        hash = hash &* multiplier
        hash ^= word
    }
    let rest = length % 4
    if rest > 0 {
        var tail: UInt32 = 0
        for shift in 0..<rest {
            tail |= UInt32(key[index]) << UInt32(8 * shift)
            index = key.index(after: index)
        }
        hash ^= tail
        hash = hash &* multiplier
    }
    hash ^= hash >> 13
    hash = hash &* multiplier
    hash ^= hash >> 15
    return hash
}

/// A partition's number within a topic, counted from 0.
public struct PartitionIndex: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let number: Int32
    public init(_ number: Int32) { self.number = number }
    public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
    public var description: String { String(number) }
}

/// How many partitions the topics keyed by wallet or by idempotency key have; fixed when they are created.
public struct PartitionCount: Sendable, Hashable {
    public let number: Int32

    /// - Precondition: `number` is at least 1.
    public init(_ number: Int32) {
        precondition(number > 0, "a topic has at least one partition")
        self.number = number
    }

    /// The partition of a record key.
    @inlinable public func partition(of key: some RandomAccessCollection<UInt8>) -> PartitionIndex {
        partition(ofHash: murmur2(key))
    }

    /// The partition of a key whose ``murmur2(_:)`` is known.
    public func partition(ofHash hash: UInt32) -> PartitionIndex {
        PartitionIndex(Int32(bitPattern: hash & 0x7fff_ffff) % number)
    }

    public var all: [PartitionIndex] { (0..<number).map(PartitionIndex.init) }
}
