// Reads the rows of a store's image, whatever its schema. For evidence, and for comparing stores.

import EventLog
import Primitives
import StateStore

public enum StoreRows {
    /// Every table's rows as text, sorted; empty if the image is.
    static func contents(of image: StoreImage) throws(StoreFailure) -> [String: [[String: String?]]] {
        guard let bytes = image.bytes else { return [:] }
        return try contents(of: Connection(.image(StoreImage(bytes))))
    }

    public static func contents(of connection: Connection) throws(StoreFailure) -> [String: [[String: String?]]] {
        var tables: [String: [[String: String?]]] = [:]
        for table in try names(in: connection) { tables[table] = try rows(of: table, in: connection) }
        return tables
    }

    static func names(in connection: Connection) throws(StoreFailure) -> [String] {
        var list = try connection.prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
        var names: [String] = []
        while try list.next() { names.append(list.text(0)) }
        return names
    }

    private static func columns(of table: String, in connection: Connection) throws(StoreFailure) -> [String] {
        var info = try connection.prepare("PRAGMA table_info(\(table))")
        var columns: [String] = []
        while try info.next() { columns.append(info.text(1)) }
        return columns
    }

    private static func rows(of table: String, in connection: Connection) throws(StoreFailure) -> [[String: String?]] {
        let columns = try columns(of: table, in: connection)
        // BLOBs as hex digits, everything as text; sorted by all columns, so that two stores compare.
        let list = columns.map { "CASE typeof(\($0)) WHEN 'blob' THEN lower(hex(\($0))) ELSE CAST(\($0) AS TEXT) END" }
        let order = (1...columns.count).map(String.init).joined(separator: ", ")
        var select = try connection.prepare("SELECT \(list.joined(separator: ", ")) FROM \(table) ORDER BY \(order)")
        var rows: [[String: String?]] = []
        while try select.next() {
            var row: [String: String?] = [:]
            for (index, column) in columns.enumerated() {
                row[column] = .some(select.isNull(Int32(index)) ? nil : select.text(Int32(index)))
            }
            rows.append(row)
        }
        return rows
    }

    /// `target` with the rows of these tables as `source` has them.
    static func replacing(
        _ tables: [String], in target: [UInt8], from source: [UInt8]
    ) throws(StoreFailure) -> [UInt8] {
        let (old, new) = (try Connection(.image(StoreImage(target))), try Connection(.image(StoreImage(source))))
        for table in tables {
            try old.execute("DELETE FROM \(table)")
            for row in try rows(of: table, in: new) {
                let columns = row.keys.sorted()
                let values = columns.map { column in (row[column] ?? nil).map { "'\($0)'" } ?? "NULL" }
                    .joined(separator: ", ")
                try old.execute("INSERT INTO \(table) (\(columns.joined(separator: ", "))) VALUES (\(values))")
            }
        }
        return try old.serialized()
    }
}
