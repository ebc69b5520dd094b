// What a worker does so that nothing is lost or doubled, each with a name, so that a test can leave one out and
// see that the simulation notices. Only tests can: the switch is not part of the module's ordinary interface.

/// Something that exactly-once rests on.
@_spi(Simulation) public enum Safeguard: String, Sendable, CaseIterable {
    /// A restored store runs only if it has seen what its group has committed.
    case comparison
    /// What a record that failed had changed is undone.
    case savepoint
    /// Stores are closed when the group changes, whoever owns them next.
    case release
    /// A store that slept for longer than tombstones live is rebuilt.
    case tombstoneAge
    /// A batch that a timer alone asked for carries its inputs' offsets.
    case timerOffsets
    /// A store commits after the log.
    case commitOrder
    /// A record is processed once, however often it is fetched.
    case expectedOffset
    /// What was polled in a turn that failed is fetched again.
    case refetch
    /// A commit without a known outcome counts neither as made nor as failed.
    case unknownOutcome
    /// After such a commit the producer is replaced.
    case newProducer
    /// A new producer takes from the group what late requests of its predecessors left there.
    case strayOffsets
    /// A store knows which partition of which service it belongs to, and serves no other.
    case home
    /// No record is processed before the configuration is read whole.
    case wholeConfiguration
    /// Histories are restored with the changelog.
    case histories
    /// A batch that was not committed leaves nothing in its stores.
    case rollback
}
