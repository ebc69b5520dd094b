// The door's figures: requests by what they asked and how they ended, and how long their callers waited.

import Telemetry

struct DoorMetrics: Sendable {
    private let registry: MetricsRegistry
    private let duration: Histogram

    init(_ registry: MetricsRegistry) {
        self.registry = registry
        duration = registry.histogram(
            "pointstream_http_request_duration_seconds", help: "From a complete request to its answer.", labels: [])
    }

    /// - Parameter microseconds: 0 for what was refused at once.
    func answered(_ question: String, _ status: Int, microseconds: Int64) {
        registry.counter(
            "pointstream_http_requests_total", help: "Requests by question and status.",
            labels: [(name: "question", value: question), (name: "status", value: String(status))]
        ).add(1)
        if microseconds > 0 { duration.observe(microseconds: microseconds) }
    }
}

extension Question {
    /// For metrics.
    var name: String {
        switch self {
        case .openWallet: "open-wallet"
        case .wallet: "wallet"
        case .outcome: "outcome"
        case .accept: "accept"
        }
    }
}
