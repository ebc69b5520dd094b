// Everything the simulated broker knows, as one value: topics, transactional ids, groups, time, and what is
// still to happen. All clients of a cluster change it, one call at a time. Dictionaries are only looked up or
// walked in the order of their sorted keys, so that a run depends on its calls and its seed alone.

import EventLog
import Primitives

/// A partition's place in the cluster; a process's ``TopicID`` is another number.
struct Slot: Sendable, Hashable, Comparable {
    let topic: Int
    let partition: Int

    static func < (left: Self, right: Self) -> Bool {
        (left.topic, left.partition) < (right.topic, right.partition)
    }
}

struct Topic: Sendable {
    let name: String
    let isCompacted: Bool
    var partitions: [PartitionLog]
}

struct ClusterState: Sendable {
    let settings: ClusterSettings
    let clock: SimulatedClock
    /// The broker's time; starts as the clock's and only moves forward.
    var now: Timestamp
    var brokerPausedUntil: Timestamp

    var topics: [Topic] = []
    var topicNumbers: [String: Int] = [:]
    var transactionalIDs: [String: TransactionalID] = [:]
    /// Offsets whose requests arrive behind the end of their transaction, by transactional id.
    var straying: [String: [(group: String, offset: PendingOffset)]] = [:]
    var groups: [String: Group] = [:]
    var deferred: [Deferred] = []

    var plan = FaultPlan()
    var faults: (any FaultSource)?
    var trace = Trace()
    private var lastNumber: Int64 = 0

    init(settings: ClusterSettings, clock: SimulatedClock) {
        self.settings = settings
        self.clock = clock
        now = clock.now()
        brokerPausedUntil = now
    }

    var isBrokerPaused: Bool { now < brokerPausedUntil }

    /// A number that nothing else in this cluster has.
    mutating func freshNumber() -> Int64 {
        lastNumber += 1
        return lastNumber
    }

    mutating func createTopic(_ name: String, partitions: Int, isCompacted: Bool) {
        precondition(partitions > 0, "a topic has at least one partition")
        precondition(topicNumbers[name] == nil, "a topic is created once")
        topicNumbers[name] = topics.count
        topics.append(
            Topic(
                name: name, isCompacted: isCompacted,
                partitions: [PartitionLog](repeating: PartitionLog(), count: partitions)))
    }

    func slot(_ topic: String, _ partition: PartitionIndex) throws(LogFailure) -> Slot {
        guard let number = topicNumbers[topic],
            topics[number].partitions.indices.contains(Int(partition.number))
        else {
            throw LogFailure(
                operation: "find partition", code: "UNKNOWN_TOPIC_OR_PART", detail: "\(topic)/\(partition)",
                consequence: .stop, cause: .topicMissing)
        }
        return Slot(topic: number, partition: Int(partition.number))
    }

    subscript(slot: Slot) -> PartitionLog {
        get { topics[slot.topic].partitions[slot.partition] }
        _modify { yield &topics[slot.topic].partitions[slot.partition] }
    }

    func name(of slot: Slot) -> String { "\(topics[slot.topic].name)/\(slot.partition)" }

    /// Appends to a partition; the caller has checked the producer.
    mutating func append(
        to slot: Slot, key: [UInt8]?, headers: [SimulatedRecord.Header], value: [UInt8]?,
        in transaction: TransactionNumber?
    ) throws(LogFailure) -> Offset {
        guard key != nil || !topics[slot.topic].isCompacted else {
            throw LogFailure(
                operation: "append", code: "INVALID_RECORD",
                detail: "\(name(of: slot)): a compacted topic needs keys",
                consequence: .stop)
        }
        let offset = self[slot].append(key: key, headers: headers, value: value, at: now, in: transaction)
        trace.note("append \(name(of: slot)) @\(offset) in \(transaction ?? 0)")
        trace.mix(key ?? [])
        for header in headers {
            trace.mix(header.name)
            trace.mix(header.value)
        }
        trace.mix(value ?? [])
        return offset
    }

    /// The fault that strikes this call, if any; the plan comes before the seeded source.
    mutating func decide(_ call: FaultPoint.Call, of subject: String) -> Fault? {
        let point = FaultPoint(call, of: subject)
        let fault = plan.decide(point) ?? faults?.decide(point)
        if let fault { trace.note("fault \(fault) at \(call) of \(subject)") }
        return fault
    }

    /// For calls that either work or fail with nothing done: a fault or a paused broker ends them.
    mutating func passOrFail(_ call: FaultPoint.Call, of subject: String) throws(LogFailure) {
        if let fault = decide(call, of: subject) {
            throw LogFailure(
                operation: "\(call)", code: "_TRANSPORT", detail: subject, consequence: fault.consequence)
        }
        if isBrokerPaused { throw .timedOut("\(call)", subject) }
    }
}

extension Fault {
    /// What a call other than a commit reports.
    var consequence: LogFailure.Consequence {
        if case .fail(let consequence) = self { consequence } else { .retry }
    }
}

extension LogFailure {
    static func timedOut(_ operation: String, _ detail: String) -> LogFailure {
        LogFailure(operation: operation, code: "_TIMED_OUT", detail: detail, consequence: .retry)
    }

    /// An older producer of a transactional id, or one that may not be used any more.
    static func fencedProducer(_ operation: String, _ detail: String) -> LogFailure {
        LogFailure(operation: operation, code: "_FENCED", detail: detail, consequence: .discardProducer)
    }
}
