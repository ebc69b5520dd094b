// The statements that begin and end transactions and the marks within them, prepared once: they run for every batch.

/// A transaction holds batches, a batch holds records; the marks are SQLite's savepoints.
final class TransactionSteps {
    var begin: Statement
    var commit: Statement
    var rollback: Statement
    var markBatch: Statement
    var releaseBatch: Statement
    var undoBatch: Statement
    var markRecord: Statement
    var releaseRecord: Statement
    var undoRecord: Statement

    init(_ connection: Connection) throws(StoreFailure) {
        begin = try connection.prepare("BEGIN IMMEDIATE")
        commit = try connection.prepare("COMMIT")
        rollback = try connection.prepare("ROLLBACK")
        markBatch = try connection.prepare("SAVEPOINT batch")
        releaseBatch = try connection.prepare("RELEASE batch")
        undoBatch = try connection.prepare("ROLLBACK TO batch")
        markRecord = try connection.prepare("SAVEPOINT record")
        releaseRecord = try connection.prepare("RELEASE record")
        undoRecord = try connection.prepare("ROLLBACK TO record")
    }
}
