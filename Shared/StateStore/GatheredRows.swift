// Rows of a table whose keys come in no order: kept in memory, and written in the order of the keys when the store
// writes what it holds. A page of the table is then read and written once for all of its rows. Written as they come,
// they touch more pages than a store keeps: a page was read for nearly every row, and given up half changed; changed a
// second time, it is written over its first frame in the write-ahead log, and the commit reads every frame behind that
// anew for its checksum. A program asks here first for what it seeks in such a table.

/// A row that can wait.
public protocol GatheredRow {
    /// What waiting rows are sought by: the key of the table, or its first column.
    associatedtype Sought: Hashable

    var sought: Sought { get }
    var place: RowPlace { get }

    /// Binds what the statement inserts.
    func bind(to insert: inout Statement)
}

/// Where a row lies among the others of its table, as far as it matters for the pages. Numbers rather than a comparison
/// by the row itself: sorting is compiled here, where the type of the row is not known. Rows that were compared through
/// their witnesses took 8.6 of 100 samples of the ledger's thread.
public struct RowPlace: Equatable {
    fileprivate let day: Int64
    fileprivate let id: UInt128
    fileprivate let number: Int64

    /// By day where the table is kept by days, then by id, then by number where an id has several rows.
    public init(day: Int64 = 0, _ id: UInt128, _ number: Int64 = 0) {
        self.day = day
        self.id = id
        self.number = number
    }
}

/// A waiting row's turn to be written. Outside of the generic type, so that sorting is compiled for it.
private struct Turn: Comparable {
    let place: RowPlace
    let index: Int

    /// Of equal places the one that came first is written first.
    static func < (left: Self, right: Self) -> Bool {
        if left.place.day != right.place.day { return left.place.day < right.place.day }
        if left.place.id != right.place.id { return left.place.id < right.place.id }
        if left.place.number != right.place.number { return left.place.number < right.place.number }
        return left.index < right.index
    }
}

/// The waiting rows of one table. Undone with the record or the batch that added them.
public final class GatheredRows<Row: GatheredRow> {
    /// Rows of a store are held until there are twelve thousand; only one that is filled from the log comes here. A
    /// memory of some megabytes, and several rows for each page of the ledger's store for 125,000 wallets.
    private static var maximumRows: Int { 16_000 }

    private var insert: Statement
    private let capture: ChangeCapture
    private let gathering: Gathering
    private let passOver: PassOver?
    private var rows: [Row] = []
    /// So many of them are in SQLite's transaction. They are kept until their batch ends, since undoing it takes out
    /// those of earlier ones, too.
    private var written = 0
    /// The newest waiting row for what is sought.
    private var newest: [Row.Sought: Int] = [:]
    private var batchMark = Mark()
    private var recordMark = Mark()

    private struct Mark {
        var count = 0
        var written = 0
    }

    public typealias PassOver = (Row) throws(StoreFailure) -> Void

    fileprivate init(_ sql: String, _ store: StateStore, _ passOver: PassOver?) throws(StoreFailure) {
        self.passOver = passOver
        insert = try store.connection.prepare(sql)
        capture = store.capture
        gathering = store.gathering
    }

    /// Adds a row that its statement can write behind those that are there, waiting or in the table: a new one, or the
    /// newest values of one. What the schema would refuse is refused by the caller: once the row is written, the log
    /// has its batch, and the store is no copy of it.
    public func add(_ row: Row) throws(StoreFailure) {
        if rows.count - written >= Self.maximumRows { try write() }
        newest[row.sought] = rows.count
        rows.append(row)
        gathering.waiting += 1
    }

    /// The rows that wait, in the order in which they came.
    public var waiting: ArraySlice<Row> { rows[written...] }

    /// The newest of the rows that wait and are sought by that.
    public func newestWaiting(_ sought: Row.Sought) -> Row? { newest[sought].map { rows[$0] } }

    /// Writes the rows that wait, so that the table can be read.
    ///
    /// - Throws: whatever it is, the batch at hand is to be undone; outside of one, the store is to be opened anew.
    public func write() throws(StoreFailure) {
        guard written < rows.count else { return }
        let turns = (written..<rows.count).map { Turn(place: rows[$0].place, index: $0) }.sorted()
        written = rows.count
        newest.removeAll(keepingCapacity: true)
        // Until all are written. Whoever asks here a second time finds nothing that waits.
        let wasTorn = gathering.isTorn
        gathering.isTorn = true
        // The changelog was told when they were added.
        try capture.withoutNoting { () throws(StoreFailure) in
            for turn in turns {
                let row = rows[turn.index]
                row.bind(to: &insert)
                do throws(StoreFailure) {
                    try insert.run()
                    if let passOver, insert.changedRows == 0 { try passOver(row) }
                } catch {
                    guard error.consequence == .rejectRecord else { throw error }
                    throw StoreFailure(
                        operation: error.operation, code: error.code, detail: error.detail, consequence: .rebuild)
                }
            }
        }
        gathering.waiting -= Int64(turns.count)
        gathering.isTorn = wasTorn
    }

    private func undo(to mark: Mark) {
        gathering.waiting += Int64(min(written, mark.count) - mark.written)
        rows.removeLast(rows.count - mark.count)
        written = mark.written
        newest.removeAll(keepingCapacity: true)
        for index in written..<rows.count { newest[rows[index].sought] = index }
    }
}

/// Of all gatherers of a store.
final class Gathering {
    /// Rows. Undone ones count, as SQLite counts them.
    var waiting: Int64 = 0
    /// Some of the rows that a gatherer was writing are in SQLite's transaction, if that is still open, and others are
    /// nowhere.
    var isTorn = false
}

/// What a store tells its gatherers.
protocol RowGatherer: AnyObject {
    /// All is in SQLite's transaction, and that has ended.
    func batchesWritten()
    func beginBatch()
    func beginRecord()
    func undoRecord()
    func undoBatch()
    func write() throws(StoreFailure)
}

extension GatheredRows: RowGatherer {
    func beginBatch() {
        if written > 0 {
            rows.removeFirst(written)
            written = 0
            newest.removeAll(keepingCapacity: true)
            for index in rows.indices { newest[rows[index].sought] = index }
        }
        batchMark = Mark(count: rows.count)
    }

    /// Its room is given back: stores are written in turn, and few are full at once.
    func batchesWritten() { (rows, written, newest) = ([], 0, [:]) }

    func beginRecord() { recordMark = Mark(count: rows.count, written: written) }
    func undoRecord() { undo(to: recordMark) }
    func undoBatch() { undo(to: batchMark) }
}

extension StateStore {
    /// A place for new rows of one table to wait in.
    ///
    /// - Parameters:
    ///   - insert: the statement that writes a row of them.
    ///   - passOver: called with a row for which the statement changed nothing.
    public func gatherRows<Row: GatheredRow>(
        _: Row.Type, _ insert: String, passOver: GatheredRows<Row>.PassOver? = nil
    ) throws(StoreFailure) -> GatheredRows<Row> {
        let rows = try GatheredRows<Row>(insert, self, passOver)
        gatherers.append(rows)
        return rows
    }
}
