// Where the rewards issuer's records come from and go. Data only. Linked by the executable and by tests.

import EventLog
import Messages
import Primitives
import RewardsIssuerDomain
import StateStore
import StreamRuntime
import Telemetry

/// The rewards issuer. Requests and the ledger's answers lie on partitions of the same number, so one store
/// sees both.
///
/// Open issuances are on the changelog, which compacts to those that are open. What was decided is on
/// `rewards-issued` as it is, written in the same transaction, so it is restored from there.
public func rewardsIssuerTopology(registry: MetricsRegistry) -> ServiceTopology {
    ServiceTopology(
        service: .rewardsIssuer,
        inputs: [.rewardRequests, .walletTransactions],
        outputs: [.walletCommands, .rewardsIssued, .replies],
        histories: [.rewardsIssued],
        schema: rewardsIssuerSchema,
        makeProcessor: { store, partition throws(StoreFailure) in
            RewardsIssuerProcessor(
                try RewardsIssuerStore(store.connection), partition, RewardsIssuerCounters(registry))
        })
}
