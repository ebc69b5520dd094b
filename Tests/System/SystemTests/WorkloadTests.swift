// The workload is drawn from its seed alone, and meets everything that it is meant to meet.

import Messages
import Primitives
import Simulation
import Testing

@Suite struct `The workload` {
    private static let start = Timestamp(milliseconds: 1_793_610_000_000)

    private func submissions(of seed: UInt64) -> [Submission] {
        var workload = Workload(seed: seed, partitions: PartitionCount(3))
        var all = workload.documents
        for turn in 0..<workload.turns {
            all += workload.turn(at: Self.start.adding(milliseconds: Int64(turn) * 1_000))
        }
        return all
    }

    @Test func `the same seed gives the same submissions`() {
        for seed in 1...20 as ClosedRange<UInt64> {
            #expect("\(submissions(of: seed))" == "\(submissions(of: seed))")
        }
        #expect("\(submissions(of: 1))" != "\(submissions(of: 2))")
    }

    @Test func `a run has a bounded number of submissions`() {
        for seed in 1...50 as ClosedRange<UInt64> {
            let count = submissions(of: seed).count
            #expect((30...400).contains(count), "seed \(seed): \(count)")
        }
    }
}
