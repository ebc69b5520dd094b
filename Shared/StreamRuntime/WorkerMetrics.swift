// A worker's figures, as Prometheus series of its process. Handles are made once; counting is an atomic add.

import Messages
import Primitives
import Telemetry

struct WorkerMetrics {
    /// From a timer alone to twice and more of a batch by default.
    private static let batchSizeBounds: [Int64] = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000]

    private let registry: MetricsRegistry
    private let service: String
    private let records: Counter
    private let written: Counter
    private let batches: Counter
    private let batchSize: SizeHistogram
    private let batchTime: Histogram
    private let restoredRows: Counter
    private let wipes: Counter
    private let running: Gauge

    init(_ registry: MetricsRegistry, service: ServiceName) {
        self.registry = registry
        self.service = service.rawValue
        let labels = [(name: "service", value: service.rawValue)]
        records = registry.counter(
            "pointstream_records_total", help: "Records processed.", labels: labels)
        written = registry.counter(
            "pointstream_records_written_total", help: "Records written, changelog included.", labels: labels)
        batches = registry.counter("pointstream_batches_total", help: "Batches committed.", labels: labels)
        batchSize = registry.sizes(
            "pointstream_batch_records", help: "Records of each batch that was committed.", labels: labels,
            upperBounds: Self.batchSizeBounds)
        batchTime = registry.histogram(
            "pointstream_batch_duration_seconds", help: "From the first record of a batch to its commit.",
            labels: labels)
        restoredRows = registry.counter(
            "pointstream_restored_records_total", help: "Records applied while stores were restored.",
            labels: labels)
        wipes = registry.counter(
            "pointstream_store_wipes_total", help: "Stores thrown away because they disagreed with the log.",
            labels: labels)
        running = registry.gauge("pointstream_running_partitions", help: "Partitions that run.", labels: labels)
    }

    func batch(records count: Int, written outputs: Int, started: Timestamp, ended: Timestamp) {
        records.add(Int64(count))
        written.add(Int64(outputs))
        batches.add(1)
        batchSize.observe(count)
        batchTime.observe(microseconds: max(0, ended.milliseconds - started.milliseconds) * 1_000)
    }

    func setAside(records count: Int) { records.add(Int64(count)) }
    func restored(_ count: Int) { restoredRows.add(Int64(count)) }
    func wiped() { wipes.add(1) }
    /// By how many more than before: the workers of a process share the figure.
    func runningPartitions(more count: Int) { running.add(Int64(count)) }

    func deadLetter(_ code: String) {
        registry.counter(
            "pointstream_dead_letters_total", help: "Records that could not be processed, by reason.",
            labels: [(name: "service", value: service), (name: "code", value: code)]
        ).add(1)
    }

    func aborted(_ code: String) {
        registry.counter(
            "pointstream_transaction_aborts_total", help: "Transactions that did not commit, by the log's reason.",
            labels: [(name: "service", value: service), (name: "code", value: code)]
        ).add(1)
    }

    func failure(_ code: String) {
        registry.counter(
            "pointstream_worker_failures_total", help: "Failures a worker recovered from, by reason.",
            labels: [(name: "service", value: service), (name: "code", value: code)]
        ).add(1)
    }
}
