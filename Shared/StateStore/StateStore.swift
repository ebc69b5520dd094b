// A service's store for one partition: a SQLite database whose rows and whose place in the log are
// written in the same transaction. The worker drives it: begin, a mark before each record,
// changed rows to the changelog, then Kafka's commit, then this one's. A store is a cache of the
// log: wiping it loses nothing. See RELIABILITY 1.4.
//
// Batches share one transaction of SQLite's: what the log has is held, and written to the file some batches later. A
// crash in between leaves the file as far behind as one between the two commits of a batch does, and so does undoing a
// large batch behind those that are held.

import CSQLite
import EventLog
import Foundation
import Primitives

/// One partition's store. Belongs to the worker's thread.
public final class StateStore {
    public let connection: Connection
    public let location: StoreLocation
    private let schema: StoreSchema
    let changelogs: TableChangelogs
    private let positions: StorePositions
    let capture: ChangeCapture
    private var isCapturing = false
    private let steps: TransactionSteps
    private let undoableRows: Int64
    let gathering = Gathering()
    var gatherers: [any RowGatherer] = []

    /// Opens the store or creates it.
    ///
    /// - Parameter undoableRows: so many rows a batch may change, at least one, before it can only be undone with those
    ///   that are held.
    /// - Throws: `.rebuild` if the file is damaged or of an older schema, `.stop` if it is of a newer one.
    public init(
        _ location: StoreLocation, schema: StoreSchema, undoableRows: Int64 = StateStore.undoableRows
    ) throws(StoreFailure) {
        precondition(undoableRows > 0, "a batch without changes is always undone alone")
        self.location = location
        self.schema = schema
        self.undoableRows = undoableRows
        let connection = try Connection(location)
        self.connection = connection
        try Self.prepare(connection, schema)
        var tables: [TableShape] = []
        for name in ["input_position"] + schema.changelogged { tables.append(try TableShape(name, in: connection)) }
        changelogs = try TableChangelogs(tables, in: connection)
        capture = ChangeCapture(connection, changelogs)
        positions = try StorePositions(connection)
        steps = try TransactionSteps(connection)
    }

    /// Deletes a store's files. The log still has everything that was in them.
    public static func wipe(_ location: StoreLocation) throws(StoreFailure) {
        if case .image(let image) = location { image.erase() }
        guard case .file(let path) = location else { return }
        let suffixes = ["", "-wal", "-shm", "-journal", PageChecksums.checkpointSuffix]
        // Not looked for first: a file may go by itself with the connection that another worker closes.
        for name in suffixes.map({ path + $0 }) {
            guard unsafe unlink(name) != 0, errno != ENOENT else { continue }
            throw StoreFailure(
                operation: "wipe \(name)", detail: unsafe String(cString: strerror(errno)), consequence: .stop,
                cause: .inaccessible)
        }
    }

    private static func prepare(_ connection: Connection, _ schema: StoreSchema) throws(StoreFailure) {
        let found = try connection.integer("PRAGMA user_version") ?? 0
        guard found <= schema.version else {
            throw StoreFailure(
                operation: "open store", detail: "schema \(found) is newer than this program's \(schema.version)",
                consequence: .stop, cause: .newerProgram)
        }
        if found == 0 {
            try connection.execute("BEGIN")
            try connection.execute(StorePositions.schema)
            for version in schema.versions { try connection.execute(version) }
            try connection.execute("PRAGMA user_version = \(schema.version)")
            try connection.execute("COMMIT")
        } else if found < schema.version {
            throw StoreFailure(
                operation: "open store", detail: "schema \(found) is older than \(schema.version)",
                consequence: .rebuild)
        }
    }

    /// A store of more bytes is not read whole before it is trusted, because that would take longer than a restart may:
    /// 5 ms a MB in a slow hour, and a service has eight of them. Damage in it shows when its pages are read.
    private static let checkedBytes: Int64 = 16 << 20

    /// Reads every page, up to a size.
    public func checkIntegrity() throws(StoreFailure) {
        let bytes =
            try (connection.integer("PRAGMA page_count") ?? 0) * (connection.integer("PRAGMA page_size") ?? 0)
        guard bytes <= Self.checkedBytes else { return }
        var check = try connection.prepare("PRAGMA quick_check(1)")
        guard try check.next(), check.text(0) == "ok" else {
            throw StoreFailure(operation: "quick_check", detail: "damaged pages", consequence: .rebuild)
        }
    }

