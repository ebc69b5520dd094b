// Where the gateway's worker half reads and writes. `ingress[p]` and `intake[p]` belong to one task, so that a record that
// already lies on its key's partition is decided where it lies (DESIGN 2).

import EventLog
import Messages
import StateStore
import StreamRuntime
import Telemetry

/// The gateway's worker half. `wallet-commands` is written by the door alone; it stands here so that it is checked.
public func ingressGatewayTopology(registry: MetricsRegistry) -> ServiceTopology {
    let metrics = IntakeMetrics(registry)
    return ServiceTopology(
        service: .ingressGateway,
        inputs: [.ingress, .intake],
        outputs: [.intake, .customerEvents, .walletCommands, .rewardRequests, .replies],
        histories: [],
        schema: .ingressGateway,
        makeProcessor: { (store, partition) throws(StoreFailure) in
            IngressGatewayProcessor(try IngressGatewayStore(store), partition, metrics)
        })
}
