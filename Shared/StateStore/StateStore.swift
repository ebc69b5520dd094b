// A service's store for one partition: a SQLite database whose rows and whose place in the log are
// written in the same transaction. The worker drives it: begin, a mark before each record,
// changed rows to the changelog, then Kafka's commit, then this one's. A store is a cache of the
// log: wiping it loses nothing. See RELIABILITY 1.4.

import CSQLite
import EventLog
import Foundation
import Primitives

/// One partition's store. Belongs to the worker's thread.
public final class StateStore {
    public let connection: Connection
    public let location: StoreLocation
    private let schema: StoreSchema
    private let changelogs: TableChangelogs
    private let positions: StorePositions
    private let capture: ChangeCapture
    private var isCapturing = false
    private var savepoint: Statement
    private var release: Statement
    private var undo: Statement

    /// Opens the store or creates it.
    ///
    /// - Throws: `.rebuild` if the file is damaged or of an older schema, `.stop` if it is of a newer one.
    public init(_ location: StoreLocation, schema: StoreSchema) throws(StoreFailure) {
        self.location = location
        self.schema = schema
        let connection = try Connection(location)
        self.connection = connection
        try Self.prepare(connection, schema)
        var tables: [TableShape] = []
        for name in ["input_position"] + schema.changelogged { tables.append(try TableShape(name, in: connection)) }
        changelogs = try TableChangelogs(tables, in: connection)
        capture = ChangeCapture(connection, changelogs)
        positions = try StorePositions(connection)
        savepoint = try connection.prepare("SAVEPOINT record")
        release = try connection.prepare("RELEASE record")
        undo = try connection.prepare("ROLLBACK TO record")
    }

