// One partition of a service in one worker: its store, its processor, and where it stands in its
// inputs. The worker moves it through its states; it knows nothing of other partitions.
//
//   opening ──> restoring ──> running
//      ^            │            │
//      └────────────┴────────────┘   reopen: the store is closed (and wiped, if it cannot be trusted)

import EventLog
import Primitives
import StateStore

final class PartitionTask {
    enum State {
        /// The store has to be opened and its goal found out.
        case opening
        /// The store applies its changelog and histories up to `goals`.
        case restoring(goals: [TopicID: Offset])
        case running
    }

    let partition: PartitionIndex
    private let topology: ServiceTopology
    private let location: StoreLocation
    private let undoableRows: Int64
    private let catalog: TopicCatalog
    private let switchedOff: Set<Safeguard>

    private(set) var state = State.opening
    private(set) var store: StateStore?
    private(set) var processor: (any PartitionProcessor)?
    /// The group's position of each input, as found at the start and after each commit; nil: nothing committed.
    private(set) var committed: [TopicID: Offset] = [:]
    /// Inputs that go on elsewhere than where the store and the group left them; until a batch has said so to both.
    private var resumed: [TopicID: Offset] = [:]
    /// The position of each input within the batch at hand.
    private var reached: [TopicID: Offset] = [:]
    /// Set when the store was wiped since it last agreed with the group: a second disagreement is no accident.
    private(set) var wasWiped = false
    /// How often the store was wiped since it last committed a batch: a record or a disk that breaks every store
    /// must not be tried for ever.
    private(set) var rebuilds = 0
    /// Since when the store's file cannot be opened.
    var blockedSince: Timestamp?
    /// Where the restore sources began when they were looked at: what retention took is not read.
    private var starts: [TopicID: Offset] = [:]
    /// When their ends were looked at.
    private var restoringSince = Timestamp.zero
    /// Restoring progress, for people.
    private(set) var restoredTo: [TopicID: Offset] = [:]

    init(
        _ partition: PartitionIndex, _ topology: ServiceTopology, _ settings: WorkerSettings, _ catalog: TopicCatalog,
        _ switchedOff: Set<Safeguard>
    ) {
        self.switchedOff = switchedOff
        self.partition = partition
        self.topology = topology
        location = settings.location(of: partition)
        undoableRows = settings.undoableRows
        self.catalog = catalog
    }

    var isRunning: Bool { if case .running = state { true } else { false } }

    func place(_ topic: TopicID) -> TopicPartition { TopicPartition(topic, partition) }

    // MARK: Opening and closing

    /// Opens the store. One that belongs elsewhere, slept too long or cannot be read is wiped first.
    ///
    /// - Returns: why it was wiped, for the operator; nil if it was not.
    func open(in clusterID: String, oldest: Timestamp) throws(StoreFailure) -> String? {
        closeStore()
        // Two partitions' files that were swapped would fit each other's offsets by chance.
        let home = "\(clusterID) \(catalog.name(of: topology.changelog))[\(partition)]"
        let (found, distrust) = try lookAtFiles(home, oldest)
        if distrust != nil { try StateStore.wipe(location) }
        let opened = if let found { found } else { try openStore() }
        try opened.setHome(home)
        processor = try topology.makeProcessor(opened, partition)
        store = opened
        blockedSince = nil
        return distrust
    }

    private func openStore() throws(StoreFailure) -> StateStore {
        try StateStore(location, schema: topology.schema, undoableRows: undoableRows)
    }

    /// The store if it can be trusted, or why it is wiped: it is closed then, since SQLite must not hold a file that is
    /// being deleted. One that is trusted stays open: closing it would copy its write-ahead log into the file, which
    /// takes longer than all the rest of a restart.
    private func lookAtFiles(
        _ home: String, _ oldest: Timestamp
    ) throws(StoreFailure) -> (found: StateStore?, distrust: String?) {
        if case .memory = location { return (nil, nil) }
        do throws(StoreFailure) {
            let found = try openStore()
            if let owner = try found.home(), owner != home, !switchedOff.contains(.home) {
                return (nil, "it belongs to \(owner), not to \(home)")
            }
            if let seen = try found.commitTime(), seen < oldest, !switchedOff.contains(.tombstoneAge) {
                return (nil, "its last commit was at \(seen): tombstones may have expired since")
            }
            try found.checkIntegrity()
            return (found, nil)
        } catch {
            guard error.consequence == .rebuild else { throw error }
            return (nil, error.description)
        }
    }

