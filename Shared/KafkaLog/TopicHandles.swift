// librdkafka's handles of topics, one set per client, so that a topic is found by number when writing and by
// address when reading. Held as long as the client, so that an address never comes to mean another topic.

import CRDKafka
import EventLog

/// The handles of those of the catalogue's topics that were opened in one client.
@safe final class TopicHandles {
    private let catalog: TopicCatalog
    private var handles: [OpaquePointer?]

    init(_ catalog: TopicCatalog) {
        self.catalog = catalog
        unsafe handles = Array(repeating: nil, count: catalog.names.count)
    }

    /// Does nothing if the topic is open.
    func open(_ topic: TopicID, in client: OpaquePointer) throws(LogFailure) {
        guard unsafe handles[topic.number] == nil else { return }
        let name = catalog.name(of: topic)
        guard let handle = unsafe rd_kafka_topic_new(client, name, nil) else {
            throw KafkaError(rd_kafka_last_error()).failure("open topic", at: name)
        }
        unsafe handles[topic.number] = handle
    }

    deinit { close() }

    subscript(topic: TopicID) -> OpaquePointer? { unsafe handles[topic.number] }

    func topic(at address: OpaquePointer?) -> TopicID? {
        guard let address = unsafe address else { return nil }
        return unsafe handles.firstIndex { unsafe $0 == address }.map(TopicID.init)
    }

    /// Must come before the client is closed.
    func close() {
        unsafe handles.forEach { if let handle = unsafe $0 { unsafe rd_kafka_topic_destroy(handle) } }
        unsafe handles = Array(repeating: nil, count: handles.count)
    }
}
