// Where the evaluator's records come from and go. Used by Main and by tests; the worker does the rest.

import Messages
import StateStore
import StreamRuntime
import Telemetry

/// The rule evaluator.
///
/// - Parameter registry: takes what the evaluator counts.
public func ruleEvaluatorTopology(registry: MetricsRegistry) -> ServiceTopology {
    let metrics = RuleEvaluatorMetrics(registry)
    return ServiceTopology(
        service: .ruleEvaluator,
        inputs: [.customerEvents],
        outputs: [.walletCommands, .evaluations, .replies],
        histories: [.evaluations],
        schema: RuleEvaluatorSchema.schema
    ) { store, _ throws(StoreFailure) in
        RuleEvaluatorProcessor(try RuleEvaluatorStore(store), metrics)
    }
}