    /// Closes the store and throws its files away; the next opening restores it from nothing.
    func wipe() throws(StoreFailure) {
        closeStore()
        try StateStore.wipe(location)
        wasWiped = true
        rebuilds += 1
        state = .opening
    }

    /// Back to the start, with the store's files as they are.
    func reopen() {
        closeStore()
        state = .opening
    }

    /// Back to the comparisons, with the store as it is.
    func lookAgain() { state = .opening }

    func closeStore() {
        processor?.close()
        processor = nil
        store = nil
        reached.removeAll()
    }

    // MARK: Restoring

    /// How far the store has applied a restore source.
    func restorePosition(of topic: TopicID) throws(StoreFailure) -> Offset {
        try store?.logPosition(of: catalog.name(of: topic)) ?? .zero
    }

    /// Where to read a restore source on: behind what the store has, and behind what retention took.
    func fetchPosition(restoring topic: TopicID) throws(StoreFailure) -> FetchPosition {
        FetchPosition(place(topic), from: .offset(try restoreStart(of: topic)))
    }

    private func restoreStart(of topic: TopicID) throws(StoreFailure) -> Offset {
        max(try restorePosition(of: topic), starts[topic] ?? .zero)
    }

    /// Offsets between where the store stands and its goals: no fewer than the records it lacks.
    func distanceToGoals() throws(StoreFailure) -> Int64 {
        guard case .restoring(let goals) = state else { return 0 }
        var distance: Int64 = 0
        for (topic, goal) in goals {
            distance += max(0, goal.number - (try restoreStart(of: topic)).number)
        }
        return distance
    }

    /// Whether a restore source was not yet read to its goal.
    func lacks(_ source: TopicID) -> Bool {
        guard case .restoring(let goals) = state else { return false }
        return goals[source] != nil
    }

    func startRestoring(
        _ sources: [TopicID: LogBounds], committed: [TopicID: Offset], resumed: [TopicID: Offset], at now: Timestamp
    ) {
        restoringSince = now
        self.committed = committed.merging(resumed) { $1 }
        self.resumed = resumed
        starts = sources.mapValues(\.start)
        state = .restoring(goals: sources.mapValues(\.end))
    }

    /// Applies records of the restore sources in one transaction.
    func applyRestored(_ records: [Record], now: Timestamp) throws(StoreFailure) {
        guard let store, let processor else { return }
        let changelog = "\(catalog.name(of: topology.changelog))[\(partition)]"
        try store.beginRestoring(rows: records.count, since: restoringSince, changelog: changelog)
        var positions: [TopicID: Offset] = [:]
        for record in records {
            if record.topic != topology.changelog {
                try restoreHistory(record, by: processor)
            } else if let key = record.key {
                try store.restore(key: key, value: record.value, at: record.offset)
            }
            positions[record.topic] = record.offset.next
        }
        try store.commit(at: named(positions), now: now)
        for (topic, offset) in positions { restoredTo[topic] = offset }
    }

    private func restoreHistory(_ record: Record, by processor: any PartitionProcessor) throws(StoreFailure) {
        guard !switchedOff.contains(.histories) else { return }
        do throws(StoreFailure) {
            try processor.restore(record)
        } catch {
            throw error.restoring("\(catalog.name(of: record.topic))[\(partition)]@\(record.offset)")
        }
    }

    /// Notes that a source was read to its end; true when all are.
    func reachedEnd(of topic: TopicID, at offset: Offset) -> Bool {
        guard case .restoring(var goals) = state else { return false }
        if let goal = goals[topic], offset >= goal { goals[topic] = nil }
        state = .restoring(goals: goals)
        return goals.isEmpty
    }

    /// Whether the restore took so long that deletions may have expired before they were read.
    func hasMissedDeletions(before oldest: Timestamp) throws(StoreFailure) -> Bool {
        guard !switchedOff.contains(.tombstoneAge), let seen = try store?.commitTime() else { return false }
        return seen < oldest
    }

    /// The first input whose position in the store is not the group's.
    func disagreement() throws(StoreFailure) -> (topic: TopicID, store: Offset?, group: Offset?)? {
        for topic in topology.inputs where resumed[topic] == nil {
            let stored = try store?.inputPosition(of: catalog.name(of: topic))
            if stored != committed[topic] { return (topic, stored, committed[topic]) }
        }
        return nil
    }

