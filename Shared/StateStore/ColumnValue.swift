// A value that SQLite lends, of a row that changes. Valid only while the hook is called, so it is read at once and
// never kept.

import CSQLite
import Glibc

@safe struct ColumnValue {
    private let handle: OpaquePointer

    init?(_ handle: OpaquePointer?) {
        guard let handle = unsafe handle else { return nil }
        unsafe self.handle = handle
    }

    var isNull: Bool { unsafe sqlite3_value_type(handle) == SQLITE_NULL }
    var integer: Int64 { unsafe sqlite3_value_int64(handle) }

    /// Lends the bytes of a TEXT or BLOB.
    func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        // The length is that of what was asked for last.
        let start = unsafe sqlite3_value_blob(handle)
        let bytes = unsafe UnsafeRawBufferPointer(start: start, count: Int(sqlite3_value_bytes(handle)))
        return unsafe bytes.withMemoryRebound(to: UInt8.self, body)
    }
}

/// One change of one row, while SQLite is about to carry it out.
@safe struct Change {
    enum Kind { case inserted, updated, deleted }

    let kind: Kind
    private let connection: OpaquePointer
    /// The table's name, as C has it.
    private let name: UnsafePointer<CChar>

    init(_ connection: OpaquePointer, _ operation: Int32, _ name: UnsafePointer<CChar>) {
        kind = operation == SQLITE_INSERT ? .inserted : operation == SQLITE_DELETE ? .deleted : .updated
        unsafe self.connection = connection
        unsafe self.name = name
    }

    var table: String { unsafe String(cString: name) }

    /// - Parameter table: a name with its closing zero: nothing is made of it to be compared.
    func isOf(_ table: [CChar]) -> Bool {
        unsafe table.withUnsafeBufferPointer { text in
            unsafe text.baseAddress.map { unsafe strcmp(name, $0) == 0 } ?? false
        }
    }

    /// The row's value after the change, or that of a row which is deleted.
    func value(_ column: Int) throws(StoreFailure) -> ColumnValue? {
        var value: OpaquePointer?
        let code =
            kind == .deleted
            ? unsafe sqlite3_preupdate_old(connection, Int32(column), &value)
            : unsafe sqlite3_preupdate_new(connection, Int32(column), &value)
        guard code == SQLITE_OK else {
            throw StoreFailure(
                operation: "read change", code: code, detail: "column \(column) of \(table)", consequence: .rebuild)
        }
        return unsafe ColumnValue(value)
    }
}
