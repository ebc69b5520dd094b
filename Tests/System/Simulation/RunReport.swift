// What a run tells: enough for a table over many runs, and after a failure enough to repeat and to read it.

import Primitives

public struct RunReport: Sendable {
    public let options: RunOptions
    public let rates: FaultRates
    public let struck: [FaultKind: Int]
    /// Faults that were drawn, those that a filter held back included.
    public let drawn: Int
    /// Of everything that happened in the cluster: equal for equal runs.
    public let digest: UInt64
    /// Committed records on all topics.
    public let events: Int
    /// Turns of workers.
    public let steps: Int
    public let virtualMilliseconds: Int64
    public let violations: [Violation]
    /// What HTTP clients sent, and how it ended.
    public let requests: [HTTPExchange]
    public let newestFaults: [String]
    public let newestEvents: [String]
    /// What the services logged.
    public let log: [String]

    public var faultCount: Int { struck.values.reduce(0, +) }
}
