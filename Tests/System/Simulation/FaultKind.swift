// What may go wrong in a simulated run. Counted by these names in a soak's table.

/// A kind of fault, with how often it may strike: in millionths of the occasions for it. A run draws its own
/// rate between nothing and this.
public enum FaultKind: String, Sendable, CaseIterable, Comparable {
    // Processes. Occasions: each moment between two steps of a call.
    case crash, pause, interleaving
    // Calls. Occasions: each call.
    case callFails, answerLost, requestLost, requestLate, aborted, markersApart, recordsRepeated, slowFetch
    // Brokers and groups. Occasions: each turn of the saboteur.
    case brokerPause, hangingTransaction, rebalance, removedMember, twin, compaction, timeLeap, clockJump
    // Disks. Occasions: each turn of the saboteur, or each crash.
    case diskFull, diskLost, diskSwapped, powerLoss, pageDamage, longAbsence
    // Subscribers. Occasions: each webhook.
    case webhookRefused, webhookLost, webhookAnswerLost
    // The gateway's door. Occasions: each record that it writes.
    case doorRequestLost, doorAnswerLost, doorAnswerLate, doorQueueFull
    // HTTP clients. Occasions: each request.
    case clientGivesUp, duplicateRequest
    // A call, occasions as above. Last, so that the draws of those before it stay what they were.
    case offsetsStray

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    var highestRate: UInt64 {
        switch self {
        case .crash: 4_000
        case .pause: 2_000
        case .interleaving: 50_000
        case .callFails: 20_000
        case .answerLost, .requestLost, .aborted: 100_000
        case .requestLate: 50_000
        case .markersApart: 300_000
        case .recordsRepeated: 10_000
        case .slowFetch: 100_000
        case .brokerPause: 20_000
        case .hangingTransaction: 20_000
        case .rebalance, .removedMember: 40_000
        case .twin: 10_000
        case .compaction: 100_000
        case .timeLeap: 10_000
        case .clockJump: 10_000
        case .diskFull: 30_000
        case .diskLost: 200_000
        case .diskSwapped: 100_000
        case .powerLoss: 300_000
        case .pageDamage: 200_000
        case .longAbsence: 100_000
        case .webhookRefused, .webhookLost: 250_000
        case .webhookAnswerLost: 150_000
        case .doorRequestLost, .doorAnswerLost: 100_000
        case .doorAnswerLate: 200_000
        case .doorQueueFull: 30_000
        case .clientGivesUp: 200_000
        case .duplicateRequest: 300_000
        case .offsetsStray: 50_000
        }
    }
}

/// The rates of one run: swarm testing, so that some runs have every fault, some one, some none.
public struct FaultRates: Sendable, CustomStringConvertible {
    public private(set) var perMillion: [FaultKind: UInt64] = [:]

    public init(seed: UInt64) {
        var entropy = RunEntropy(seed: seed, stream: .rates)
        // One run in sixteen without faults, two with one kind, the others with half of the kinds.
        let style = entropy.below(16)
        let kinds = FaultKind.allCases
        for kind in kinds {
            let (isOn, rate) = (entropy.below(2) == 0, entropy.below(kind.highestRate) + 1)
            if isOn { perMillion[kind] = rate }
        }
        if style == 0 { perMillion = [:] }
        if style == 1 || style == 2 {
            let kind = kinds[Int(entropy.below(UInt64(kinds.count)))]
            perMillion = [kind: kind.highestRate]
        }
    }

    public var description: String {
        FaultKind.allCases.compactMap { kind in
            perMillion[kind].map { "\(kind.rawValue)=\($0)" }
        }.joined(separator: " ")
    }
}

/// Which of a run's faults really strike: all, until a failure is being shrunk.
public struct FaultFilter: Sendable, CustomStringConvertible {
    public var kinds = Set(FaultKind.allCases)
    /// Only the first so many strike.
    public var count = Int.max
    /// Of those, not these, by their number.
    public var except: Set<Int> = []

    public init() {}

    func lets(_ kind: FaultKind, number: Int) -> Bool {
        kinds.contains(kind) && number < count && !except.contains(number)
    }

    public var description: String {
        var parts: [String] = []
        if kinds.count < FaultKind.allCases.count {
            parts.append("--kinds \(kinds.sorted().map(\.rawValue).joined(separator: ","))")
        }
        if count < Int.max { parts.append("--faults \(count)") }
        if !except.isEmpty { parts.append("--without \(except.sorted().map(String.init).joined(separator: ","))") }
        return parts.joined(separator: " ")
    }
}
