// Decides which faults strike in a run, and remembers them. Everybody who could be struck asks it; it draws
// from the run's seed alone, so the same questions in the same order get the same answers.

import EventLog
import Primitives
import SimulatedLog
import Synchronization

/// Draws that have nothing to do with each other come from streams of their own.
struct RunEntropy: Entropy {
    enum Stream: UInt64 {
        case rates = 1, faults, schedule, receivers, settings, network, clients, doors
    }

    private var generator: SeededEntropy

    init(seed: UInt64, stream: Stream) {
        var mixer = SeededEntropy(seed: seed &* 0x9e37_79b9 &+ stream.rawValue &* 0x85eb_ca6b_c2b2)
        generator = SeededEntropy(seed: mixer.next())
    }

    mutating func next() -> UInt64 { generator.next() }

    /// A number of the range, both ends included.
    mutating func within(_ range: ClosedRange<Int64>) -> Int64 {
        range.lowerBound + Int64(below(UInt64(range.upperBound - range.lowerBound + 1)))
    }
}

public final class Saboteur: Sendable {
    private struct State {
        var entropy: RunEntropy
        var number = 0
        var struck: [FaultKind: Int] = [:]
        var isAtWork = false
        var newest: [String] = []
    }

    /// Of the log of what struck: enough to read, in a run of thousands.
    private static let maximumLines = 400

    private let rates: FaultRates
    private let filter: FaultFilter
    private let state: Mutex<State>

    init(seed: UInt64, rates: FaultRates, filter: FaultFilter) {
        self.rates = rates
        self.filter = filter
        state = Mutex(State(entropy: RunEntropy(seed: seed, stream: .faults)))
    }

    /// While false, nothing strikes.
    var isAtWork: Bool {
        get { state.withLock { $0.isAtWork } }
        set { state.withLock { $0.isAtWork = newValue } }
    }

    /// Whether a fault strikes now.
    ///
    /// - Parameters:
    ///   - factor: how much likelier than elsewhere.
    ///   - subject: for the log of what struck.
    func strikes(_ kind: FaultKind, times factor: UInt64 = 1, _ subject: @autoclosure () -> String) -> Bool {
        guard let rate = rates.perMillion[kind] else { return false }
        let number: Int? = state.withLock { state in
            guard state.isAtWork, state.entropy.below(1_000_000) < rate * factor else { return nil }
            state.number += 1
            return state.number - 1
        }
        guard let number, filter.lets(kind, number: number) else { return false }
        let line = "#\(number) \(kind.rawValue) \(subject())"
        state.withLock { state in
            state.struck[kind, default: 0] += 1
            state.newest.append(line)
            if state.newest.count > 2 * Self.maximumLines { state.newest.removeFirst(Self.maximumLines) }
        }
        return true
    }

    func within(_ range: ClosedRange<Int64>) -> Int64 { state.withLock { $0.entropy.within(range) } }

    var struck: [FaultKind: Int] { state.withLock { $0.struck } }
    /// How many faults were drawn, those that the filter held back included.
    var drawn: Int { state.withLock { $0.number } }
    var newest: [String] { state.withLock { $0.newest.suffix(Self.maximumLines) } }
}

/// The saboteur's hand in the calls of clients.
struct CallFaults: FaultSource {
    let saboteur: Saboteur
    /// Reads are slow for a while, not once.
    private var slowReads: Int64 = 0

    init(saboteur: Saboteur) { self.saboteur = saboteur }

    mutating func decide(_ point: FaultPoint) -> Fault? {
        switch point.call {
        case .commit: commitFault(point.subject)
        case .initialize:
            if saboteur.strikes(.answerLost, "initialize \(point.subject)") { .answerLost } else { failure(point) }
        case .poll:
            if saboteur.strikes(.recordsRepeated, "poll \(point.subject)") {
                .repeated(records: saboteur.within(1...20))
            } else {
                slowness(point)
            }
        case .read: slowRead(point)
        case .committedOffset, .endOffset: failure(point)
        }
    }

    private mutating func slowRead(_ point: FaultPoint) -> Fault? {
        if slowReads > 0 {
            slowReads -= 1
            return .slow
        }
        let fault = slowness(point)
        if fault == .slow { slowReads = saboteur.within(0...80) }
        return fault
    }

    private func slowness(_ point: FaultPoint) -> Fault? {
        saboteur.strikes(.slowFetch, "\(point.call) \(point.subject)") ? .slow : failure(point)
    }

    private func failure(_ point: FaultPoint) -> Fault? {
        saboteur.strikes(.callFails, "\(point.call) \(point.subject)") ? .fail(.retry) : nil
    }

    private func commitFault(_ id: String) -> Fault? {
        if saboteur.strikes(.answerLost, "commit \(id)") { return .answerLost }
        if saboteur.strikes(.requestLost, "commit \(id)") { return .requestLost }
        if saboteur.strikes(.requestLate, "commit \(id)") {
            return .requestLate(milliseconds: saboteur.within(10...12_000))
        }
        if saboteur.strikes(.aborted, "commit \(id)") { return .abort }
        if saboteur.strikes(.markersApart, "commit \(id)") {
            return .markersApart(milliseconds: saboteur.within(10...3_000))
        }
        if saboteur.strikes(.offsetsStray, "commit \(id)") { return .offsetsStray }
        return nil
    }
}
