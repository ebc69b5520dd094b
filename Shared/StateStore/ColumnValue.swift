// A value that SQLite lends: of a changed row in a changeset, or of the current row of a statement.
// Valid only until its owner moves on, so it is read at once and never kept.

import CSQLite

@safe struct ColumnValue {
    private let handle: OpaquePointer

    init?(_ handle: OpaquePointer?) {
        guard let handle = unsafe handle else { return nil }
        unsafe self.handle = handle
    }

    var isNull: Bool { unsafe sqlite3_value_type(handle) == SQLITE_NULL }
    var integer: Int64 { unsafe sqlite3_value_int64(handle) }

    /// The bytes of a TEXT or BLOB.
    var bytes: [UInt8] {
        let start = unsafe sqlite3_value_blob(handle)
        return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: Int(sqlite3_value_bytes(handle))))
    }
}

/// One change in a changeset, as long as the iterator stands on it.
@safe struct Change {
    enum Kind { case inserted, updated, deleted }

    let table: String
    let kind: Kind
    private let iterator: OpaquePointer

    init(at iterator: OpaquePointer) throws(StoreFailure) {
        var name: UnsafePointer<CChar>?
        var (columns, operation, indirect) = (Int32(0), Int32(0), Int32(0))
        let code = unsafe sqlite3changeset_op(iterator, &name, &columns, &operation, &indirect)
        guard code == SQLITE_OK, let name = unsafe name else {
            throw StoreFailure(operation: "read change", code: code, detail: "no change", consequence: .rebuild)
        }
        table = unsafe String(cString: name)
        kind = operation == SQLITE_INSERT ? .inserted : operation == SQLITE_DELETE ? .deleted : .updated
        unsafe self.iterator = iterator
    }

    func old(_ column: Int) throws(StoreFailure) -> ColumnValue? {
        var value: OpaquePointer?
        try check(unsafe sqlite3changeset_old(iterator, Int32(column), &value), column)
        return unsafe ColumnValue(value)
    }

    func new(_ column: Int) throws(StoreFailure) -> ColumnValue? {
        var value: OpaquePointer?
        try check(unsafe sqlite3changeset_new(iterator, Int32(column), &value), column)
        return unsafe ColumnValue(value)
    }

    private func check(_ code: Int32, _ column: Int) throws(StoreFailure) {
        guard code == SQLITE_OK else {
            throw StoreFailure(
                operation: "read change", code: code, detail: "column \(column) of \(table)", consequence: .rebuild)
        }
    }
}
