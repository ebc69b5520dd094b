// What hot paths hold: one counter, gauge or histogram, already found. Taken from a registry once, when a
// worker is built, then changed from its thread with one atomic addition. Never looked up by name for each
// record.

import Synchronization

/// A count that only grows.
public struct Counter: Sendable {
    let cell: Cell

    /// - Precondition: not negative.
    public func add(_ amount: Int64 = 1) {
        precondition(amount >= 0, "a counter only grows")
        cell.value.wrappingAdd(amount, ordering: .relaxed)
    }
}

/// A value that goes up and down.
public struct Gauge: Sendable {
    let cell: Cell

    public func set(_ value: Int64) { cell.value.store(value, ordering: .relaxed) }
    public func add(_ amount: Int64) { cell.value.wrappingAdd(amount, ordering: .relaxed) }
}

/// How durations spread: measured in microseconds, shown in seconds.
public struct Histogram: Sendable {
    let cells: HistogramCells

    /// - Parameter microseconds: a negative one (a clock that was set back) counts as zero.
    public func observe(microseconds: Int64) { cells.observe(max(0, microseconds)) }
}

/// How sizes spread, in whatever unit its name says.
public struct SizeHistogram: Sendable {
    let cells: HistogramCells

    public func observe(_ size: Int) { cells.observe(Int64(size)) }
}

/// One number that many threads change.
final class Cell: Sendable {
    let value = Atomic<Int64>(0)
    var current: Int64 { value.load(ordering: .relaxed) }
}

/// One number for each bucket, not cumulative, the last for what is beyond all bounds.
final class HistogramCells: Sendable {
    let upperBounds: [Int64]
    let counts: [Cell]
    let sum = Cell()

    init(upperBounds: [Int64]) {
        self.upperBounds = upperBounds
        counts = (0...upperBounds.count).map { _ in Cell() }
    }

    func observe(_ value: Int64) {
        // Few bounds, mostly hit early: a straight search beats a binary one.
        let bucket = upperBounds.firstIndex { value <= $0 } ?? upperBounds.count
        counts[bucket].value.wrappingAdd(1, ordering: .relaxed)
        sum.value.wrappingAdd(value, ordering: .relaxed)
    }
}
