// Writes one table's rows as changelog records and puts such records back as rows. Both directions
// stand here, so that they cannot drift apart; ChangeCapture notes the rows, StateStore decides
// when.

import JSONText

/// The changelogged tables of one store.
final class TableChangelogs {
    /// So few that a straight search finds one soonest.
    private let ordered: [TableChangelog]
    private var document = JSONDocument()

    init(_ tables: [TableShape], in connection: Connection) throws(StoreFailure) {
        var ordered: [TableChangelog] = []
        for table in tables { ordered.append(try TableChangelog(table, in: connection)) }
        self.ordered = ordered
    }

    func isKey(_ column: String, of table: String) -> Bool {
        ordered.contains { $0.table.name == table && $0.table.isKey(column) }
    }

    /// Nil for a change of another table.
    func changelog(of change: Change) -> TableChangelog? {
        ordered.first { $0.isOf(change) }
    }

    func changelog(named name: String) -> TableChangelog? { ordered.first { $0.table.name == name } }

    /// Puts one changelog record back: a row, or its absence.
    func restore(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>?) throws(StoreFailure) {
        guard let changelog = ordered.first(where: { key.starts(with: $0.keyStart) }) else {
            throw try unknownTable(key)
        }
        if let value {
            try changelog.put(try parse(value))
        } else {
            try changelog.remove(try parse(key))
        }
    }

    private func unknownTable(_ key: ArraySlice<UInt8>) throws(StoreFailure) -> StoreFailure {
        guard let name = try parse(key).items.first(where: { _ in true })?.string() else {
            return malformed("the key does not start with a table")
        }
        return newer("table \(name) is not one of this program's")
    }

    private func parse(_ bytes: ArraySlice<UInt8>) throws(StoreFailure) -> JSONValue {
        do throws(JSONError) {
            try document.parse(Array(bytes), limits: TableChangelog.limits)
            return document.root
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
    /// A row is smaller than the largest message a broker takes. Whatever text a row may hold is read back: a record
    /// that cannot be read stops every restore for good.
    static let limits: JSONLimits = {
        var limits = JSONLimits.standard
        limits.bytes = 1 << 20
        limits.allowsNul = true
        return limits
    }()

    let table: TableShape
    private let name: [CChar]
    /// Of the keys of its records.
    let keyStart: [UInt8]
    let allColumns: [Int]
    private var insert: Statement
    private var delete: Statement

    init(_ table: TableShape, in connection: Connection) throws(StoreFailure) {
        self.table = table
        name = Array(table.name.utf8CString)
        keyStart = Array("[\"\(table.name)\",".utf8)
        allColumns = Array(table.columns.indices)
        let columns = table.columns.map(\.name).joined(separator: ", ")
        let parameters = table.columns.map { _ in "?" }.joined(separator: ", ")
        insert = try connection.prepare(
            "INSERT OR REPLACE INTO \(table.name) (\(columns)) VALUES (\(parameters))")
        delete = try connection.prepare("DELETE FROM \(table.name) WHERE \(table.keyCondition)")
    }

    // MARK: To the changelog

    func isOf(_ change: Change) -> Bool { change.isOf(name) }

    func append(_ value: ColumnValue?, _ column: Int, to text: inout [UInt8]) {
        guard let value, !value.isNull else { return text.appendNull() }
        switch table.columns[column].type {
        case .integer: text.appendNumber(value.integer)
        case .text: unsafe value.withBytes { unsafe text.appendText($0.span) }
        case .blob: unsafe value.withBytes { unsafe text.appendHexText(of: $0.span) }
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
        let parts = Array(key.items.dropFirst())
        guard parts.count == table.key.count else { throw malformed("a key of \(table.name) has too few parts") }
        for (column, value) in zip(table.key, parts) {
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
            statement.bind(utf8: value.stringBytes ?? [])
        case (.blob, .string):
            if let identifier = value.hex { return statement.bind(identifier) }
            guard let bytes = value.stringBytes.flatMap(bytesOfHex) else { throw malformed("a BLOB that is no hex") }
            statement.bind(blob: bytes)
        default: throw malformed("a value of \(table.name) has the wrong type")
        }
    }
}

private func bytesOfHex(_ digits: ArraySlice<UInt8>) -> [UInt8]? {
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digits.count / 2)
    for index in stride(from: digits.startIndex, to: digits.endIndex, by: 2) {
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
