// A run without faults gives no violations, and takes every path that the model decides on.

import EventLog
import Foundation
import Messages
import Primitives
import Simulation
import Testing

@Suite struct `The checks` {
    @Test func `a run without faults breaks nothing`() throws {
        let environment = ProcessInfo.processInfo.environment
        let first = environment["FIRST_SEED"].flatMap { UInt64($0) } ?? 1
        let count = environment["SEEDS"].flatMap { UInt64($0) } ?? 20
        var failing = 0
        for seed in first..<(first + count) {
            let run = try FaultFreeRun(seed: seed, partitions: Int32(1 + seed % 3))
            try run.run()
            let evidence = try run.evidence(isSettled: true)
            let found = violations(in: evidence)
            if !found.isEmpty { failing += 1 }
            for violation in found.prefix(4) { print("seed \(seed): \(violation)".prefix(1_500)) }
        }
        #expect(failing == 0)
    }
}
