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
    private let catalog: TopicCatalog

    private(set) var state = State.opening
    private(set) var store: StateStore?
    private(set) var processor: (any PartitionProcessor)?
    /// The group's position of each input, as found at the start and after each commit; nil: nothing committed.
    private(set) var committed: [TopicID: Offset] = [:]
    /// The position of each input within the batch at hand.
    private var reached: [TopicID: Offset] = [:]
    /// Set when the store was wiped since it last agreed with the group: a second disagreement is no accident.
    private(set) var wasWiped = false
    /// Restoring progress, for people.
    private(set) var restoredTo: [TopicID: Offset] = [:]

    init(_ partition: PartitionIndex, _ topology: ServiceTopology, _ location: StoreLocation, _ catalog: TopicCatalog) {
        self.partition = partition
        self.topology = topology
        self.location = location
        self.catalog = catalog
    }

    var isRunning: Bool { if case .running = state { true } else { false } }

    func place(_ topic: TopicID) -> TopicPartition { TopicPartition(topic, partition) }

    // MARK: Opening and closing

    /// Opens the store. One that belongs elsewhere, slept too long or cannot be read is wiped first.
    ///
    /// - Returns: why it was wiped, for the operator; nil if it was not.
    func open(clusterID: String, oldest: Timestamp) throws(StoreFailure) -> String? {
        closeStore()
        // Two partitions' files that were swapped would fit each other's offsets by chance.
        let home = "\(clusterID) \(catalog.name(of: topology.changelog))[\(partition)]"
        let distrust = try reasonToWipe(home, oldest)
        if distrust != nil { try StateStore.wipe(location) }
        let opened = try StateStore(location, schema: topology.schema)
        try opened.setClusterID(home)
        processor = try topology.makeProcessor(opened, partition)
        store = opened
        return distrust
    }

    /// Looks at the files and closes them again: SQLite must not hold a file that is being deleted.
    private func reasonToWipe(_ home: String, _ oldest: Timestamp) throws(StoreFailure) -> String? {
        guard case .file = location else { return nil }
        do throws(StoreFailure) {
            let found = try StateStore(location, schema: topology.schema)
            if let owner = try found.clusterID(), owner != home { return "it belongs to \(owner), not to \(home)" }
            if let seen = try found.commitTime(), seen < oldest {
                return "its last commit was at \(seen): tombstones may have expired since"
            }
            try found.checkIntegrity()
            return nil
        } catch {
            guard error.consequence == .rebuild else { throw error }
            return error.description
        }
    }

    /// Closes the store and throws its files away; the next opening restores it from nothing.
    func wipe() throws(StoreFailure) {
        closeStore()
        try StateStore.wipe(location)
        wasWiped = true
        state = .opening
    }

    /// Back to the start, with the store's files as they are.
    func reopen() {
        closeStore()
        state = .opening
    }

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

    func startRestoring(goals: [TopicID: Offset], committed: [TopicID: Offset]) {
        self.committed = committed
        state = .restoring(goals: goals)
    }

    /// Applies records of the restore sources in one transaction.
    func applyRestored(_ records: [Record], now: Timestamp) throws(StoreFailure) {
        guard let store, let processor else { return }
        try store.begin(capturing: false)
        var positions: [TopicID: Offset] = [:]
        for record in records {
            if record.topic == topology.changelog {
                guard let key = record.key else { continue }
                try store.restore(key: key, value: record.value)
            } else {
                try processor.restore(record)
            }
            positions[record.topic] = record.offset.next
        }
        try store.commit(at: named(positions), now: now)
        for (topic, offset) in positions { restoredTo[topic] = offset }
    }

    /// Notes that a source was read to its end; true when all are.
    func reachedEnd(of topic: TopicID, at offset: Offset) -> Bool {
        guard case .restoring(var goals) = state else { return false }
        if let goal = goals[topic], offset >= goal { goals[topic] = nil }
        state = .restoring(goals: goals)
        return goals.isEmpty
    }

    /// The first input whose position in the store is not the group's.
    func disagreement() throws(StoreFailure) -> (topic: TopicID, store: Offset?, group: Offset?)? {
        for topic in topology.inputs {
            let stored = try store?.inputPosition(of: catalog.name(of: topic))
            if stored != committed[topic] { return (topic, stored, committed[topic]) }
        }
        return nil
    }

    func startRunning() {
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
        guard let next = reached[record.topic] ?? committed[record.topic] else { return true }
        return record.offset >= next
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
            guard let next = reached[topic] else { continue }
            try store?.setInputPosition(of: catalog.name(of: topic), next: next)
        }
    }

    func commit(delivered: [InputPosition], now: Timestamp) throws(StoreFailure) {
        var positions: [TopicID: Offset] = [:]
        for position in delivered where position.place.partition == partition {
            positions[position.place.topic] = position.next
        }
        committed.merge(reached) { $1 }
        reached.removeAll()
        try store?.commit(at: named(positions), now: now)
        processor?.batchCommitted()
    }

    /// Whether records were processed whose positions are not committed yet.
    var isAhead: Bool { !reached.isEmpty }

    /// Ends a batch that wrote nothing: what was read counts as processed, its position is committed with
    /// a later batch. Should the worker fail before, the records are read again, to no effect again.
    func setAside() throws(StoreFailure) {
        try store?.rollback()
        processor?.batchCommitted()
    }

    func undo() throws(StoreFailure) {
        reached.removeAll()
        try store?.rollback()
        processor?.batchUndone()
    }

    private func named(_ positions: [TopicID: Offset]) -> [(topic: String, next: Offset)] {
        topology.restoreSources.compactMap { topic in
            positions[topic].map { (catalog.name(of: topic), $0) }
        }
    }
}
