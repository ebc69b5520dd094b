// Notes the rows that a batch changes, each as the changelog record that it will be: key ["table", primary key...],
// value the whole row as an array in the order of the columns, null for a deleted row. A row that changed ten times is
// one record; a row that was not there before and is gone again is none. A RowNoter says itself what is written later;
// whatever else changes a row is told by SQLite's preupdate hook, so that no change can be missed.
// See https://www.sqlite.org/c3ref/preupdate_blobwrite.html

import CSQLite

/// Notes changes from ``start()`` to ``stop()``. One for a store, made before the statements of its processor are
/// prepared: SQLite decides then whether a `DELETE` without a condition tells of each row. A statement that would
/// change a primary key cannot be prepared: the change names only the new one, and the row of the former would come
/// back.
@safe final class ChangeCapture {
    private let connection: Connection
    private let tables: TableChangelogs
    private var changed = ChangedRows()
    private var failure: StoreFailure?
    private var isNoting = false
    /// What the record at hand has changed, in order: a row's number and what it was before, to be taken back with it.
    private var undoLog: [(number: Int, value: Range<Int>?)] = []
    private var rowsBeforeRecord = 0
    /// Where the columns of the row at hand lie, in the order of the table.
    private var columns: [Range<Int>] = []
    /// Of the key at hand. An array cannot be appended to from a part of itself without being copied whole.
    private var keyText: [UInt8] = []

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
        (changed, failure) = (ChangedRows(), nil)
        beginRecord()
    }

    func beginRecord() {
        undoLog.removeAll(keepingCapacity: true)
        rowsBeforeRecord = changed.rows.count
    }

    /// The rows are as they were at ``beginRecord()``.
    func undoRecord() {
        for (number, value) in undoLog.reversed() { changed.rows[number].value = value }
        changed.truncate(to: rowsBeforeRecord)
        beginRecord()
    }

    /// Each changed row, once.
    func forEachChange(
        _ emit: (_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>?) -> Void
    ) throws(StoreFailure) {
        if let failure { throw failure }
        for row in changed.rows where row.value != nil || !row.isNew {
            emit(changed.bytes[row.key], row.value.map { changed.bytes[$0] })
        }
    }

    // MARK: A row that is written later

    /// A row of all columns follows.
    func beginRow() { columns.removeAll(keepingCapacity: true) }

    func add(_ append: (inout [UInt8]) -> Void) {
        guard isNoting else { return }
        changed.bytes.append(columns.isEmpty ? UInt8(ascii: "[") : UInt8(ascii: ","))
        let start = changed.bytes.count
        append(&changed.bytes)
        columns.append(start..<changed.bytes.count)
    }

    /// Notes a row that is written later.
    func note(_ table: TableChangelog, isNew: Bool) throws(StoreFailure) {
        guard isNoting else { return }
        let row = endRow()
        guard row.columns.count == table.table.columns.count else {
            throw StoreFailure(
                operation: "note a row of \(table.table.name)", detail: "it has \(row.columns.count) columns",
                consequence: .rebuild)
        }
        note(table, isNew ? .inserted : .updated, row)
    }

    /// Runs statements that write what was noted before.
    func withoutNoting(_ run: () throws(StoreFailure) -> Void) throws(StoreFailure) {
        let wasNoting = isNoting
        isNoting = false
        defer { isNoting = wasNoting }
        try run()
    }

    private func endRow() -> NotedRow {
        changed.bytes.append(UInt8(ascii: "]"))
        return NotedRow(columns: columns, text: (columns.first?.lowerBound ?? 1) - 1..<changed.bytes.count)
    }

    // MARK: A change that SQLite tells of

    fileprivate func note(_ change: Change) {
        guard isNoting, failure == nil else { return }
        guard let table = tables.changelog(of: change) else { return }
        do throws(StoreFailure) {
            beginRow()
            for column in change.kind == .deleted ? table.table.key : table.allColumns {
                let value = try change.value(column)
                add { table.append(value, column, to: &$0) }
            }
            note(table, change.kind, endRow())
        } catch {
            failure = error
        }
    }

    /// - Parameter row: all columns, or those of the key of a row that is deleted.
    private func note(_ table: TableChangelog, _ kind: Change.Kind, _ row: NotedRow) {
        let isDeleted = kind == .deleted
        keyText.removeAll(keepingCapacity: true)
        keyText.append(contentsOf: table.keyStart)
        for (place, column) in table.table.key.enumerated() {
            if place > 0 { keyText.append(UInt8(ascii: ",")) }
            keyText.append(contentsOf: changed.bytes[row.columns[isDeleted ? place : column]])
        }
        keyText.append(UInt8(ascii: "]"))
        let start = changed.bytes.count
        changed.bytes.append(contentsOf: keyText)
        let key = start..<changed.bytes.count
        let value = isDeleted ? nil : row.text
        if let number = changed.find(key) {
            undoLog.append((number, changed.rows[number].value))
            changed.rows[number].value = value
        } else {
            changed.append(key: key, value: value, isNew: kind == .inserted)
        }
    }
}

/// A row as it lies in the bytes.
private struct NotedRow {
    /// In the order in which they were written.
    let columns: [Range<Int>]
    /// With its brackets.
    let text: Range<Int>
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
