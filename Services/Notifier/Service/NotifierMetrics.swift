// What the notifier counts. Handles are made once for each partition; all partitions of a process share the
// series.

import NotifierDomain
import Telemetry

struct NotifierMetrics {
    private let delivered: Counter
    private let retried: Counter
    private let abandoned: [AbandonReason: Counter]
    private let repeated: Counter
    private let pending: Gauge

    init(_ registry: MetricsRegistry) {
        func deliveries(_ outcome: String) -> Counter {
            registry.counter(
                "pointstream_deliveries_total", help: "Webhook deliveries that ended, by outcome.",
                labels: [(name: "outcome", value: outcome)])
        }
        delivered = deliveries("delivered")
        abandoned = Dictionary(
            uniqueKeysWithValues: AbandonReason.allCases.map { ($0, deliveries($0.rawValue)) })
        retried = registry.counter(
            "pointstream_delivery_retries_total", help: "Webhook attempts that failed and are repeated later."
        )
        repeated = registry.counter(
            "pointstream_notices_repeated_total", help: "Outcomes read again that were noticed before.")
        pending = registry.gauge(
            "pointstream_deliveries_pending", help: "Webhook deliveries owed, failed ones waiting included.")
    }

    func ended(_ decision: DeliveryDecision) {
        switch decision {
        case .delivered: delivered.add()
        case .abandon(let reason): abandoned[reason]?.add()
        case .retry: retried.add()
        }
    }

    func repeatedNotice() { repeated.add() }
    func pendingChanged(by count: Int64) { pending.add(count) }
}
