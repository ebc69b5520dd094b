// What kind of a workload a seed gives: how many wallets there are, how hot the hot one is, and which acts
// occur how often. Drawn once per run (swarm testing: a run that does without some acts meets states that a
// run with a bit of everything never meets). Used by Workload alone.

import Primitives

/// One kind of thing that the outside world does.
enum WorkloadAct: CaseIterable {
    /// On `ingress`, by whichever source and on whichever partition.
    case purchase
    case repeatPurchase, conflictingPurchase, untimelyPurchase, malformedPurchase
    /// As the gateway's HTTP door writes on `intake`, mostly with somebody who waits for an answer.
    case doorPurchase, doorRepeat, doorConflict, doorReward, eventQuestion, malformedIntake
    case openWallet, blockWallet, unblockWallet, walletQuestion, malformedEvent
    /// Trusted systems that write to the ledger directly.
    case credit, openHold, endHold, repeatCommand, reuseCommandID, malformedCommand
    case rewardRequest, repeatRequest, voidIssuance, malformedRequest
    case configuration

    /// How often it occurs beside the others, where it does.
    fileprivate var weight: UInt64 {
        switch self {
        case .purchase: 20
        case .credit, .openHold, .endHold, .rewardRequest: 8
        case .repeatPurchase, .doorPurchase, .conflictingPurchase: 5
        case .doorReward, .doorRepeat, .repeatCommand, .walletQuestion, .configuration: 4
        case .untimelyPurchase, .malformedPurchase, .openWallet, .eventQuestion, .repeatRequest: 3
        case .doorConflict, .reuseCommandID, .malformedCommand, .voidIssuance, .unblockWallet: 2
        case .blockWallet, .malformedIntake, .malformedEvent, .malformedRequest: 1
        }
    }
}

struct WorkloadPlan {
    /// Runs are short, so that there can be many.
    private static let submissions: ClosedRange<UInt64> = 60...200
    private static let turns: ClosedRange<UInt64> = 12...60
    /// Of a hundred seeds, so many do without a given act.
    private static let absentPercent: UInt64 = 20

    let turns: Int
    /// On average; a turn brings none to twice as many.
    let actsPerTurn: Int
    let wallets: Int
    /// Of a hundred acts, those on the first wallet whatever else is drawn.
    let hotPercent: UInt64
    /// Of a hundred requests, those that somebody waits for.
    let waitingPercent: UInt64
    /// Of a hundred such, those that name a partition that does not exist.
    let misaddressedPercent: UInt64
    /// The longest that a trusted system's holds and points last, in milliseconds.
    let shortLife: UInt64
    private let weights: [(act: WorkloadAct, weight: UInt64)]
    private let totalWeight: UInt64

    init(_ entropy: inout SeededEntropy) {
        func within(_ range: ClosedRange<UInt64>) -> UInt64 {
            range.lowerBound + entropy.below(range.upperBound - range.lowerBound + 1)
        }
        let count = within(Self.submissions)
        turns = Int(within(Self.turns))
        actsPerTurn = max(1, Int(count) / turns)
        wallets = Int(within(2...12))
        hotPercent = within(0...3) * 20
        waitingPercent = within(0...4) * 20
        misaddressedPercent = entropy.below(2) * 8
        shortLife = [2_000, 20_000, 120_000, 3_600_000][Int(entropy.below(4))]
        var drawn: [(act: WorkloadAct, weight: UInt64)] = []
        for act in WorkloadAct.allCases {
            let isAbsent = act != .purchase && entropy.below(100) < Self.absentPercent
            let factor = 1 + entropy.below(3)
            if !isAbsent { drawn.append((act, act.weight * factor)) }
        }
        weights = drawn
        totalWeight = drawn.reduce(0) { $0 + $1.weight }
    }

    func act(_ entropy: inout SeededEntropy) -> WorkloadAct {
        var rest = entropy.below(totalWeight)
        for (act, weight) in weights {
            if rest < weight { return act }
            rest -= weight
        }
        return .purchase
    }
}
