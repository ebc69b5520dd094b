// Finds the rows that a transaction changed, with SQLite's session extension, and gives each as a
// changelog record: key ["table", primary key...], value the whole row as an array in the order of
// the columns, null for a deleted row. A row that changed ten times is one record; a row that ended
// as it began is none. BLOBs are written as hex digits. See
// https://www.sqlite.org/sessionintro.html

import CSQLite

/// Records which rows change from its creation on. One per transaction.
@safe final class ChangeCapture {
    private let session: OpaquePointer
    private let connection: Connection

    init(_ connection: Connection, tables: [TableShape]) throws(StoreFailure) {
        var created: OpaquePointer?
        let code = unsafe sqlite3session_create(connection.handle, "main", &created)
        guard code == SQLITE_OK, let session = unsafe created else {
            throw unsafe storeFailure(connection.handle, "create session", code)
        }
        unsafe self.session = session
        self.connection = connection
        for table in tables {
            let code = unsafe sqlite3session_attach(session, table.name)
            guard code == SQLITE_OK else {
                throw unsafe storeFailure(connection.handle, "attach \(table.name)", code)
            }
        }
    }

    deinit { unsafe sqlite3session_delete(session) }

    /// Gives each changed row to `tables` to be encoded, once.
    func forEachChange(
        _ tables: TableChangelogs, _ emit: (_ key: [UInt8], _ value: [UInt8]?) -> Void
    ) throws(StoreFailure) {
        var size: Int32 = 0
        var bytes: UnsafeMutableRawPointer?
        try check("read changes", unsafe sqlite3session_changeset(session, &size, &bytes))
        defer { unsafe sqlite3_free(bytes) }
        guard size > 0 else { return }
        var started: OpaquePointer?
        try check("read changes", unsafe sqlite3changeset_start(&started, size, bytes))
        guard let iterator = unsafe started else { return }
        defer { unsafe sqlite3changeset_finalize(iterator) }
        while true {
            let code = unsafe sqlite3changeset_next(iterator)
            if code == SQLITE_DONE { return }
            guard code == SQLITE_ROW else {
                throw unsafe storeFailure(connection.handle, "read changes", code)
            }
            try tables.encode(try unsafe Change(at: iterator), emit)
        }
    }

    private func check(_ operation: String, _ code: Int32) throws(StoreFailure) {
        guard code == SQLITE_OK else { throw unsafe storeFailure(connection.handle, operation, code) }
    }
}
