// All metrics of a process by name and labels. Services register what they count when they are built; the
// operator port renders them. It never forgets a series and never grows without a bound: label values come
// from closed lists, and what exceeds a family's bound is counted under "other" instead.

import Synchronization

/// Hands out counters, gauges and histograms, the same one for the same name and labels. Safe from any
/// thread; takes a lock, so hot paths keep what they were handed.
public final class MetricsRegistry: Sendable {
    public typealias Labels = [(name: String, value: String)]

    /// Series in one family: more than all combinations of a service's outcomes and partitions, and few
    /// enough that a scrape stays small. Beyond it every label value becomes ``foldedValue``.
    public static let maximumSeries = 200
    /// A label value: names and codes, never text. Longer ones are cut.
    public static let maximumLabelBytes = 128
    public static let foldedValue = "other"

    /// From a batch's commit to a slow reply: 1 ms to 10 s, each step about doubling.
    public static let durationBounds: [Int64] = [
        1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
        10_000_000,
    ]

    private let families = Mutex<[String: Family]>([:])

    public init() {}

    /// - Precondition: the name and label names are legal, and the name was not registered before as another
    ///   kind, with other label names or other bounds: those are defects of the program. The first help text
    ///   stays.
    public func counter(_ name: String, help: String, labels: Labels = []) -> Counter {
        guard case .single(let cell) = series(name, .counter, help, labels) else { preconditionFailure(name) }
        return Counter(cell: cell)
    }

    public func gauge(_ name: String, help: String, labels: Labels = []) -> Gauge {
        guard case .single(let cell) = series(name, .gauge, help, labels) else { preconditionFailure(name) }
        return Gauge(cell: cell)
    }

    /// - Parameter upperMicroseconds: bounds in ascending order; each bucket includes its bound.
    public func histogram(
        _ name: String, help: String, labels: Labels = [],
        upperMicroseconds: [Int64] = MetricsRegistry.durationBounds
    ) -> Histogram {
        guard case .spread(let cells) = series(name, .durations(upperMicroseconds), help, labels) else {
            preconditionFailure(name)
        }
        return Histogram(cells: cells)
    }

    /// - Parameter upperBounds: in ascending order; each bucket includes its bound.
    public func sizes(_ name: String, help: String, labels: Labels = [], upperBounds: [Int64]) -> SizeHistogram {
        guard case .spread(let cells) = series(name, .sizes(upperBounds), help, labels) else {
            preconditionFailure(name)
        }
        return SizeHistogram(cells: cells)
    }

    /// The value of a counter or gauge, or how many observations a histogram has; nil if there is no such
    /// series.
    public func value(of name: String, labels: Labels = []) -> Int64? {
        families.withLock { families in
            switch families[name]?.series[Family.key(sorted(labels).map(\.value))] {
            case .single(let cell): cell.current
            case .spread(let cells): cells.counts.reduce(0) { $0 + $1.current }
            case nil: nil
            }
        }
    }

    /// Everything in Prometheus's text format 0.0.4, families by name, series by label values,
    /// labels by name.
    public func render() -> [UInt8] {
        let sorted = families.withLock { $0.values.sorted { $0.name < $1.name } }
        return sorted.reduce(into: []) { text, family in text += family.rendered.utf8 }
    }

    private func series(_ name: String, _ kind: Family.Kind, _ help: String, _ labels: Labels) -> Series {
        families.withLock { families in
            let labels = sorted(labels)
            let names = labels.map(\.name)
            var family = families[name] ?? Family(name: name, kind: kind, help: help, labelNames: names)
            precondition(
                family.kind == kind && family.labelNames == names, "\(name) is registered in another way")
            let found = family.find(labels.map(\.value))
            families[name] = family
            return found
        }
    }

    /// So that the order in which a caller names labels does not matter.
    private func sorted(_ labels: Labels) -> Labels { labels.sorted { $0.name < $1.name } }
}