    // MARK: Batches

    /// Rows of batches that are held: some milliseconds of writing, and of reading again after a crash. At random
    /// places they touch fewer pages together than apart: with 8,000 the ledger makes a seventh more writes.
    private static let maximumHeldRows: Int64 = 12_000
    public static let maximumHeldMilliseconds: Int64 = 2_000
    /// Until a batch has changed more rows than this, SQLite keeps a copy of each page as it was before: 24 MB in the
    /// ledger's stores for 1,500 records. Batches are that large under load alone, and a transaction that fails then
    /// costs the reading of what was held.
    public static let undoableRows: Int64 = 1_000

    /// A batch is at hand.
    public private(set) var isInTransaction = false
    /// A batch could not be undone alone: SQLite's open transaction may have half of it behind those that are held.
    private var isBroken = false
    private var changesAtBegin: Int64 = 0
    /// Since when the log has batches that the file has not; their rows are in SQLite's open transaction.
    public private(set) var heldSince: Timestamp?
    private var changesAtHold: Int64 = 0
    /// When the store had all that the log had: the time of the newest batch, whenever that is written. A process may
    /// sleep in between while another goes on, and tombstones expire. Nil if the time in the file stays.
    private var wholeAt: Timestamp?
    /// The batch at hand can be undone without those that are held. What fills a store needs no such mark: it is read
    /// again.
    private var isMarked = false

    private var changes: Int64 { changesInSQLite + gathering.waiting }
    private var changesInSQLite: Int64 { unsafe sqlite3_total_changes64(connection.handle) }
    private var changesInSQLiteAtBegin: Int64 = 0

    /// SQLite rolls a transaction back by itself on some failures: disk full, I/O.
    private var isTransactionOpen: Bool { unsafe sqlite3_get_autocommit(connection.handle) == 0 }

    /// Whether a row of any table was written since the batch began, undone ones included.
    public var hasChanges: Bool { changes != changesAtBegin }

    /// Begins a batch. With `capturing`, the rows it changes can be read with ``forEachChange(_:)``.
    public func begin(capturing: Bool = true) throws(StoreFailure) {
        precondition(!isInTransaction, "batches do not nest")
        try mustBeWhole()
        try limitPages()
        isMarked = heldSince != nil && !isFilling
        if heldSince == nil { try steps.begin.run() } else if isMarked { try steps.markBatch.run() }
        isInTransaction = true
        for gatherer in gatherers { gatherer.beginBatch() }
        changesAtBegin = changes
        changesInSQLiteAtBegin = changesInSQLite
        isCapturing = capturing
        if capturing { capture.start() }
    }

    /// The rows changed so far, each as a changelog record's key and value (null: deleted).
    public func forEachChange(
        _ emit: (_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>?) -> Void
    ) throws(StoreFailure) {
        if isCapturing { try capture.forEachChange(emit) }
    }

    private func endCapture() {
        capture.stop()
        isCapturing = false
    }

    /// Notes the next offset of an input, as one of the rows that go to the changelog.
    public func setInputPosition(of topic: String, next: Offset) throws(StoreFailure) {
        try positions.setInput(topic, next: next)
    }

    /// Commits the batch, and how far the store has applied its changelog and histories. What brings a store up to date
    /// is written at once; of batches, and of what fills a store, what is held grows until it is worth it.
    ///
    /// - Parameter now: when the batch began, or what was put back was read.
    public func commit(at reached: [(topic: String, next: Offset)], now: Timestamp) throws(StoreFailure) {
        for position in reached { positions.setLog(position.topic, next: position.next) }
        let isHeld = isCapturing || isFilling
        endCapture()
        if heldSince == nil {
            heldSince = now
            changesAtHold = changesAtBegin
        } else if isMarked {
            try steps.releaseBatch.run()
        }
        isInTransaction = false
        if let restoringSince {
            // What it has is as old as what was put in first; what it lacks may be its deletion.
            if try commitTime() == nil { wholeAt = restoringSince }
        } else {
            wholeAt = now
        }
        let maximum = isFilling ? Self.maximumFilledRows : Self.maximumHeldRows
        if !isHeld || changes - changesAtHold >= maximum { try commitHeld() }
    }

