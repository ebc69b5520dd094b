// Makes a failing run's fault plan as small as it can: first whole kinds of faults are left out, then the last
// ones, then stretches of them down to single ones, each as long as the same promise still breaks.

/// A smaller plan that fails alike, and how many runs it took to find it.
public struct ShrunkRun: Sendable {
    public let report: RunReport
    public let runs: Int
}

public enum Shrinker {
    /// A run that needs more is small enough to read by then.
    private static let maximumRuns = 400

    /// - Parameter progress: told each time the plan has become smaller.
    public static func shrink(_ failing: RunReport, progress: @escaping (RunReport) -> Void) -> ShrunkRun {
        var search = Search(best: failing, progress: progress)
        for kind in FaultKind.allCases where failing.struck[kind] != nil {
            search.attempt { $0.kinds.remove(kind) }
        }
        search.bisect()
        search.thinOut()
        return ShrunkRun(report: search.best, runs: search.runs)
    }

    private struct Search {
        var best: RunReport
        let progress: (RunReport) -> Void
        var runs = 0

        @discardableResult
        mutating func attempt(_ change: (inout FaultFilter) -> Void) -> Bool {
            guard runs < Shrinker.maximumRuns else { return false }
            var options = best.options
            change(&options.filter)
            runs += 1
            let report = Run(options).report()
            guard report.violations.first?.invariant == best.violations.first?.invariant else { return false }
            best = report
            progress(report)
            return true
        }

        /// Leaves out stretches of faults, then shorter ones, down to single faults.
        mutating func thinOut() {
            var length = max(1, best.drawn / 2)
            while runs < Shrinker.maximumRuns {
                var first = 0
                while first < best.drawn {
                    let stretch = first..<min(first + length, best.drawn)
                    if !stretch.allSatisfy(best.options.filter.except.contains) {
                        attempt { $0.except.formUnion(stretch) }
                    }
                    first += length
                }
                guard length > 1 else { return }
                length /= 2
            }
        }

        /// Finds how many of the first faults are needed.
        mutating func bisect() {
            var (low, high) = (0, best.drawn)
            while low < high, runs < Shrinker.maximumRuns {
                let middle = (low + high) / 2
                if attempt({ $0.count = middle }) { high = middle } else { low = middle + 1 }
            }
        }
    }
}
