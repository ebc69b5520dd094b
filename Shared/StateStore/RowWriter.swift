// Writes whole rows of one changelogged table, and says what it writes: the changelog record is made from the values as
// they are bound, instead of being read back from SQLite, which costs five times as much. For tables that nearly every
// event writes to; any statement will do for the others.

import CSQLite
import Primitives

/// A statement that writes one row of one table. Its life: `add` each column in the order of the table, then `put()`.
public struct RowWriter: ~Copyable {
    public enum Mode: Sendable {
        /// A row that is not there.
        case insert
        /// The columns outside the key of a row that is there.
        case update
        /// Whichever it is.
        case upsert
    }

    /// Nil for rows that are written later.
    private var statement: Statement?
    private var columns = 0
    private let isNew: Bool
    private let table: TableChangelog
    private let capture: ChangeCapture

    init(
        _ mode: Mode, _ table: TableChangelog, _ capture: ChangeCapture, in connection: Connection
    ) throws(StoreFailure) {
        statement = try connection.prepare(Self.sql(mode, table.table))
        isNew = mode == .insert
        self.table = table
        self.capture = capture
    }

    init(noting table: TableChangelog, isNew: Bool, _ capture: ChangeCapture) {
        statement = nil
        self.isNew = isNew
        self.table = table
        self.capture = capture
    }

    /// Parameters are numbered as the columns are.
    private static func sql(_ mode: Mode, _ table: TableShape) -> String {
        let names = table.columns.map(\.name)
        let others = names.indices.filter { !table.key.contains($0) }
        let insert = """
            INSERT INTO \(table.name) (\(names.joined(separator: ", ")))
            VALUES (\(names.indices.map { "?\($0 + 1)" }.joined(separator: ", ")))
            """
        switch mode {
        case .insert: return insert
        case .update:
            return """
                UPDATE \(table.name) SET \(others.map { "\(names[$0]) = ?\($0 + 1)" }.joined(separator: ", "))
                WHERE \(table.key.map { "\(names[$0]) = ?\($0 + 1)" }.joined(separator: " AND "))
                """
        case .upsert:
            return """
                \(insert) ON CONFLICT (\(table.key.map { names[$0] }.joined(separator: ", ")))
                DO UPDATE SET \(others.map { "\(names[$0]) = excluded.\(names[$0])" }.joined(separator: ", "))
                """
        }
    }

    // MARK: Columns, in the order of the table

    public mutating func add(_ value: Int64) {
        begin()
        statement?.bind(value)
        capture.add { $0.appendNumber(value) }
    }

    public mutating func add(_ value: Int64?) {
        if let value { add(value) } else { addNull() }
    }

    public mutating func add(_ value: UInt128) {
        begin()
        statement?.bind(value)
        capture.add { $0.appendIdentifier(value) }
    }

    public mutating func add(_ identifier: some Identifier) { add(identifier.value) }

    public mutating func add(_ value: String) {
        begin()
        statement?.bind(value)
        capture.add { $0.appendText(value.utf8.span) }
    }

    public mutating func add(_ value: String?) {
        if let value { add(value) } else { addNull() }
    }

    public mutating func addNull() {
        begin()
        statement?.bindNull()
        capture.add { $0.appendNull() }
    }

    private mutating func begin() {
        if columns == 0 { capture.beginRow() }
        columns += 1
    }

    /// Writes the row.
    ///
    /// - Throws: `.rejectRecord` if the schema refuses it; `.rebuild` if not exactly one row was written, because the
    ///   rows are not what the caller takes them for.
    public mutating func put() throws(StoreFailure) {
        columns = 0
        guard statement != nil else { return try capture.note(table, isNew: isNew) }
        try capture.write(table) { () throws(StoreFailure) in try statement?.run() }
    }
}

extension StateStore {
    /// A writer of one of the tables that the changelog carries.
    public func rowWriter(_ mode: RowWriter.Mode, _ table: String) throws(StoreFailure) -> RowWriter {
        try RowWriter(mode, try changelog(of: table), capture, in: connection)
    }

    /// A writer that only says what ``GatheredRows`` write later.
    ///
    /// - Parameter isNew: whether no row can have been there before.
    public func rowNoter(_ table: String, isNew: Bool) throws(StoreFailure) -> RowWriter {
        RowWriter(noting: try changelog(of: table), isNew: isNew, capture)
    }

    private func changelog(of table: String) throws(StoreFailure) -> TableChangelog {
        guard let changelog = changelogs.changelog(named: table) else {
            throw StoreFailure(
                operation: "make a row writer", detail: "\(table) is not on the changelog", consequence: .stop)
        }
        return changelog
    }
}
