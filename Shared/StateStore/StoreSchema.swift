// What a service's store looks like: its tables as numbered steps, and which of them the changelog
// carries. Written once per service, read by StateStore when it opens a file.

/// The tables of a service's store.
public struct StoreSchema: Sendable {
    /// SQL of version 1, 2, ...; a store is created with all of them. An older file is restored
    /// anew from the changelog.
    public let versions: [String]
    /// Tables whose rows go to the changelog. STRICT, with a declared primary key, columns INTEGER,
    /// TEXT or BLOB.
    public let changelogged: [String]

    public init(versions: [String], changelogged: [String]) {
        self.versions = versions
        self.changelogged = changelogged
    }

    /// What a file has to be of. Its first page may come from the write-ahead log, which knows nothing of the pages'
    /// checksums, so that a file whose pages have others is told by this number, not by the first page that is read.
    public var version: Int64 { Int64(versions.count) + PageChecksums.version }
}

/// One changelogged table as it is in the database.
struct TableShape {
    enum ColumnType: String { case integer = "INTEGER", text = "TEXT", blob = "BLOB" }

    let name: String
    let columns: [(name: String, type: ColumnType)]
    /// Columns of the primary key, in the key's order.
    let key: [Int]

    init(_ name: String, in connection: Connection) throws(StoreFailure) {
        var columns: [(String, ColumnType)] = []
        var key: [(order: Int64, column: Int)] = []
        var statement = try connection.prepare("PRAGMA table_info(\(name))")
        while try statement.next() {
            guard let type = ColumnType(rawValue: statement.text(2)) else {
                throw StoreFailure(
                    operation: "read schema", detail: "\(name).\(statement.text(1)) has type \(statement.text(2))",
                    consequence: .stop)
            }
            if statement.integer(5) > 0 { key.append((statement.integer(5), columns.count)) }
            columns.append((statement.text(1), type))
        }
        // As it was created, letter by letter: its changes are told by that name.
        let isThere = try connection.integer("SELECT count(*) FROM sqlite_schema WHERE name = '\(name)'") == 1
        guard isThere, !key.isEmpty else {
            throw StoreFailure(
                operation: "read schema", detail: "table \(name) is missing or has no primary key",
                consequence: .stop)
        }
        self.name = name
        self.columns = columns
        self.key = key.sorted { $0.order < $1.order }.map(\.column)
    }

    func isKey(_ column: String) -> Bool { key.contains { columns[$0].name == column } }

    var keyCondition: String {
        key.map { "\(columns[$0].name) = ?" }.joined(separator: " AND ")
    }
}