    func startRunning() throws(StoreFailure) {
        try store?.endRestoring()
        state = .running
        wasWiped = false
        restoredTo.removeAll()
        processor?.batchUndone()
    }

    // MARK: Batches

    /// Where to fetch each input from.
    var fetchPositions: [FetchPosition] {
        topology.inputs.map { topic in
            FetchPosition(place(topic), from: committed[topic].map { .offset($0) } ?? .beginning)
        }
    }

    /// Whether a record is one that the task has not seen: a rebalance may repeat earlier ones.
    func expects(_ record: Record) -> Bool {
        guard !switchedOff.contains(.expectedOffset), let next = reached[record.topic] ?? committed[record.topic]
        else { return true }
        return record.offset >= next
    }

    /// Where the batch at hand began.
    private var reachedBefore: [TopicID: Offset] = [:]

    func begin() throws(StoreFailure) {
        reachedBefore = reached
        try store?.begin()
    }

    /// The batch at hand was not read yet.
    func startBatchAgain() throws(StoreFailure) {
        try store?.rollback()
        reached = reachedBefore
        processor?.batchUndone()
    }

    func advance(_ record: Record) { reached[record.topic] = record.offset.next }

    /// Set after a punctuation that failed for good.
    var punctuationPausedUntil = Timestamp.zero

    /// When a punctuation is due. A task without a position has none yet: its transaction would carry no
    /// offset, and without one it is not fenced.
    var nextPunctuation: Timestamp? {
        guard !committed.isEmpty, let due = processor?.nextPunctuation else { return nil }
        return max(due, punctuationPausedUntil)
    }

    /// The inputs' positions after this batch, in the topology's order.
    var positions: [InputPosition] {
        topology.inputs.compactMap { topic in
            (reached[topic] ?? committed[topic]).map { InputPosition(place(topic), next: $0) }
        }
    }

    /// Notes the inputs' positions in the store, to be captured with the rows.
    func storePositions() throws(StoreFailure) {
        for topic in topology.inputs {
            guard let next = reached[topic] ?? resumed[topic] else { continue }
            try store?.setInputPosition(of: catalog.name(of: topic), next: next)
        }
    }

    /// Commits the batch that the log has.
    ///
    /// - Parameter written: how many records of the batch went to each partition of a restore source.
    /// - Returns: the source whose records came to lie before what the store has read of it. Such a log is not the
    ///   one that the store comes from; the store keeps its rows and its place, as the last whole copy.
    func commit(
        delivered: [InputPosition], written: [TopicPartition: Int64], now: Timestamp
    ) throws(StoreFailure) -> (topic: TopicID, known: Offset, first: Offset)? {
        var positions: [TopicID: Offset] = [:]
        var jump: (topic: TopicID, known: Offset, first: Offset)?
        for position in delivered where position.place.partition == partition {
            let first = Offset(position.next.number - (written[position.place] ?? 1))
            let known = try restorePosition(of: position.place.topic)
            if first < known {
                jump = (position.place.topic, known, first)
            } else {
                positions[position.place.topic] = position.next
            }
        }
        committed.merge(reached) { $1 }
        reached.removeAll()
        resumed.removeAll()
        try store?.commit(at: named(positions), now: now)
        rebuilds = 0
        processor?.batchCommitted()
        return jump
    }

    /// Writes the batches to the file that the log has and the store holds.
    func commitHeld() throws(StoreFailure) { try store?.commitHeld() }

    /// Whether there are positions that are not committed yet.
    var isAhead: Bool { !reached.isEmpty || !resumed.isEmpty }

    /// Ends a batch that wrote nothing: what was read counts as processed, its position is committed with
    /// a later batch. Should the worker fail before, the records are read again, to no effect again.
    func setAside() throws(StoreFailure) {
        try store?.rollback()
        processor?.batchCommitted()
    }

    func undo(at now: Timestamp) throws(StoreFailure) {
        reached.removeAll()
        if switchedOff.contains(.rollback) {
            try store?.commit(at: [], now: now)
        } else {
            try store?.rollback()
        }
        processor?.batchUndone()
    }

    private func named(_ positions: [TopicID: Offset]) -> [(topic: String, next: Offset)] {
        topology.restoreSources.compactMap { topic in
            positions[topic].map { (catalog.name(of: topic), $0) }
        }
    }
}
