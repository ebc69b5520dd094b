// What became of events at the intake, as Prometheus series. Counted when a batch is committed, so that a batch that is
// tried again counts once.

import Telemetry

/// Counts of one batch, or of a process.
struct IntakeCounts {
    var first: Int64 = 0
    var repeated: Int64 = 0
    var conflicts: Int64 = 0
    var refused: Int64 = 0
    var rerouted: Int64 = 0
}

/// May be shared by workers.
struct IntakeMetrics: Sendable {
    private let first: Counter
    private let repeated: Counter
    private let conflicts: Counter
    private let refused: Counter
    private let rerouted: Counter

    init(_ registry: MetricsRegistry) {
        func outcome(_ name: String) -> Counter {
            registry.counter(
                "pointstream_intake_total",
                help: "Events by what their idempotency key meant: first of the key, repeat, conflict, or refused "
                    + "for their time. Conflicts and refusals for which nobody waits are dead letters as well.",
                labels: [(name: "outcome", value: name)])
        }
        first = outcome("first")
        repeated = outcome("repeat")
        conflicts = outcome("conflict")
        refused = outcome("refused")
        rerouted = registry.counter(
            "pointstream_intake_rerouted_total",
            help: "Records of ingress that lay on another partition than their key's and took the hop over intake.")
    }

    func add(_ counts: IntakeCounts) {
        first.add(counts.first)
        repeated.add(counts.repeated)
        conflicts.add(counts.conflicts)
        refused.add(counts.refused)
        rerouted.add(counts.rerouted)
    }
}
