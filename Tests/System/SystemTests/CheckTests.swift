// Runs without faults give no violations, neither in their middle nor at their end, and take every path that
// the model decides on: what they find nothing wrong with was there.

import EventLog
import Messages
import Primitives
import Simulation
import Testing

@Suite struct `The checks` {
    private static let seeds: ClosedRange<UInt64> = 1...20

    /// Outcomes that the runs together must have met.
    private static let paths = [
        "award awarded", "award nothing", "award pending", "award refused", "awarded applied",
        "awarded unknown-wallet", "awarded wallet-blocked", "customer-events event.query",
        "document offer removed", "document subscription removed", "hold.committed applied",
        "hold.committed hold-ended", "hold.committed hold-expired", "hold.committed points-exceed-hold",
        "hold.committed unknown-hold", "hold.expired applied", "hold.opened applied", "hold.opened hold-expired",
        "hold.opened insufficient-balance", "hold.voided applied", "hold.voided hold-ended",
        "ingress-gateway-dead-letters duplicate-key", "ingress-gateway-dead-letters empty-body",
        "ingress-gateway-dead-letters future-event", "ingress-gateway-dead-letters header-missing",
        "ingress-gateway-dead-letters inactive-source", "ingress-gateway-dead-letters invalid-json",
        "ingress-gateway-dead-letters key-invalid", "ingress-gateway-dead-letters key-reuse",
        "ingress-gateway-dead-letters missing-column", "ingress-gateway-dead-letters too-old",
        "ingress-gateway-dead-letters unknown-source", "intake event.query", "intake purchase",
        "intake reward.request", "lot.expired applied", "notifier-dead-letters delivery-attempts-exhausted",
        "notifier-dead-letters delivery-gone", "receipt abandoned", "receipt delivered", "reply conflict",
        "reply created", "reply done", "reply done1", "reply not-found", "reply refused", "reply refused1",
        "reward-requests reward.query", "reward.issued ", "reward.refused insufficient-balance",
        "reward.refused unknown-reward", "rewards-issuer-dead-letters in-the-future",
        "rewards-issuer-dead-letters key-reuse", "rule-evaluator-dead-letters malformed-id", "spends spent",
        "verdict day-of-week", "verdict fired", "verdict fired-capped", "verdict fired-limited",
        "verdict inactive", "verdict limit-reached", "verdict minimum-total", "verdict no-points",
        "verdict time-of-day", "verdict unit", "wallet-ledger-dead-letters identifier",
        "wallet-ledger-dead-letters key-reuse", "wallet-ledger-dead-letters unknown-partition",
        "wallet.blocked applied", "wallet.freed applied", "wallet.opened applied", "webhook 200", "webhook 410",
        "webhook unanswered",
    ]

    @Test func `runs without faults break nothing, and take every path`() throws {
        var taken = TakenPaths()
        for seed in Self.seeds {
            let run = try FaultFreeRun(seed: seed, partitions: Int32(1 + seed % 3))
            var turns = 0
            try run.run { run in
                turns += 1
                guard turns % 8 == 0 else { return }
                let early = violations(in: try run.evidence(isSettled: false))
                #expect(early.isEmpty, "seed \(seed), turn \(turns): \(early.prefix(3))")
            }
            let evidence = try run.evidence(isSettled: true)
            let found = violations(in: evidence)
            #expect(found.isEmpty, "seed \(seed): \(found.prefix(3))")
            taken.add(evidence)
        }
        for path in Self.paths { #expect(taken.counts[path, default: 0] > 0, "\(path)") }
    }
}
