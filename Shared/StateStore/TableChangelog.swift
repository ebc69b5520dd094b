// Writes one table's rows as changelog records and puts such records back as rows. Both directions stand here, so that
// they cannot drift apart; ChangeCapture finds the rows, StateStore decides when.

import CSQLite
import JSONText
import Primitives

/// The changelogged tables of one store, in the schema's order.
final class TableChangelogs {
    let tables: [TableShape]
    private let connection: Connection
    private var changelogs: [String: TableChangelog] = [:]

    init(_ tables: [TableShape], in connection: Connection) throws(StoreFailure) {
        self.tables = tables
        self.connection = connection
        for table in tables { changelogs[table.name] = try TableChangelog(table, in: connection) }
    }

    /// Encodes the change that a changeset iterator stands on.
    func encodeChange(
        at iterator: OpaquePointer?, _ emit: (_ key: [UInt8], _ value: [UInt8]?) -> Void
    ) throws(StoreFailure) {
        var name: UnsafePointer<CChar>?
        var (columns, operation, indirect) = (Int32(0), Int32(0), Int32(0))
        let code = unsafe sqlite3changeset_op(iterator, &name, &columns, &operation, &indirect)
        guard code == SQLITE_OK, let name = unsafe name,
            let changelog = changelogs[unsafe String(cString: name)]
        else { throw unsafe storeFailure(connection.handle, "read change", code) }
        try unsafe changelog.encode(iterator, operation, emit)
    }

    /// Puts one changelog record back: a row, or its absence.
    func restore(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>?) throws(StoreFailure) {
        let keyDocument = try parse(Array(key))
        guard let name = keyDocument.root.items.first?.string(), let changelog = changelogs[name] else {
            throw malformed("the key does not start with a table of this store")
        }
        if let value {
            try changelog.put(try parse(Array(value)).root)
        } else {
            try changelog.remove(keyDocument.root)
        }
    }

    private func parse(_ bytes: [UInt8]) throws(StoreFailure) -> JSONDocument {
        do throws(JSONError) {
            return try JSONDocument(parsing: bytes, limits: TableChangelog.limits)
        } catch {
            throw malformed("\(error.code.rawValue) at line \(error.line), column \(error.column)")
        }
    }
}

private func malformed(_ detail: String) -> StoreFailure {
    StoreFailure(operation: "restore changelog record", detail: detail, consequence: .stop)
}

/// One table's statements and codec.
final class TableChangelog {
    /// A row is smaller than the largest message a broker takes.
    static let limits: JSONLimits = {
        var limits = JSONLimits.standard
        limits.bytes = 1 << 20
        return limits
    }()

    private let table: TableShape
    private var select: Statement
    private var insert: Statement
    private var delete: Statement
    private var writer = JSONWriter(capacity: 512)

    init(_ table: TableShape, in connection: Connection) throws(StoreFailure) {
        self.table = table
        let columns = table.columns.map(\.name).joined(separator: ", ")
        let parameters = table.columns.map { _ in "?" }.joined(separator: ", ")
        select = try connection.prepare("SELECT \(columns) FROM \(table.name) WHERE \(table.keyCondition)")
        insert = try connection.prepare(
            "INSERT OR REPLACE INTO \(table.name) (\(columns)) VALUES (\(parameters))")
        delete = try connection.prepare("DELETE FROM \(table.name) WHERE \(table.keyCondition)")
    }

    // MARK: To the changelog

    func encode(
        _ iterator: OpaquePointer?, _ operation: Int32, _ emit: (_ key: [UInt8], _ value: [UInt8]?) -> Void
    ) throws(StoreFailure) {
        var keyValues: [OpaquePointer?] = []
        for column in table.key {
            keyValues.append(try unsafe changedValue(iterator, column, old: operation != SQLITE_INSERT))
        }
        let key = unsafe array(named: table.name, zip(table.key, keyValues))
        switch operation {
        case SQLITE_DELETE:
            emit(key, nil)
        case SQLITE_INSERT:
            var values: [OpaquePointer?] = []
            for column in table.columns.indices {
                values.append(try unsafe changedValue(iterator, column, old: false))
            }
            emit(key, unsafe array(named: nil, zip(table.columns.indices, values)))
        default:
            for (column, value) in unsafe zip(table.key, keyValues) {
                unsafe bindColumn(&select, table.columns[column].type, value)
            }
            guard try select.next() else { throw malformed("a row of \(table.name) is gone") }
            defer { select.reset() }
            let values = unsafe table.columns.indices.map { unsafe select.value(Int32($0)) }
            emit(key, unsafe array(named: nil, zip(table.columns.indices, values)))
        }
    }

