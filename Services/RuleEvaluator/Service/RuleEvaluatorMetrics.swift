// What the evaluator counts. Handles are found once; counting is an atomic add. Counted when a record is
// handled, so a batch that is aborted and handled again counts twice: figures for people, never for
// decisions.

import Messages
import Telemetry

struct RuleEvaluatorMetrics: Sendable {
    private let awarded: Counter
    private let noOfferFired: Counter
    private let unknownWallet: Counter
    private let walletBlocked: Counter
    private let repeats: Counter
    private let pruned: Counter

    init(_ registry: MetricsRegistry) {
        func evaluations(_ outcome: String) -> Counter {
            registry.counter(
                "pointstream_evaluations_total", help: "Events evaluated, by outcome.",
                labels: [(name: "outcome", value: outcome)])
        }
        awarded = evaluations("awarded")
        noOfferFired = evaluations(AwardCommand.Reason.noOfferFired.rawValue)
        unknownWallet = evaluations(AwardCommand.Reason.unknownWallet.rawValue)
        walletBlocked = evaluations(AwardCommand.Reason.walletBlocked.rawValue)
        repeats = registry.counter(
            "pointstream_evaluation_repeats_total",
            help: "Events and status changes that had been handled before.")
        pruned = registry.counter(
            "pointstream_evaluator_rows_pruned_total",
            help: "Rows deleted because nothing asks for them any more.")
    }

    func evaluated(_ reason: AwardCommand.Reason?) {
        switch reason {
        case nil: awarded.add()
        case .noOfferFired: noOfferFired.add()
        case .unknownWallet: unknownWallet.add()
        case .walletBlocked: walletBlocked.add()
        }
    }

    func repeated() { repeats.add() }
    func pruned(_ rows: Int) { pruned.add(Int64(rows)) }
}
