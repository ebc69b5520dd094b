// The records of a run as the model reads them: taken apart once, with the place for reports; and streams of
// them that are held against what is expected, in order. Used by every stage of the model.

import EventLog
import JSONText
import Messages
import Primitives
import SimulatedLog

/// A committed record.
struct ModelRecord {
    let topic: TopicID
    let partition: PartitionIndex
    let record: SimulatedRecord
    let type: MessageType?
    /// `ce_id`, whatever it is the id of.
    let id: MessageID?
    /// The key as a wallet.
    let wallet: WalletID?
    let reply: ReplyAddress?

    init(_ topic: TopicID, _ partition: PartitionIndex, _ record: SimulatedRecord) {
        self.topic = topic
        self.partition = partition
        self.record = record
        wallet = record.key.flatMap { WalletID(hex: $0) }
        type = record.header("ce_type").flatMap { String(validating: $0, as: UTF8.self) }
            .flatMap(MessageType.init(rawValue:))
        id = record.header("ce_id").flatMap { MessageID(hex: $0) }
        let place = record.header("reply-partition").flatMap { Int32(String(decoding: $0, as: UTF8.self)) }
        let number = record.header("correlation-id").flatMap { bytes in
            UInt64(String(decoding: bytes, as: UTF8.self), radix: 16)
        }
        if let place, place >= 0, let number {
            reply = ReplyAddress(partition: PartitionIndex(place), correlation: number)
        } else {
            reply = nil
        }
    }

    var offset: Offset { record.offset }
    /// When the brokers got it.
    var written: Timestamp { record.timestamp }
    var value: [UInt8]? { record.value }

    func header(_ name: String) -> [UInt8]? { record.header(name) }

    /// Nil also where the bytes are no text.
    func text(_ name: String) -> String? {
        record.header(name).flatMap { String(validating: $0, as: UTF8.self) }
    }

    var time: Timestamp? { record.header("ce_time").flatMap { Timestamp(rfc3339: $0) } }
    var event: EventID? { id.map { EventID($0.value) } }

    /// Whether someone waits at a partition that exists.
    func waiter(_ partitions: PartitionCount) -> ReplyAddress? {
        reply.flatMap { $0.partition.number < partitions.number ? $0 : nil }
    }

    /// For reports.
    var place: String { "\(name(of: topic))/\(partition)@\(offset)" }
    var label: String { "\(place) \(type?.rawValue ?? "?") \(id?.description ?? "?")" }

    /// What tells it apart on its topic.
    var identity: String { "\(type?.rawValue ?? "?") \(id?.description ?? "?")" }
}

extension SimulatedRecord {
    /// The last header of that name, as the services read headers.
    func header(_ name: String) -> [UInt8]? {
        headers.last { $0.name.elementsEqual(name.utf8) }?.value
    }
}

func name(of topic: TopicID) -> String {
    TopicDefinition.all.indices.contains(topic.number) ? TopicDefinition.all[topic.number].noun : "topic"
}

/// Where a record lies, as a key.
struct ModelPlace: Hashable {
    let topic: TopicID
    let partition: PartitionIndex
    let offset: Offset
}

/// A stage's outputs on one partition, taken in the order in which they are expected.
struct ModelStream {
    enum Taken {
        case found(ModelRecord)
        /// It is there, but behind something that had to come after it.
        case misplaced(ModelRecord)
        case missing
    }

    let records: [ModelRecord]
    private let identities: [String]
    private var next = 0
    private var passedOver: [Int] = []

    init(_ records: [ModelRecord], by identity: (ModelRecord) -> String = \.identity) {
        self.records = records
        identities = records.map(identity)
    }

    /// The record that comes next, without taking it.
    var upcoming: ModelRecord? { next < records.count ? records[next] : nil }
    var isAtEnd: Bool { next >= records.count }

    mutating func take(_ identity: String) -> Taken {
        if next < records.count, identities[next] == identity {
            next += 1
            return .found(records[next - 1])
        }
        if let index = passedOver.firstIndex(where: { identities[$0] == identity }) {
            return .misplaced(records[passedOver.remove(at: index)])
        }
        guard let found = identities[next...].firstIndex(of: identity) else { return .missing }
        passedOver += Array(next..<found)
        next = found + 1
        return .found(records[found])
    }

    /// Takes whatever comes next.
    mutating func takeNext() -> ModelRecord? {
        guard next < records.count else { return nil }
        next += 1
        return records[next - 1]
    }

    /// Those that nothing expected.
    var unexpected: [ModelRecord] { (passedOver + Array(next..<records.count)).map { records[$0] } }
}

/// Everything of a run in the model's terms; each stage reads from it.
final class ModelRun {
    let evidence: Evidence
    let partitions: PartitionCount
    let isSettled: Bool
    let configuration: ModelConfiguration
    let findings = Findings()
    /// By topic and partition.
    private let records: [TopicID: [[ModelRecord]]]
    /// Records that came from outside.
    let fromOutside: Set<ModelPlace>
    /// The newest time that the brokers wrote anything at.
    let end: Timestamp
    /// Until when nothing may be overdue, once everything has settled.
    var quiet: Timestamp { evidence.endedAt ?? end }

    init(_ evidence: Evidence) {
        self.evidence = evidence
        partitions = evidence.partitions
        isSettled = evidence.isSettled
        configuration = ModelConfiguration(evidence.submitted)
        var records: [TopicID: [[ModelRecord]]] = [:]
        var end = Timestamp.zero
        for (topic, lists) in evidence.topics {
            records[topic] = lists.enumerated().map { index, list in
                list.map { record in
                    end = max(end, record.timestamp)
                    return ModelRecord(topic, PartitionIndex(Int32(index)), record)
                }
            }
        }
        self.records = records
        self.end = end
        var outside: Set<ModelPlace> = []
        for submitted in evidence.submitted {
            guard case .record(let record) = submitted.submission else { continue }
            outside.insert(
                ModelPlace(
                    topic: record.topic, partition: record.place(evidence.partitions), offset: submitted.offset))
        }
        fromOutside = outside
    }

    func records(_ topic: TopicID, _ partition: PartitionIndex) -> [ModelRecord] {
        let lists = records[topic] ?? []
        return lists.indices.contains(Int(partition.number)) ? lists[Int(partition.number)] : []
    }

    func isFromOutside(_ record: ModelRecord) -> Bool {
        fromOutside.contains(
            ModelPlace(topic: record.topic, partition: record.partition, offset: record.offset))
    }

    func report(_ invariant: Invariant, _ detail: @autoclosure () -> String) {
        findings.report(invariant, detail())
    }

    /// What is missing: lost once everything has settled, else still to come.
    func reportMissing(_ invariant: Invariant, _ detail: @autoclosure () -> String) {
        if isSettled { findings.report(invariant, detail()) }
    }
}

extension SubmittedRecord {
    /// Where the run writes it.
    func place(_ partitions: PartitionCount) -> PartitionIndex {
        partition ?? key.map { partitions.partition(of: $0) } ?? PartitionIndex(0)
    }
}
