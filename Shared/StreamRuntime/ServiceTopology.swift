// Where a service's records come from and go, as data. Each service has one value of this; the
// worker does the rest.

import EventLog
import Messages
import Primitives
import StateStore

/// What the runtime has to know of a service.
public struct ServiceTopology: Sendable {
    public let service: ServiceName
    /// Topics read together: partition p of each belongs to the same task and the same store.
    public let inputs: [TopicID]
    /// Topics written besides the changelog and the dead letters; known in advance so that they can be checked.
    public let outputs: [TopicID]
    /// Own outputs that double as history: rows restored from them are not in the changelog.
    public let histories: [TopicID]
    public let schema: StoreSchema
    /// Makes the processor of one partition, in the worker's thread.
    public let makeProcessor: @Sendable (StateStore, PartitionIndex) throws(StoreFailure) -> any PartitionProcessor

    public init(
        service: ServiceName, inputs: [TopicID], outputs: [TopicID], histories: [TopicID], schema: StoreSchema,
        makeProcessor:
            @escaping @Sendable (StateStore, PartitionIndex) throws(StoreFailure) -> any PartitionProcessor
    ) {
        self.service = service
        self.inputs = inputs
        self.outputs = outputs
        self.histories = histories
        self.schema = schema
        self.makeProcessor = makeProcessor
    }

    public var changelog: TopicID { .changelog(of: service) }
    public var deadLetters: TopicID { .deadLetters(of: service) }
    /// What a store is restored from, the changelog first.
    public var restoreSources: [TopicID] { [changelog] + histories }
    /// Every topic that must exist with the platform's partition count.
    public var allTopics: [TopicID] { inputs + outputs + [changelog, deadLetters] }
}
