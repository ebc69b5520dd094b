// Notes the rows that a transaction changes, with SQLite's preupdate hook, each as the changelog record that it will
// be: key ["table", primary key...], value the whole row as an array in the order of the columns, null for a deleted
// row. A row that changed ten times is one record; a row that was not there before and is gone again is none. BLOBs
// are written as hex digits. See https://www.sqlite.org/c3ref/preupdate_blobwrite.html

import CSQLite

/// Notes changes from ``start()`` to ``stop()``. One for a store, made before the statements of its processor are
/// prepared: SQLite decides then whether a `DELETE` without a condition tells of each row. A statement that would
/// change a primary key cannot be prepared: the change names only the new one, and the row of the former would come
/// back.
@safe final class ChangeCapture {
    /// A changelog record's key. An array of its own would be hashed byte by byte.
    private struct Key: Hashable {
        let bytes: [UInt8]

        func hash(into hasher: inout Hasher) { unsafe bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) } }
    }

    private struct Row {
        let key: Key
        /// Where the newest value lies; nil for a deleted row.
        var value: Range<Int>?
        /// It was not there before the transaction.
        let isNew: Bool
    }

    private let connection: Connection
    private let tables: TableChangelogs
    private var rows: [Row] = []
    private var numbers: [Key: Int] = [:]
    private var values: [UInt8] = []
    private var failure: StoreFailure?
    private var isNoting = false
    /// What the record at hand has changed, in order: a row's number and what it was before, to be taken back with it.
    private var undoLog: [(number: Int, value: Range<Int>?)] = []
    private var rowsBeforeRecord = 0

    init(_ connection: Connection, _ tables: TableChangelogs) {
        self.connection = connection
        self.tables = tables
        let capture = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe _ = sqlite3_preupdate_hook(connection.handle, noteChange, capture)
        unsafe _ = sqlite3_set_authorizer(connection.handle, refuseChangeOfKey, capture)
    }

    deinit {
        unsafe _ = sqlite3_preupdate_hook(connection.handle, nil, nil)
        unsafe _ = sqlite3_set_authorizer(connection.handle, nil, nil)
    }

    func start() { isNoting = true }

    /// Forgets what was noted. Its room is given back, too: a batch may be of one partition, and the next of another,
    /// which took 10 MB in each of the ledger's stores.
    func stop() {
        isNoting = false
        (rows, numbers, values, failure) = ([], [:], [], nil)
        beginRecord()
    }

    func beginRecord() {
        undoLog.removeAll(keepingCapacity: true)
        rowsBeforeRecord = rows.count
    }

    /// The rows are as they were at ``beginRecord()``.
    func undoRecord() {
        for (number, value) in undoLog.reversed() { rows[number].value = value }
        for row in rows[rowsBeforeRecord...] { numbers[row.key] = nil }
        rows.removeLast(rows.count - rowsBeforeRecord)
        beginRecord()
    }

    /// Each changed row, once.
    func forEachChange(
        _ emit: (_ key: [UInt8], _ value: ArraySlice<UInt8>?) -> Void
    ) throws(StoreFailure) {
        if let failure { throw failure }
        for row in rows where row.value != nil || !row.isNew { emit(row.key.bytes, row.value.map { values[$0] }) }
    }

    fileprivate func note(_ change: Change) {
        guard isNoting, failure == nil else { return }
        do throws(StoreFailure) {
            guard let table = tables.changelog(of: change) else { return }
            let key = Key(bytes: try table.key(of: change))
            var value: Range<Int>?
            if change.kind != .deleted {
                let start = values.count
                values.append(contentsOf: try table.value(of: change))
                value = start..<values.count
            }
            if let number = numbers[key] {
                undoLog.append((number, rows[number].value))
                rows[number].value = value
            } else {
                numbers[key] = rows.count
                rows.append(Row(key: key, value: value, isNew: change.kind == .inserted))
            }
        } catch {
            failure = error
        }
    }
}

extension ChangeCapture {
    fileprivate func isKey(_ column: String, of table: String) -> Bool { tables.isKey(column, of: table) }
}

/// Asked while a statement is prepared.
private func refuseChangeOfKey(
    _ capture: UnsafeMutableRawPointer?, _ action: Int32, _ table: UnsafePointer<CChar>?,
    _ column: UnsafePointer<CChar>?, _: UnsafePointer<CChar>?, _: UnsafePointer<CChar>?
) -> Int32 {
    guard action == SQLITE_UPDATE, let capture = unsafe capture, let table = unsafe table,
        let column = unsafe column
    else { return SQLITE_OK }
    let capturing = unsafe Unmanaged<ChangeCapture>.fromOpaque(capture).takeUnretainedValue()
    return unsafe capturing.isKey(String(cString: column), of: String(cString: table)) ? SQLITE_DENY : SQLITE_OK
}

private func noteChange(
    _ capture: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ operation: Int32, _: UnsafePointer<CChar>?,
    _ table: UnsafePointer<CChar>?, _: Int64, _: Int64
) {
    guard let capture = unsafe capture, let connection = unsafe connection, let table = unsafe table else { return }
    let change = unsafe Change(connection, operation, table)
    unsafe Unmanaged<ChangeCapture>.fromOpaque(capture).takeUnretainedValue().note(change)
}