    /// Deletes a store's files. The log still has everything that was in them.
    public static func wipe(_ location: StoreLocation) throws(StoreFailure) {
        if case .image(let image) = location { image.erase() }
        guard case .file(let path) = location else { return }
        let suffixes = ["", "-wal", "-shm", "-journal", PageChecksums.checkpointSuffix]
        for name in suffixes.map({ path + $0 }) where FileManager.default.fileExists(atPath: name) {
            do {
                try FileManager.default.removeItem(atPath: name)
            } catch {
                throw StoreFailure(
                    operation: "wipe \(name)", detail: "\(error)", consequence: .stop, cause: .inaccessible)
            }
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

    /// A store of more bytes is not read whole before it is trusted, because that would take longer than a
    /// restart may; damage in it shows when its pages are read.
    private static let checkedBytes: Int64 = 64 << 20

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

    // MARK: Transactions

    public private(set) var isInTransaction = false
    private var changesAtBegin: Int64 = 0

    /// Whether a row of any table was written since the transaction began, undone ones included.
    public var hasChanges: Bool {
        unsafe sqlite3_total_changes64(connection.handle) != changesAtBegin
    }

    /// Begins a transaction. With `capturing`, the rows it changes can be read with ``forEachChange(_:)``.
    public func begin(capturing: Bool = true) throws(StoreFailure) {
        precondition(!isInTransaction, "transactions do not nest")
        try limitPages()
        try connection.execute("BEGIN IMMEDIATE")
        isInTransaction = true
        changesAtBegin = unsafe sqlite3_total_changes64(connection.handle)
        isCapturing = capturing
        if capturing { capture.start() }
    }

    /// The rows changed so far, each as a changelog record's key and value (null: deleted).
    public func forEachChange(
        _ emit: (_ key: [UInt8], _ value: ArraySlice<UInt8>?) -> Void
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

    /// Commits the rows, and how far the store has applied its changelog and histories.
    public func commit(at reached: [(topic: String, next: Offset)], now: Timestamp) throws(StoreFailure) {
        for position in reached { try positions.setLog(position.topic, next: position.next) }
        try positions.setCommitTime(now)
        endCapture()
        if case .image(let image) = location, image.isFull {
            throw StoreFailure(operation: "COMMIT", code: SQLITE_FULL, detail: "disk is full", consequence: .retry)
        }
        try connection.execute("COMMIT")
        isInTransaction = false
        if case .image(let image) = location { image.save(try connection.serialized()) }
    }

    /// On a simulated disk that is full no page can be added.
    private func limitPages() throws(StoreFailure) {
        guard case .image(let image) = location else { return }
        let pages = image.isFull ? try connection.integer("PRAGMA page_count") ?? 1 : Self.maximumPages
        try connection.execute("PRAGMA max_page_count = \(pages)")
    }

    /// SQLite's own bound.
    private static let maximumPages: Int64 = 1_073_741_823

    /// Undoes the transaction. A failure to do so leaves the store unusable, which the caller takes
    /// as `.rebuild`.
    public func rollback() throws(StoreFailure) {
        guard isInTransaction else { return }
        endCapture()
        isInTransaction = false
        // SQLite rolls back by itself on some failures (disk full, I/O); a second ROLLBACK would be refused.
        if unsafe sqlite3_get_autocommit(connection.handle) == 0 { try connection.execute("ROLLBACK") }
    }

    // MARK: Records

    private var changesAtRecord: Int64 = 0
    private var hasSavepoint = false

    /// Marks where a record's changes begin.
    ///
    /// - Parameter withSavepoint: so that the record can be undone alone, whatever it has changed. SQLite then copies
    ///   each page that it changes a first time, which costs the ledger a tenth of its time.
    public func beginRecord(withSavepoint: Bool) throws(StoreFailure) {
        changesAtRecord = unsafe sqlite3_total_changes64(connection.handle)
        capture.beginRecord()
        if withSavepoint { try savepoint.run() }
        hasSavepoint = withSavepoint
    }

    public func endRecord() throws(StoreFailure) {
        guard hasSavepoint else { return }
        hasSavepoint = false
        try release.run()
    }

    /// Without a savepoint, only a record that changed nothing can be undone.
    public var canUndoRecord: Bool {
        unsafe hasSavepoint || sqlite3_total_changes64(connection.handle) == changesAtRecord
    }

    public func undoRecord() throws(StoreFailure) {
        precondition(canUndoRecord, "what the record changed cannot be told from the batch")
        capture.undoRecord()
        guard hasSavepoint else { return }
        try undo.run()
        try endRecord()
    }

    // MARK: Place in the log

    /// The next offset of an input; nil if the store has seen none of it.
    public func inputPosition(of topic: String) throws(StoreFailure) -> Offset? { try positions.input(topic) }

    /// The next offset to apply of the changelog or a history; nil if none was applied.
    public func logPosition(of topic: String) throws(StoreFailure) -> Offset? { try positions.log(topic) }

    /// When the store was last committed: older than half the tombstones' life, it may have missed deletions.
    public func commitTime() throws(StoreFailure) -> Timestamp? { try positions.commitTime() }

    /// What the store is a copy of (cluster, changelog, partition), set once; nil before.
    public func home() throws(StoreFailure) -> String? { try positions.home() }
    public func setHome(_ home: String) throws(StoreFailure) { try positions.setHome(home) }

    private var restoredRows = 0
    /// From so many rows on a store is filled rather than brought up to date.
    private static let filledRows = 50_000

    /// Begins a transaction that puts rows back.
    public func beginRestoring(rows: Int) throws(StoreFailure) {
        let wasFilling = restoredRows >= Self.filledRows
        restoredRows += rows
        if restoredRows >= Self.filledRows, !wasFilling { try connection.beginRestoring() }
        try begin(capturing: false)
    }

    /// Before the store runs.
    public func endRestoring() throws(StoreFailure) {
        if restoredRows >= Self.filledRows { try connection.endRestoring() }
        restoredRows = 0
    }

    /// Puts one changelog record back, inside a transaction that does not capture.
    public func restore(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>?) throws(StoreFailure) {
        try changelogs.restore(key: key, value: value)
    }
}