    /// Whether batches are held for longer than a file may be behind. A clock that was set back counts as late.
    ///
    /// - Parameter inTurn: half as long is enough, but not while it is filled: that takes the fewest pages written.
    public func isOverdue(at now: Timestamp, inTurn: Bool = false) -> Bool {
        guard let since = heldSince, !isInTransaction else { return false }
        let patience = inTurn && !isFilling ? Self.maximumHeldMilliseconds / 2 : Self.maximumHeldMilliseconds
        return now < since || now >= since.adding(milliseconds: patience)
    }

    /// Writes what is held to the file.
    public func commitHeld() throws(StoreFailure) {
        precondition(!isInTransaction, "a batch ends first")
        guard heldSince != nil else { return }
        try mustBeWhole()
        // In this order: a page that is changed once more after SQLite has given it up has its frame in the log written
        // again, and each frame behind it read for its checksum.
        try positions.write(wholeAt)
        try writeGathered()
        if case .image(let image) = location, image.isFull {
            throw StoreFailure(operation: "COMMIT", code: SQLITE_FULL, detail: "disk is full", consequence: .retry)
        }
        try steps.commit.run()
        heldSince = nil
        for gatherer in gatherers { gatherer.batchesWritten() }
        if case .image(let image) = location { image.save(try connection.serialized()) }
    }

    /// Writes what waits in ``GatheredRows`` and of what fills the store, for whoever reads the tables by themselves.
    public func writeGathered() throws(StoreFailure) {
        try writeFilled()
        for gatherer in gatherers { try gatherer.write() }
    }

    /// Half a batch with the positions of those before it would be applied a second time; what those that are held lack
    /// would never be, once a later batch has said how far they go.
    private func mustBeWhole() throws(StoreFailure) {
        let isHeldGone = heldSince != nil && !isTransactionOpen
        guard isBroken || gathering.isTorn || isHeldGone else { return }
        throw StoreFailure(
            operation: "go on", detail: "what the store holds is not whole; it has to be opened anew",
            consequence: .retry, cause: .heldUndone)
    }

    /// On a simulated disk that is full no page can be added.
    private func limitPages() throws(StoreFailure) {
        guard case .image(let image) = location else { return }
        let pages = image.isFull ? try connection.integer("PRAGMA page_count") ?? 1 : Self.maximumPages
        try connection.execute("PRAGMA max_page_count = \(pages)")
    }

    /// SQLite's own bound.
    private static let maximumPages: Int64 = 1_073_741_823

    /// Undoes the batch.
    ///
    /// - Throws: `heldUndone` if those that were held are undone, too. Whatever it is, the store has to be opened anew.
    public func rollback() throws(StoreFailure) {
        guard isInTransaction else { return }
        endCapture()
        isInTransaction = false
        // Until all of it has gone well: whoever stops now still gives the store up, and writes what is held.
        isBroken = true
        if heldSince == nil {
            if isTransactionOpen { try steps.rollback.run() }
        } else if !isTransactionOpen || !isMarked {
            throw StoreFailure(
                operation: "ROLLBACK TO batch", detail: "the batches that were held are gone, too", consequence: .retry,
                cause: .heldUndone)
        } else {
            try steps.undoBatch.run()
            try steps.releaseBatch.run()
        }
        for gatherer in gatherers { gatherer.undoBatch() }
        gathering.isTorn = false
        isBroken = false
    }

    // MARK: Records

    private var changesAtRecord: Int64 = 0
    private var hasSavepoint = false

    /// Marks where a record's changes begin.
    ///
    /// - Parameter withSavepoint: so that the record can be undone alone, whatever it has changed. SQLite then copies
    ///   each page that it changes a first time, which costs the ledger a tenth of its time.
    public func beginRecord(withSavepoint: Bool) throws(StoreFailure) {
        changesAtRecord = changes
        // Rows of earlier batches that were written meanwhile are no changes of this one, and the pages are copied all
        // the same.
        let copied = max(changesAtRecord - changesAtBegin, changesInSQLite - changesInSQLiteAtBegin)
        if isMarked, copied >= undoableRows {
            try steps.releaseBatch.run()
            isMarked = false
        }
        capture.beginRecord()
        for gatherer in gatherers { gatherer.beginRecord() }
        if withSavepoint { try steps.markRecord.run() }
        hasSavepoint = withSavepoint
    }

