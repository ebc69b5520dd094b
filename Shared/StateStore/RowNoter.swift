// Says which row of a changelogged table changes, while the row itself waits in GatheredRows: the changelog record is
// made from the values as they are given, instead of being read back from SQLite, which costs five times as much. For
// tables that nearly every event writes to; any statement will do for the others.

import Primitives

/// Notes one row after the other. Its life: `add` each column in the order of the table, then `note()`.
public struct RowNoter: ~Copyable {
    private var columns = 0
    private let isNew: Bool
    private let table: TableChangelog
    private let capture: ChangeCapture

    init(_ table: TableChangelog, isNew: Bool, _ capture: ChangeCapture) {
        self.isNew = isNew
        self.table = table
        self.capture = capture
    }

    // MARK: Columns, in the order of the table

    public mutating func add(_ value: Int64) {
        begin()
        capture.add { $0.appendNumber(value) }
    }

    public mutating func add(_ value: Int64?) {
        if let value { add(value) } else { addNull() }
    }

    public mutating func add(_ value: UInt128) {
        begin()
        capture.add { $0.appendIdentifier(value) }
    }

    public mutating func add(_ identifier: some Identifier) { add(identifier.value) }

    public mutating func add(_ value: String) {
        begin()
        capture.add { $0.appendText(value.utf8.span) }
    }

    public mutating func add(_ value: String?) {
        if let value { add(value) } else { addNull() }
    }

    public mutating func addNull() {
        begin()
        capture.add { $0.appendNull() }
    }

    private mutating func begin() {
        if columns == 0 { capture.beginRow() }
        columns += 1
    }

    /// The row is whole.
    ///
    /// - Throws: `.rebuild` if it has not as many columns as the table.
    public mutating func note() throws(StoreFailure) {
        columns = 0
        try capture.note(table, isNew: isNew)
    }
}

extension StateStore {
    /// For one of the tables that the changelog carries.
    ///
    /// - Parameter isNew: whether no row can have been there before.
    public func rowNoter(_ table: String, isNew: Bool) throws(StoreFailure) -> RowNoter {
        guard let changelog = changelogs.changelog(named: table) else {
            throw StoreFailure(
                operation: "make a row noter", detail: "\(table) is not on the changelog", consequence: .stop)
        }
        return RowNoter(changelog, isNew: isNew, capture)
    }
}
