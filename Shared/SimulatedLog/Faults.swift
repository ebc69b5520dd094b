// Faults that tests and simulations inject: where one may strike, what it does, and who decides. The cluster
// asks before every call of a client; a scripted plan answers for single tests, a seeded source for whole
// simulated runs.

import EventLog
import Primitives

/// A call of a client that is about to happen.
public struct FaultPoint: Sendable, Hashable {
    public enum Call: Sendable, Hashable {
        case initialize, commit, poll, committedOffset, endOffset, read
    }

    public let call: Call
    /// The transactional id, `group/member`, or `topic/partition`; empty for a reader's poll.
    public let subject: String

    public init(_ call: Call, of subject: String) {
        self.call = call
        self.subject = subject
    }
}

/// What goes wrong. All but ``fail(_:)``, ``answerLost``, ``repeated(records:)`` and ``slow`` strike commits only.
public enum Fault: Sendable, Hashable {
    /// A poll goes back in every partition, as librdkafka 2.0.2 does after some resumes, and returns records
    /// again that were returned before.
    case repeated(records: Int64)
    /// A poll returns one record at most.
    case slow
    /// The call fails before it has any effect. At a commit the outcome is `aborted`.
    case fail(LogFailure.Consequence)
    /// The call takes effect and its answer is lost: a commit ends `unknown` and is visible.
    case answerLost
    /// Records and offsets arrive, the request to end the transaction does not: `unknown`, and the
    /// transaction stays open until it times out or its successor initialises.
    case requestLost
    /// As ``requestLost``, but the request still arrives after this time and decides whatever transaction the
    /// same producer, of the same epoch, has open then.
    case requestLate(milliseconds: Int64)
    /// As ``requestLost``, but the offsets arrive a second time behind the end of their transaction, which the next
    /// producer of the id brings about: the group holds them and nobody will decide on them.
    case offsetsStray
    /// Records and offsets arrive and are aborted.
    case abort
    /// Another producer of the same transactional id initialises in the middle of the transaction.
    case fence
    /// Committed, but the markers and the group's offsets follow only after this time.
    case markersLate(milliseconds: Int64)
    /// Committed, but each partition's marker and the group's offsets follow one after the other within this
    /// time: brokers write them on their own.
    case markersApart(milliseconds: Int64)
    /// The caller stands still between its records and the end of the transaction; time-outs happen
    /// meanwhile.
    case pause(milliseconds: Int64)
}

/// Decides at each call whether and how it fails. Asked in the order of the calls, once for each.
public protocol FaultSource: Sendable {
    mutating func decide(_ point: FaultPoint) -> Fault?
}

/// Faults written down in advance; each strikes once.
public struct FaultPlan: FaultSource {
    private struct Step: Sendable {
        let fault: Fault
        let call: FaultPoint.Call
        let subject: String?
        var callsBefore: Int
    }

    private var steps: [Step] = []

    public init() {}

    /// - Parameters:
    ///   - subject: whose call, or nil for anybody's (see ``FaultPoint/subject``).
    ///   - callsBefore: how many such calls pass unharmed first.
    public mutating func add(
        _ fault: Fault, at call: FaultPoint.Call, of subject: String? = nil, after callsBefore: Int = 0
    ) {
        steps.append(Step(fault: fault, call: call, subject: subject, callsBefore: callsBefore))
    }

    /// The oldest step that is due wins; every other matching step counts the call as passed.
    public mutating func decide(_ point: FaultPoint) -> Fault? {
        var due: Int?
        for index in steps.indices {
            let step = steps[index]
            guard step.call == point.call, step.subject == nil || step.subject == point.subject else {
                continue
            }
            if step.callsBefore == 0, due == nil {
                due = index
            } else {
                steps[index].callsBefore = max(0, step.callsBefore - 1)
            }
        }
        return due.map { steps.remove(at: $0).fault }
    }
}

/// Faults drawn at given rates from a seed; the same seed and the same calls give the same faults.
public struct SeededFaults: FaultSource {
    public struct Rate: Sendable, Hashable {
        public let fault: Fault
        public let call: FaultPoint.Call
        public let perMillion: UInt64

        public init(_ fault: Fault, at call: FaultPoint.Call, perMillion: UInt64) {
            self.fault = fault
            self.call = call
            self.perMillion = perMillion
        }
    }

    private var seed: UInt64
    private let rates: [Rate]

    /// - Parameter rates: asked in this order; the first that strikes wins.
    public init(seed: UInt64, rates: [Rate]) {
        self.seed = seed
        self.rates = rates
    }

    public mutating func decide(_ point: FaultPoint) -> Fault? {
        for rate in rates where rate.call == point.call {
            var entropy = SeededEntropy(seed: seed)
            seed = entropy.next()
            if entropy.below(1_000_000) < rate.perMillion { return rate.fault }
        }
        return nil
    }
}
