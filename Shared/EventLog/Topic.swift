// Names of topics, and positions in them. A topic is known by a small number inside a process, so
// that the hot path compares integers; the catalogue holds the names. Used by everything that reads
// or writes the log.

import Primitives

/// A topic's number in the process's ``TopicCatalog``.
public struct TopicID: Sendable, Hashable, Comparable {
    public let number: Int
    public init(_ number: Int) { self.number = number }
    public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

/// The names of all topics that a process knows, by number.
public struct TopicCatalog: Sendable {
    public let names: [String]
    private let numbers: [String: Int]

    /// - Precondition: names differ.
    public init(names: [String]) {
        self.names = names
        numbers = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    }

    public func name(of topic: TopicID) -> String { names[topic.number] }
    public func topic(named name: String) -> TopicID? { numbers[name].map(TopicID.init) }
}

/// A position in a partition: the number of the next record to read, or of one that was read.
public struct Offset: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let number: Int64
    public init(_ number: Int64) { self.number = number }
    public static let zero = Offset(0)
    public var next: Offset { Offset(number + 1) }
    public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
    public var description: String { String(number) }
}

/// One partition of one topic.
public struct TopicPartition: Sendable, Hashable, Comparable {
    public let topic: TopicID
    public let partition: PartitionIndex

    public init(_ topic: TopicID, _ partition: PartitionIndex) {
        self.topic = topic
        self.partition = partition
    }

    public static func < (left: Self, right: Self) -> Bool {
        (left.topic, left.partition) < (right.topic, right.partition)
    }
}

/// Where to read on in a partition.
public struct FetchPosition: Sendable, Hashable {
    public enum Start: Sendable, Hashable {
        case offset(Offset)
        /// The oldest record that is still there.
        case beginning
        /// Only what is written from now on.
        case end
    }

    public let place: TopicPartition
    public let start: Start

    public init(_ place: TopicPartition, from start: Start) {
        self.place = place
        self.start = start
    }
}
