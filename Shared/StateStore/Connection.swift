// One connection to one SQLite database, used by one thread. Opens with the settings that
// RELIABILITY asks of a store whose truth is the log: WAL and synchronous=NORMAL (power loss may
// take the newest transactions, never the consistency), and an exclusive lock, so that no second
// process opens the same file.

import CSQLite

/// Where a database lives.
public enum StoreLocation: Sendable {
    case file(path: String)
    /// Gone with the connection.
    case memory
    /// In memory, with a simulated disk.
    case image(StoreImage)
}

/// A database connection. Not Sendable: it stays in the thread that opened it.
@safe public final class Connection {
    let handle: OpaquePointer

    /// Page cache, in KiB: with eight partitions a service stays below 150 MB. What is not in it is mostly in the
    /// system's own, and what is written comes in the order of the keys: 3.5 MiB were no faster.
    private static let cacheKibibytes = 2_560
    /// Pages in the write-ahead log before they are copied into the file: 16 MiB, so that a checkpoint is rare. A
    /// shorter log is copied faster, and waits for the disk more often, which takes long where a broker writes, too.
    private static let checkpointPages = 4_096
    /// While a store is filled from the log. Its rows come in the order of their keys, thousands at a time, so that few
    /// pages are needed again soon: the ledger's million wallets take 20 s and 137 MB with 2 MiB, 20 s and 146 MB with
    /// 3.5. Checkpoints wait for the disk, and are few.
    private static let restoringCacheKibibytes = 2_048
    private static let restoringCheckpointPages = 16_384

    /// Without statistics of its memory: they take a lock of the whole process at every allocation, a twentieth of
    /// the ledger's time. A refusal (the library is in use already) leaves it as it is.
    private static let libraryIsPrepared = pointstream_sqlite_without_memory_statistics() == SQLITE_OK

    public init(_ location: StoreLocation) throws(StoreFailure) {
        let (path, layer): (String, String?) =
            switch location {
            case .file(let path): (path, PageChecksums.name)
            case .memory, .image: (":memory:", nil)
            }
        _ = Self.libraryIsPrepared
        if layer != nil { try Self.check(path) }
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
        let code = unsafe sqlite3_open_v2(path, &opened, flags, layer)
        guard let connection = unsafe opened else {
            throw StoreFailure(operation: "open \(path)", code: code, detail: "no memory", consequence: .retry)
        }
        unsafe handle = connection
        guard code == SQLITE_OK else {
            throw unsafe storeFailure(connection, "open \(path)", code)
        }
        if case .image(let image) = location { try load(image) }
        unsafe sqlite3_extended_result_codes(connection, 1)
        if layer != nil {
            var reserved = PageChecksums.reservedBytes
            let code = unsafe sqlite3_file_control(connection, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved)
            guard code == SQLITE_OK else { throw unsafe storeFailure(connection, "reserve bytes", code) }
        }
        // An image is the database alone: a write-ahead log beside it would hold the newest commits.
        let journal = if case .file = location { "WAL" } else { "MEMORY" }
        for pragma in [
            "page_size=\(PageChecksums.pageBytes)",
            "locking_mode=EXCLUSIVE", "journal_mode=\(journal)", "synchronous=NORMAL", "temp_store=MEMORY",
            "cache_size=-\(Self.cacheKibibytes)", "wal_autocheckpoint=\(Self.checkpointPages)",
            "trusted_schema=OFF",
        ] {
            try execute("PRAGMA \(pragma)")
        }
    }

    /// Before SQLite opens a file: whether it can be trusted at all.
    private static func check(_ path: String) throws(StoreFailure) {
        guard PageChecksums.registration == SQLITE_OK else {
            throw StoreFailure(
                operation: "register page checksums", code: PageChecksums.registration, detail: "refused",
                consequence: .stop)
        }
        if let reason = PageChecksums.distrust(path: path) {
            throw StoreFailure(operation: "open \(path)", detail: reason, consequence: .rebuild)
        }
    }

    deinit {
        // Closes when the last statement is finalised, in whatever order the owner lets go of them.
        unsafe sqlite3_close_v2(handle)
    }

    func beginRestoring() throws(StoreFailure) {
        try execute("PRAGMA cache_size=-\(Self.restoringCacheKibibytes)")
        try execute("PRAGMA wal_autocheckpoint=\(Self.restoringCheckpointPages)")
    }

    /// Back to what a running store has; a longer log is copied into the file by the next commit. Pages that are kept
    /// are given up, because the worker's next store needs the memory; the system has them still.
    func endRestoring() throws(StoreFailure) {
        try execute("PRAGMA wal_autocheckpoint=\(Self.checkpointPages)")
        try execute("PRAGMA cache_size=-\(Self.cacheKibibytes)")
        unsafe _ = sqlite3_db_release_memory(handle)
    }

    /// Runs statements that return nothing of interest.
    public func execute(_ sql: String) throws(StoreFailure) {
        let code = unsafe sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw unsafe storeFailure(handle, sql, code) }
    }

    /// A statement to be kept and run many times.
    public func prepare(_ sql: String) throws(StoreFailure) -> Statement {
        try Statement(self, sql)
    }

    /// The first column of the first row as an integer, for example of `SELECT count(*) ...`.
    public func integer(_ sql: String) throws(StoreFailure) -> Int64? {
        var statement = try prepare(sql)
        return try statement.next() && !statement.isNull(0) ? statement.integer(0) : nil
    }
}

/// The failure of the connection's last call. Which code has which consequence is decided here and
/// nowhere else.
func storeFailure(_ connection: OpaquePointer, _ operation: String, _ code: Int32) -> StoreFailure {
    let (consequence, cause): (StoreFailure.Consequence, StoreFailure.Cause) =
        switch code & 0xff {
        case SQLITE_CONSTRAINT, SQLITE_MISMATCH, SQLITE_TOOBIG, SQLITE_RANGE: (.rejectRecord, .other)
        case SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_IOERR: (.rebuild, .other)
        case SQLITE_FULL, SQLITE_NOMEM: (.retry, .other)
        case SQLITE_BUSY, SQLITE_LOCKED: (.retry, .locked)
        // Nothing is wrong with what the file holds, so it is not thrown away.
        case SQLITE_CANTOPEN, SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH: (.retry, .inaccessible)
        default: (.stop, .other)
        }
    let text = unsafe String(cString: sqlite3_errmsg(connection))
    return StoreFailure(operation: operation, code: code, detail: text, consequence: consequence, cause: cause)
}