    private func changedValue(
        _ iterator: OpaquePointer?, _ column: Int, old: Bool
    ) throws(StoreFailure) -> OpaquePointer? {
        var value: OpaquePointer?
        let code =
            old
            ? unsafe sqlite3changeset_old(iterator, Int32(column), &value)
            : unsafe sqlite3changeset_new(iterator, Int32(column), &value)
        guard code == SQLITE_OK else {
            throw StoreFailure(
                operation: "read change", code: code, detail: "column \(column) of \(table.name)",
                consequence: .rebuild)
        }
        return unsafe value
    }

    private func array(
        named name: String?, _ values: some Sequence<(Int, OpaquePointer?)>
    ) -> [UInt8] {
        writer.clear()
        writer.beginArray()
        if let name { writer.string(name) }
        for (column, value) in unsafe values { unsafe write(value, as: table.columns[column].type) }
        writer.endArray()
        return writer.bytes
    }

    private func write(_ value: OpaquePointer?, as type: TableShape.ColumnType) {
        guard let value = unsafe value, unsafe sqlite3_value_type(value) != SQLITE_NULL else {
            return writer.null()
        }
        switch type {
        case .integer: writer.integer(unsafe sqlite3_value_int64(value))
        case .text: writer.string(utf8: unsafe bytes(of: value))
        case .blob: writer.string(hexText(unsafe bytes(of: value)))
        }
    }

    private func bindColumn(
        _ statement: inout Statement, _ type: TableShape.ColumnType, _ value: OpaquePointer?
    ) {
        guard let value = unsafe value else { return statement.bindNull() }
        switch type {
        case .integer: statement.bind(unsafe sqlite3_value_int64(value))
        case .text: statement.bind(utf8: unsafe bytes(of: value))
        case .blob: statement.bind(blob: Array(unsafe bytes(of: value)))
        }
    }

    private func bytes(of value: OpaquePointer) -> UnsafeRawBufferPointer {
        let start = unsafe sqlite3_value_blob(value)
        return unsafe UnsafeRawBufferPointer(start: start, count: Int(sqlite3_value_bytes(value)))
    }

    // MARK: From the changelog

    /// Puts a whole row. A row of an older schema is shorter: the columns it lacks are null.
    func put(_ row: JSONValue) throws(StoreFailure) {
        let values = Array(row.items)
        guard values.count <= table.columns.count else {
            throw malformed("\(table.name) has \(values.count) columns in the changelog, written by newer code")
        }
        for (index, column) in table.columns.enumerated() {
            guard index < values.count else {
                insert.bindNull()
                continue
            }
            try bindValue(&insert, column.type, values[index])
        }
        try insert.run()
    }

    func remove(_ key: JSONValue) throws(StoreFailure) {
        for (column, value) in zip(table.key, key.items.dropFirst()) {
            try bindValue(&delete, table.columns[column].type, value)
        }
        try delete.run()
    }

    private func bindValue(
        _ statement: inout Statement, _ type: TableShape.ColumnType, _ value: JSONValue
    ) throws(StoreFailure) {
        switch (type, value.kind) {
        case (_, .null): statement.bindNull()
        case (.integer, .number):
            guard let number = value.int64 else { throw malformed("a number that is no integer") }
            statement.bind(number)
        case (.text, .string):
            statement.bind(value.string())
        case (.blob, .string):
            guard let bytes = value.string().flatMap(bytesOfHex) else { throw malformed("a BLOB that is no hex") }
            statement.bind(blob: bytes)
        default: throw malformed("a value of \(table.name) has the wrong type")
        }
    }
}

private func hexText(_ bytes: some Collection<UInt8>) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count * 2)
    for byte in bytes {
        for nibble in [byte >> 4, byte & 0xf] { text.append(nibble < 10 ? 0x30 + nibble : 0x57 + nibble) }
    }
    return String(decoding: text, as: UTF8.self)
}

private func bytesOfHex(_ text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digits.count / 2)
    for index in stride(from: 0, to: digits.count, by: 2) {
        guard let high = hexNibble(digits[index]), let low = hexNibble(digits[index + 1]) else { return nil }
        bytes.append(high << 4 | low)
    }
    return bytes
}

private func hexNibble(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x61...0x66: digit - 0x57
    default: nil
    }
}
