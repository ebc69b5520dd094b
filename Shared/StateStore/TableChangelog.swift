// Writes one table's rows as changelog records and puts such records back as rows. Both directions
// stand here, so that they cannot drift apart; ChangeCapture finds the rows, StateStore decides
// when.

import JSONText

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

    func encode(
        _ change: Change, _ emit: (_ key: [UInt8], _ value: [UInt8]?) -> Void
    ) throws(StoreFailure) {
        guard let changelog = changelogs[change.table] else {
            throw StoreFailure(operation: "read change", detail: "unknown table \(change.table)", consequence: .stop)
        }
        try changelog.encode(change, emit)
    }

    /// Puts one changelog record back: a row, or its absence.
    func restore(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>?) throws(StoreFailure) {
        let keyDocument = try parse(Array(key))
        let table = keyDocument.root.items.first { _ in true }
        guard let name = table?.string() else { throw malformed("the key does not start with a table") }
        guard let changelog = changelogs[name] else { throw newer("table \(name) is not one of this program's") }
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
    StoreFailure(operation: "restore row", detail: detail, consequence: .stop, cause: .unreadableRecord)
}

private func newer(_ detail: String) -> StoreFailure {
    StoreFailure(operation: "restore row", detail: detail, consequence: .stop, cause: .newerProgram)
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
        _ change: Change, _ emit: (_ key: [UInt8], _ value: [UInt8]?) -> Void
    ) throws(StoreFailure) {
        let key = try array(named: table.name, table.key) { column throws(StoreFailure) in
            try change.kind == .inserted ? change.new(column) : change.old(column)
        }
        switch change.kind {
        case .deleted: emit(key, nil)
        case .inserted: emit(key, try row { column throws(StoreFailure) in try change.new(column) })
        case .updated: emit(key, try wholeRow(of: change))
        }
    }

    /// A changeset holds only the columns that an update changed, so the row is read again.
    private func wholeRow(of change: Change) throws(StoreFailure) -> [UInt8] {
        for column in table.key {
            guard let value = try change.old(column) else { throw malformed("a row without a key") }
            switch table.columns[column].type {
            case .integer: select.bind(value.integer)
            case .text: select.bind(utf8: value.bytes)
            case .blob: select.bind(blob: value.bytes)
            }
        }
        defer { select.reset() }
        guard try select.next() else { throw malformed("a changed row of \(table.name) is gone") }
        return try row { column throws(StoreFailure) in select.value(column) }
    }

    private func row(
        _ value: (Int) throws(StoreFailure) -> ColumnValue?
    ) throws(StoreFailure) -> [UInt8] {
        try array(named: nil, Array(table.columns.indices), value)
    }

    private func array(
        named name: String?, _ columns: [Int], _ value: (Int) throws(StoreFailure) -> ColumnValue?
    ) throws(StoreFailure) -> [UInt8] {
        writer.clear()
        writer.beginArray()
        if let name { writer.string(name) }
        for column in columns { write(try value(column), as: table.columns[column].type) }
        writer.endArray()
        return writer.bytes
    }

    private func write(_ value: ColumnValue?, as type: TableShape.ColumnType) {
        guard let value, !value.isNull else { return writer.null() }
        switch type {
        case .integer: writer.integer(value.integer)
        case .text: writer.string(utf8: value.bytes)
        case .blob: writer.hex(of: value.bytes)
        }
    }

    // MARK: From the changelog

    /// Puts a whole row. A row of an older schema is shorter: the columns it lacks are null.
    func put(_ row: JSONValue) throws(StoreFailure) {
        let values = Array(row.items)
        guard values.count <= table.columns.count else {
            throw newer(
                "a row of \(table.name) has \(values.count) columns, this program knows \(table.columns.count)")
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
