// A member of a consumer group over librdkafka. Used by one worker on its thread; reads committed records
// only and never commits an offset itself: offsets travel in the producer's transactions.

import CRDKafka
import EventLog
import Primitives

/// A static member with eager range assignment. Belongs to one thread.
public final class KafkaGroupConsumer: GroupConsumer {
    /// How long a question for committed offsets may take; no change of the group is seen meanwhile.
    public static let committedLimitMilliseconds: Int32 = 2_000

    private let handle: ClientHandle
    private let membership = Membership()
    private let loop: FetchLoop
    private let topics: [TopicID]
    private let catalog: TopicCatalog
    private let group: String
    private let member: String
    private var isSubscribed = false
    /// The group identity under which partitions are held; nil while none are.
    private var holding: [UInt8]?

    init(
        group: String, member: String, topics: [TopicID], catalog: TopicCatalog, settings: KafkaSettings
    ) throws(LogFailure) {
        handle = try ClientHandle(
            .consumer, .member(of: group, named: member, settings),
            ClientCallbacks(log: settings.log, membership: membership))
        loop = FetchLoop(handle, catalog)
        self.topics = topics
        self.catalog = catalog
        (self.group, self.member) = (group, member)
    }

    public func poll(
        into batch: RecordBatch, limits: BatchLimits, waitMilliseconds: Int
    ) throws(LogFailure) -> GroupChange? {
        try subscribe()
        if !membership.hasChange {
            // Whoever was told and polls again has let go of what was taken back.
            membership.release()
            try loop.poll(
                into: batch, limits: limits, waitMilliseconds: waitMilliseconds,
                interrupted: { membership.hasChange })
        }
        if let refusal = membership.refusal { throw refusal.failure("answer rebalance", consequence: .stop) }
        return try membership.takeChange().map(apply)
    }

    public func committedOffset(at place: TopicPartition) throws(LogFailure) -> CommittedOffset {
        let list = PartitionList(capacity: 1)
        list.append(place, catalog)
        let code = unsafe rd_kafka_committed(handle.client, list.pointer, Self.committedLimitMilliseconds)
        let (offset, inner) = list.first
        let error = code == RD_KAFKA_RESP_ERR_NO_ERROR ? inner : code
        // librdkafka itself asks again while the offsets are unstable, until the limit. A coordinator that is
        // away looks the same, and the answer is the same: ask again.
        if error == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT || error == RD_KAFKA_RESP_ERR__TIMED_OUT {
            return .unstable
        }
        guard error == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw KafkaError(error).failure("read committed offset", at: text(place))
        }
        return offset < 0 ? .none : .offset(Offset(offset))
    }

    /// - Throws: `dropPartitions` if the group took the partitions meanwhile; the next poll tells.
    public func fetch(from positions: [FetchPosition]) throws(LogFailure) {
        // Assigning would clear librdkafka's mark of a lost assignment.
        guard unsafe rd_kafka_assignment_lost(handle.client) == 0 else {
            throw KafkaError(RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST).failure("fetch")
        }
        try loop.assign(positions)
    }

    public func close() {
        loop.close()
        membership.close()
        handle.close()
    }

    deinit { membership.close() }

    /// The group's metadata for a transaction, taken now, or nil if the partitions are not this member's any
    /// more.
    ///
    /// A member that was thrown out has no generation, and the broker accepts offsets without a generation
    /// for a group that is empty: so the identity must still be the one under which the partitions were
    /// assigned.
    func currentIdentity() -> GroupIdentity? {
        guard let holding, let identity = unsafe GroupIdentity(of: handle.client), identity.bytes == holding,
            unsafe rd_kafka_assignment_lost(handle.client) == 0
        else { return nil }
        return identity
    }

    private func subscribe() throws(LogFailure) {
        guard !isSubscribed else { return }
        let list = PartitionList(capacity: topics.count)
        for topic in topics { list.append(topic: catalog.name(of: topic)) }
        let code = unsafe rd_kafka_subscribe(handle.client, list.pointer)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(code).failure("subscribe") }
        isSubscribed = true
    }

    private func apply(_ change: Membership.Change) throws(LogFailure) -> GroupChange {
        holding = nil
        // What was fetched belongs to positions that are void.
        loop.forget()
        switch change {
        case .revoked: return .revoked
        case .lost: return .lost
        case .assigned(let places):
            let partitions = try common(places)
            guard let identity = validIdentity() else { return .lost }
            holding = identity
            return .assigned(partitions)
        }
    }

    /// Nil if the member was thrown out between the assignment and now: it has no generation then.
    private func validIdentity() -> [UInt8]? {
        guard let bytes = unsafe GroupIdentity(of: handle.client)?.bytes,
            let name = unsafe rd_kafka_memberid(handle.client)
        else { return nil }
        defer { unsafe rd_kafka_mem_free(handle.client, name) }
        let without = unsafe rd_kafka_consumer_group_metadata_new_with_genid(group, -1, name, member)
        guard let without = unsafe without else { return nil }
        return unsafe GroupIdentity(taking: without).bytes == bytes ? nil : bytes
    }

    /// The partition numbers, which must be the same in every topic.
    private func common(_ places: [(topic: String, partition: Int32)]) throws(LogFailure) -> [PartitionIndex]
    {
        let numbers = Set(places.map(\.partition))
        for topic in topics {
            let name = catalog.name(of: topic)
            guard Set(places.lazy.filter { $0.topic == name }.map(\.partition)) == numbers else {
                throw LogFailure(
                    operation: "take assignment", code: "_INCONSISTENT",
                    detail:
                        "\(name) is not assigned like the other topics; their partition counts must be equal",
                    consequence: .stop, cause: .partitionCount)
            }
        }
        return numbers.sorted().map(PartitionIndex.init)
    }

    private func text(_ place: TopicPartition) -> String {
        "\(catalog.name(of: place.topic))[\(place.partition)]"
    }
}
