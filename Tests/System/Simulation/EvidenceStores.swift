// Reads a store's rows as evidence. Used by whoever collects the evidence of a run.

import Messages
import Primitives
import StateStore

extension StoreContents {
    /// Every table of the service's own; numbers decimal, blobs lower-case hex.
    public init(
        of service: ServiceName, _ partition: PartitionIndex, in connection: Connection
    ) throws(StoreFailure) {
        var names: [String] = []
        var list = try connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        while try list.next() { names.append(list.text(0)) }
        var tables: [String: [[String: String?]]] = [:]
        for name in names { tables[name] = try Self.rows(of: name, in: connection) }
        self.init(service: service, partition: partition, tables: tables)
    }

    private static func rows(
        of table: String, in connection: Connection
    ) throws(StoreFailure) -> [[String: String?]] {
        var columns: [String] = []
        var shape = try connection.prepare("SELECT name FROM pragma_table_info('\(table)')")
        while try shape.next() { columns.append(shape.text(0)) }
        let values = columns.map { "iif(typeof(\($0)) = 'blob', lower(hex(\($0))), CAST(\($0) AS TEXT))" }
        let order = columns.indices.map { String($0 + 1) }.joined(separator: ", ")
        var select = try connection.prepare(
            "SELECT \(values.joined(separator: ", ")) FROM \(table) ORDER BY \(order)")
        var rows: [[String: String?]] = []
        while try select.next() {
            var row: [String: String?] = [:]
            for (index, column) in columns.enumerated() {
                row.updateValue(select.textOrNil(Int32(index)), forKey: column)
            }
            rows.append(row)
        }
        return rows
    }
}
