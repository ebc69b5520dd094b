// Where the notifier's records come from and go. Used by its Main and by tests.

import EventLog
import Messages
import Primitives
import StateStore
import StreamRuntime
import Telemetry

/// The notifier: outcomes in, webhooks and receipts out.
///
/// - Parameters:
///   - sender: shared by all partitions.
///   - catalog: names of topics, for dead letters.
///   - makeEntropy: for the jitter of one partition's retries.
public func notifierTopology(
    sender: any WebhookSender, catalog: TopicCatalog, registry: MetricsRegistry,
    makeEntropy: @escaping @Sendable (PartitionIndex) -> any Entropy = { _ in SystemEntropy() }
) -> ServiceTopology {
    ServiceTopology(
        service: .notifier, inputs: [.awards, .spends, .rewardsIssued], outputs: [.notices], histories: [],
        schema: notifierSchema
    ) { store, partition throws(StoreFailure) in
        NotifierProcessor(
            store, try NotifierStore(store.connection), partition, sender: sender, catalog: catalog,
            metrics: NotifierMetrics(registry), entropy: makeEntropy(partition))
    }
}
