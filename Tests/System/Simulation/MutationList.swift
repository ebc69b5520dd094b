// The safeguards that the platform rests on, and within how many seeds the simulation must find that one is
// missing. Run by the tests and by `simulate --mutations`.

import Messages

/// A safeguard to leave out, by the name it has in reports.
public struct MutationCase: Sendable {
    public let name: String
    public let mutation: Mutation
    /// Found within so many seeds, counted from 1; several times what it took when it was written.
    public let seeds: Int

    init(_ name: String, _ mutation: Mutation, within seeds: Int) {
        self.name = name
        self.mutation = mutation
        self.seeds = seeds
    }
}

extension MutationCase {
    public static let all: [MutationCase] = [
        // What Kafka does for us, and the worker asks it to.
        // Seldom needed: whoever stood still before a batch polls again first, and learns that its partitions are
        // gone.
        MutationCase("generation fence", .cluster(.generation), within: 400),
        MutationCase("wait for stable offsets", .cluster(.pendingOffsets), within: 100),
        MutationCase("restore to the uncommitted end", .cluster(.uncommittedEnd), within: 100),

        // What the worker does.
        // Not here: the comparison of store and group. Nothing that may fail by itself makes the two disagree, only
        // somebody who moves a group or cuts a topic; WorkerTests has that, with the comparison and without.
        MutationCase("savepoint around a record", .worker("savepoint"), within: 100),
        MutationCase("stores released when the group changes", .worker("release"), within: 100),
        MutationCase("age of tombstones", .worker("tombstoneAge"), within: 100),
        MutationCase("commit order: log, then store", .worker("commitOrder"), within: 100),
        MutationCase("records processed once", .worker("expectedOffset"), within: 100),
        MutationCase("fetching again after a failed turn", .worker("refetch"), within: 100),
        MutationCase("unknown outcome not taken for a commit", .worker("unknownOutcome"), within: 100),
        MutationCase("unknown outcome not taken for a failure", .worker("newProducer"), within: 100),
        MutationCase("stray offsets taken from the group", .worker("strayOffsets"), within: 100),
        MutationCase("checksums of pages", .uncheckedPages, within: 100),
        MutationCase("store knows its partition", .worker("home"), within: 100),
        MutationCase("configuration read whole", .worker("wholeConfiguration"), within: 100),
        MutationCase("histories restored", .worker("histories"), within: 100),
        MutationCase("rollback of what was not committed", .worker("rollback"), within: 100),
        MutationCase("offsets in a timer's batch", .worker("timerOffsets"), within: 100),
        MutationCase("positions in the transaction of the rows", .positionsFirst, within: 100),

        // What the services remember.
        MutationCase(
            "idempotency key", .forgetful(.ingressGateway, sql: "DELETE FROM idempotency_key"), within: 100),
        MutationCase(
            "evaluated events", .forgetful(.ruleEvaluator, sql: "DELETE FROM evaluated_event"), within: 100),
        MutationCase("counters of limits", .forgetful(.ruleEvaluator, sql: "DELETE FROM offer_counter"), within: 100),
        MutationCase(
            "transaction ids",
            .forgetful(.walletLedger, sql: "DELETE FROM transaction_number"), within: 100),
        MutationCase(
            "refused transactions", .forgetful(.walletLedger, sql: "DELETE FROM refused_transaction"), within: 100),
        MutationCase(
            "decided issuances", .forgetful(.rewardsIssuer, sql: "DELETE FROM decided_issuance"), within: 100),
    ]
}

/// What became of a mutation.
public struct MutationResult: Sendable {
    public let name: String
    /// The seed that found it, and the promise that broke; nil if none did.
    public let found: (seed: UInt64, violation: Violation)?
}

extension MutationCase {
    /// Runs seeds from 1 on until one notices.
    public func run() -> MutationResult {
        for seed in 1...UInt64(seeds) {
            var options = RunOptions(seed: seed)
            options.mutation = mutation
            if let violation = Run(options).report().violations.first {
                return MutationResult(name: name, found: (seed, violation))
            }
        }
        return MutationResult(name: name, found: nil)
    }
}