    public func endRecord() throws(StoreFailure) {
        guard hasSavepoint else { return }
        hasSavepoint = false
        try steps.releaseRecord.run()
    }

    /// Without a savepoint, only a record that changed nothing can be undone.
    public var canUndoRecord: Bool { hasSavepoint || changes == changesAtRecord }

    public func undoRecord() throws(StoreFailure) {
        precondition(canUndoRecord, "what the record changed cannot be told from the batch")
        capture.undoRecord()
        guard hasSavepoint else { return }
        try steps.undoRecord.run()
        for gatherer in gatherers { gatherer.undoRecord() }
        try endRecord()
    }

    // MARK: Place in the log

    /// The next offset of an input; nil if the store has seen none of it.
    public func inputPosition(of topic: String) throws(StoreFailure) -> Offset? {
        try writeFilled()
        return try positions.input(topic)
    }

    /// The next offset to apply of the changelog or a history; nil if none was applied.
    public func logPosition(of topic: String) throws(StoreFailure) -> Offset? { try positions.log(topic) }

    /// When the store last had all that the log had: older than half the tombstones' life, it may have missed
    /// deletions. Of a store that is put back, when that began for what it has; nil if it has nothing.
    public func commitTime() throws(StoreFailure) -> Timestamp? { try positions.commitTime() ?? wholeAt }

    /// What the store is a copy of (cluster, changelog, partition), set once; nil before.
    public func home() throws(StoreFailure) -> String? { try positions.home() }
    public func setHome(_ home: String) throws(StoreFailure) { try positions.setHome(home) }

    private var restoredRows: Int64 = 0
    private var restoringSince: Timestamp?
    private var changelogName = ""
    /// From so many rows on a store is filled rather than brought up to date.
    public static let filledRows: Int64 = 50_000
    private var isFilling: Bool { restoredRows >= Self.filledRows }
    private var filled = RestoredRows()
    /// Each commit writes pages that the next one changes again: the fewer, the fewer pages are written. A stop waits
    /// for one, so it stays below a second.
    private static let maximumFilledRows: Int64 = 200_000

    /// Begins a transaction that puts rows back.
    ///
    /// - Parameters:
    ///   - since: when the end of the log was looked at that they lead to.
    ///   - changelog: the topic and partition that they stand in, for messages.
    public func beginRestoring(rows: Int, since: Timestamp, changelog: String) throws(StoreFailure) {
        restoringSince = since
        changelogName = changelog
        let wasFilling = isFilling
        restoredRows += Int64(rows)
        if isFilling, !wasFilling { try connection.beginRestoring() }
        try begin(capturing: false)
    }

    /// Before the store runs: it has all that the log had when its end was looked at.
    public func endRestoring() throws(StoreFailure) {
        try writeGathered()
        if isFilling { try connection.endRestoring() }
        restoredRows = 0
        guard let since = restoringSince else { return }
        restoringSince = nil
        wholeAt = since
        if heldSince == nil {
            try steps.begin.run()
            (heldSince, changesAtHold) = (since, changes)
            try commitHeld()
        }
    }

    /// Puts one changelog record back, inside a transaction that does not capture.
    ///
    /// - Throws: `.stop`, with the record's place, if it is no row of ours; of another record if the store is filled.
    public func restore(
        key: ArraySlice<UInt8>, value: ArraySlice<UInt8>?, at offset: Offset
    ) throws(StoreFailure) {
        guard isFilling else { return try putBack(key, value, offset) }
        if filled.put(key, value, at: offset) { gathering.waiting += 1 }
        if filled.byteCount >= RestoredRows.maximumBytes { try writeFilled() }
    }

    private func writeFilled() throws(StoreFailure) {
        guard !filled.isEmpty else { return }
        try filled.drain { key, value, offset throws(StoreFailure) in
            try putBack(key, value, offset)
            gathering.waiting -= 1
        }
    }

    private func putBack(
        _ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>?, _ offset: Offset
    ) throws(StoreFailure) {
        do throws(StoreFailure) {
            try changelogs.restore(key: key, value: value)
        } catch {
            throw error.restoring("\(changelogName)@\(offset)")
        }
    }
}
