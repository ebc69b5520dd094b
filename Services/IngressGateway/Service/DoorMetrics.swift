// The door's figures: requests by what they asked and how they ended, and how long their callers waited.

import Synchronization
import Telemetry

final class DoorMetrics: Sendable {
    private struct Series: Hashable {
        let question: String
        let status: Int
    }

    private let registry: MetricsRegistry
    private let duration: Histogram
    /// Those that were needed: looking one up by its labels costs more than all else at the end of a request.
    private let counters = Mutex<[Series: Counter]>([:])

    init(_ registry: MetricsRegistry) {
        self.registry = registry
        duration = registry.histogram(
            "pointstream_http_request_duration_seconds", help: "From a complete request to its answer.",
            labels: [])
    }

    /// - Parameter microseconds: 0 for what was refused at once.
    func answered(_ question: String, _ status: Int, microseconds: Int64) {
        let series = Series(question: question, status: status)
        let counter = counters.withLock { counters in
            if let counter = counters[series] { return counter }
            let made = registry.counter(
                "pointstream_http_requests_total", help: "Requests by question and status.",
                labels: [(name: "question", value: question), (name: "status", value: String(status))])
            counters[series] = made
            return made
        }
        counter.add(1)
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
