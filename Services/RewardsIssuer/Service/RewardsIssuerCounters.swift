// The rewards issuer's figures, as series of its process. Counted when decided: a batch that is undone and
// repeated counts again, the exact figures are on `rewards-issued`.

import Messages
import RewardsIssuerDomain
import Telemetry

struct RewardsIssuerCounters {
    private let requested: Counter
    private let issued: Counter
    private let refused: Counter
    private let repeatedRequest: Counter
    private let repeatedAnswer: Counter
    private let contraryAnswer: Counter

    init(_ registry: MetricsRegistry) {
        func issuances(_ status: String) -> Counter {
            registry.counter(
                "pointstream_reward_issuances_total", help: "Issuances that reached a status.",
                labels: [(name: "status", value: status)])
        }
        func ignored(_ what: String) -> Counter {
            registry.counter(
                "pointstream_reward_records_ignored_total",
                help: "Records about known issuances that changed nothing; contrary ones deny the decision.",
                labels: [(name: "record", value: what)])
        }
        requested = issuances("pending")
        issued = issuances("issued")
        refused = issuances("refused")
        repeatedRequest = ignored("repeated-request")
        repeatedAnswer = ignored("repeated-answer")
        contraryAnswer = ignored("contrary-answer")
    }

    func count(_ status: RewardIssue.Status) {
        switch status {
        case .pending: requested.add()
        case .issued: issued.add()
        case .refused: refused.add()
        }
    }

    func countRepeatedRequest() { repeatedRequest.add() }

    func count(_ ignored: IssuanceDecision.Ignored) {
        switch ignored {
        case .repeated: repeatedAnswer.add()
        case .contrary: contraryAnswer.add()
        }
    }
}
