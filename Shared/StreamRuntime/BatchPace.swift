// How long a batch waits for company. A transaction costs several milliseconds of a processor, here and in the broker,
// whatever is in it. While few records come, those milliseconds are idle ones and waiting is lost time; while many
// come, they are what the next stage lacks, and batches follow each other at an interval: one that took long is not
// followed by a wait as well, and those that take little follow sooner while there is room. Callers who wait for an
// outcome may send nothing new before they have it: where there is no room, holding up what they wait for brings no
// company. Used by a worker on its thread; it reads no clock of its own.

import Primitives

/// The pace at which records come to one worker, over the last span that is complete. It takes it that the others of
/// its process have as many.
struct BatchPace {
    /// Long enough for some batches, in milliseconds: one that was late by chance is not taken for a change.
    private static let span: Int64 = 500
    /// Records a second and worker up to which a batch is not held up: at 100 purchases/s an award takes little more
    /// than its three transactions.
    private static let few: Int64 = 250
    /// From so many on it is the whole interval, where batches take long enough for that. A single worker at 1,000
    /// purchases/s was no slower with it than with a third of it in a slow hour, and saved a tenth of the processor;
    /// two, with 500 each, would be 40 ms slower.
    private static let many: Int64 = 1_000
    /// From so many on, of the whole process, batches come at longer intervals. Somewhat more than 5,000 purchases/s
    /// keep both of two cores busy, and then every transaction that is spared is time for records.
    private static let crowd: Int64 = 6_000
    /// From here on it is this many times the interval, which a worker's longest wait allows. At 7,500 purchases/s an
    /// award took a quarter less time then, and the door answered an eighth more requests.
    private static let greatCrowd: Int64 = 7_500
    private static let greatCrowdIntervals: Int64 = 2
    /// While there is room, no interval is longer than this many times what the batch before took, so that a worker
    /// works for two thirds of its time: where transactions end soon, more of them find a place. At 3,000 purchases/s
    /// an award took two thirds of the time then, for a quarter more of the processor.
    private static let tookNumerator: Int64 = 3
    private static let tookDenominator: Int64 = 2
    /// Records a second, of the whole process, up to which there is room on two cores, and from which on there is
    /// none. At 5,000 purchases/s half of the awards came a quarter sooner and the slowest hundredth did not, for an
    /// eighth more of two cores that are busy without it.
    private static let roomy: Int64 = 3_000
    private static let narrow: Int64 = 4_500

    /// Of the process.
    private let workers: Int64
    private var start: Timestamp?
    private var newestBatch: Timestamp?
    private var isAwaited = false
    /// Of the newest batch that was committed, in milliseconds.
    private var took: Int64?
    private var count: Int64 = 0
    private var awaitedCount: Int64 = 0
    /// Without what callers wait for: that alone makes no crowd.
    private(set) var recordsPerSecond: Int64 = 0
    private var awaitedPerSecond: Int64 = 0

    init(workers: Int) { self.workers = Int64(workers) }

    /// Takes note of what a poll brought; by a batch's newest record it is told whether its callers wait.
    mutating func note(records: Int, areAwaited: Bool, at now: Timestamp) {
        if records > 0 {
            newestBatch = now
            isAwaited = areAwaited
        }
        if areAwaited { awaitedCount += Int64(records) } else { count += Int64(records) }
        guard let start, now >= start else {
            // The first poll, or the clock was set back.
            self.start = now
            (count, awaitedCount) = (0, 0)
            return
        }
        let elapsed = now.milliseconds - start.milliseconds
        guard elapsed >= Self.span else { return }
        recordsPerSecond = count * 1_000 / elapsed
        awaitedPerSecond = awaitedCount * 1_000 / elapsed
        self.start = now
        (count, awaitedCount) = (0, 0)
    }

    /// Takes note that the batch of the newest records is committed.
    mutating func noteEnd(at now: Timestamp) {
        guard let newestBatch else { return }
        took = max(0, now.milliseconds - newestBatch.milliseconds)
    }

    /// What is left, in milliseconds, until a batch may end that comes so long after the one before.
    ///
    /// - Parameter interval: in milliseconds, while many records come; a part of it while fewer do, or while batches
    ///   take little and there is room for more of them, up to twice that while a crowd comes.
    func restMilliseconds(interval: Int, at now: Timestamp) -> Int {
        guard let newestBatch else { return 0 }
        let passed = max(0, now.milliseconds - newestBatch.milliseconds)
        return Int(max(0, paced(Int64(interval)) - passed))
    }

    private func paced(_ interval: Int64) -> Int64 {
        /// How far a pace is on its way from one to the other, as a part of the interval.
        func share(of pace: Int64, from low: Int64, to high: Int64) -> Int64 {
            interval * (min(max(pace, low), high) - low) / (high - low)
        }
        let ofWorker = recordsPerSecond + (isAwaited ? awaitedPerSecond : 0)
        let pace = ofWorker * workers
        let usual = share(of: ofWorker, from: Self.few, to: Self.many)
        let longest = took.map { $0 * Self.tookNumerator / Self.tookDenominator } ?? interval
        let lack = share(of: pace, from: Self.roomy, to: Self.narrow)
        // At 1,000 outcomes/s that callers wait for, fewer transactions are worth the wait of each; 128 callers who ask
        // 8,000 times a second would have two thirds of it.
        guard !isAwaited else { return max(0, min(usual, longest) - lack) }
        return min(usual, longest + lack)
            + (Self.greatCrowdIntervals - 1) * share(of: pace, from: Self.crowd, to: Self.greatCrowd)
    }
}
