// A prepared statement: bind in order, step, read columns, reset. Kept as a named property of a
// store and used again for every record; noncopyable, so that two places cannot step it at once and
// its handle is released exactly once.

import CSQLite
import Primitives

/// A prepared statement of one connection.
///
/// Life: `bind` each parameter in order; `run()` or `next()` until false; reading columns is valid
/// after a `next()` that returned true; `reset()` (implied by `run()` and by a `next()` that
/// returned false) makes it ready again.
@safe public struct Statement: ~Copyable {
    private let handle: OpaquePointer
    private let connection: Connection
    private let sql: String
    private var bound: Int32 = 0
    private var texts = BoundBytes()
    private var bindingCode = SQLITE_OK

    init(_ connection: Connection, _ sql: String) throws(StoreFailure) {
        var prepared: OpaquePointer?
        let code = unsafe sqlite3_prepare_v3(
            connection.handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard code == SQLITE_OK, let statement = unsafe prepared else {
            throw unsafe storeFailure(connection.handle, sql, code)
        }
        unsafe handle = statement
        self.connection = connection
        self.sql = sql
    }

    deinit { unsafe sqlite3_finalize(handle) }

    // MARK: Binding, in the order of the parameters

    public mutating func bind(_ value: Int64) {
        note(unsafe sqlite3_bind_int64(handle, nextIndex(), value))
    }

    public mutating func bind(_ value: Int) { bind(Int64(value)) }

    public mutating func bind(_ value: Int64?) {
        if let value { bind(value) } else { bindNull() }
    }

    public mutating func bindNull() {
        note(unsafe sqlite3_bind_null(handle, nextIndex()))
    }

    public mutating func bind(_ value: String) {
        var text = value
        let index = nextIndex()
        note(text.withUTF8 { unsafe bindText(index, $0) })
    }

    public mutating func bind(_ value: String?) {
        if let value { bind(value) } else { bindNull() }
    }

    /// Binds bytes as TEXT; they must be valid UTF-8.
    public mutating func bind(utf8 bytes: some Collection<UInt8>) {
        let index = nextIndex()
        if let code = bytes.withContiguousStorageIfAvailable({ unsafe bindText(index, $0) }) {
            note(code)
        } else {
            unsafe note(Array(bytes).withUnsafeBufferPointer { unsafe bindText(index, $0) })
        }
    }

    private mutating func bindText(_ index: Int32, _ buffer: UnsafeBufferPointer<UInt8>) -> Int32 {
        // A null address would bind NULL; an empty text has to have one.
        guard let start = buffer.baseAddress else { return unsafe sqlite3_bind_text(handle, index, "", 0, nil) }
        let bytes = UnsafeRawBufferPointer(buffer)
        if let copy = unsafe texts.keep(bytes) {
            let characters = unsafe copy.assumingMemoryBound(to: CChar.self)
            return unsafe sqlite3_bind_text(handle, index, characters, Int32(buffer.count), nil)
        }
        return unsafe start.withMemoryRebound(to: CChar.self, capacity: buffer.count) { characters in
            unsafe sqlite3_bind_text(
                handle, index, characters, Int32(buffer.count), pointstream_sqlite_transient())
        }
    }

    /// Binds an identifier as a BLOB of 16 bytes, big-endian, so that it sorts as its text does.
    public mutating func bind(_ value: UInt128) {
        let index = nextIndex()
        let code = unsafe withUnsafeBytes(of: value.bigEndian) { unsafe bindBlob(index, $0) }
        note(code)
    }

    public mutating func bind(_ identifier: some Identifier) { bind(identifier.value) }

    public mutating func bind(_ identifier: (some Identifier)?) {
        if let identifier { bind(identifier.value) } else { bindNull() }
    }

    /// Binds bytes as a BLOB.
    public mutating func bind(blob bytes: [UInt8]) {
        let index = nextIndex()
        unsafe note(
            bytes.withUnsafeBytes { buffer in
                guard !bytes.isEmpty else { return unsafe sqlite3_bind_zeroblob(handle, index, 0) }
                return unsafe bindBlob(index, buffer)
            })
    }

    private mutating func bindBlob(_ index: Int32, _ buffer: UnsafeRawBufferPointer) -> Int32 {
        let count = Int32(buffer.count)
        if let copy = unsafe texts.keep(buffer) { return unsafe sqlite3_bind_blob(handle, index, copy, count, nil) }
        return unsafe sqlite3_bind_blob(handle, index, buffer.baseAddress, count, pointstream_sqlite_transient())
    }

    private mutating func nextIndex() -> Int32 {
        bound += 1
        return bound
    }

    /// A binding fails only for a wrong count, memory or size; the step reports it, so that calls stay plain.
    private mutating func note(_ code: Int32) {
        if code != SQLITE_OK, bindingCode == SQLITE_OK { bindingCode = code }
    }

    // MARK: Stepping

    /// Runs a statement whose rows are of no interest, and resets it.
    public mutating func run() throws(StoreFailure) {
        while try next() {}
    }

    /// Steps to the next row; false (and reset) behind the last.
    public mutating func next() throws(StoreFailure) -> Bool {
        guard bindingCode == SQLITE_OK else {
            let code = bindingCode
            reset()
            throw unsafe storeFailure(connection.handle, sql, code)
        }
        let code = unsafe sqlite3_step(handle)
        if code == SQLITE_ROW { return true }
        guard code == SQLITE_DONE else {
            let failure = unsafe storeFailure(connection.handle, sql, code)
            reset()
            throw failure
        }
        reset()
        return false
    }

    /// The row id of the connection's newest insert into a table that has row ids.
    public var insertedRow: Int64 { unsafe sqlite3_last_insert_rowid(connection.handle) }

    /// How many rows the connection's newest INSERT, UPDATE or DELETE has changed.
    var changedRows: Int64 { unsafe sqlite3_changes64(connection.handle) }

    public mutating func reset() {
        // The code of a reset repeats that of the failed step, which was thrown already.
        _ = unsafe sqlite3_reset(handle)
        texts.clear()
        bound = 0
        bindingCode = SQLITE_OK
    }

    // MARK: Columns of the current row

    public func isNull(_ column: Int32) -> Bool {
        unsafe sqlite3_column_type(handle, column) == SQLITE_NULL
    }

    public func integer(_ column: Int32) -> Int64 { unsafe sqlite3_column_int64(handle, column) }

    public func integerOrNil(_ column: Int32) -> Int64? { isNull(column) ? nil : integer(column) }

    public func text(_ column: Int32) -> String {
        String(decoding: bytes(column), as: UTF8.self)
    }

    public func textOrNil(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }

    /// The bytes of a TEXT or BLOB column; empty for NULL.
    public func bytes(_ column: Int32) -> [UInt8] {
        guard let start = unsafe sqlite3_column_blob(handle, column) else { return [] }
        let count = Int(unsafe sqlite3_column_bytes(handle, column))
        return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    }

    /// A BLOB of 16 bytes as an identifier's value; anything else is a defect of the schema and reads as zero.
    public func identifier(_ column: Int32) -> UInt128 {
        guard let start = unsafe sqlite3_column_blob(handle, column),
            unsafe sqlite3_column_bytes(handle, column) == 16
        else { return 0 }
        return UInt128(bigEndian: unsafe start.loadUnaligned(as: UInt128.self))
    }
}

