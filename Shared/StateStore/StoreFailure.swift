// What went wrong with a store, and what it means for the worker, which acts on the consequence alone.

/// An operational failure of a store.
public struct StoreFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// What the worker has to do.
    public enum Consequence: Sendable, Equatable {
        /// The record that was being processed violates the schema: undo it and dead-letter it.
        case rejectRecord
        /// The file cannot be trusted or read any more: wipe it and restore it from the changelog.
        case rebuild
        /// Disk full, memory short, file locked: undo the batch and try again after a pause.
        case retry
        /// The code and the file do not fit each other; no retry mends it.
        case stop
    }

    /// What lies behind a failure, where a runbook has a page for it.
    public enum Cause: Sendable, Equatable {
        case other
        /// The file or a changelog record was written by a newer program.
        case newerProgram
        /// A changelog record is none that any program wrote.
        case unreadableRecord
        /// Another program holds the file.
        case locked
        /// The file or its folder cannot be opened or written: rights, a missing folder, a read-only disk.
        case inaccessible
        /// A batch was undone together with those that the file lacked: the log has them.
        case heldUndone
    }

    /// The statement or the step, for example `INSERT INTO lot ...`.
    public let operation: String
    /// SQLite's extended result code, or 0 where the failure is our own finding.
    public let code: Int32
    public let detail: String
    public let consequence: Consequence
    public let cause: Cause

    public init(
        operation: String, code: Int32 = 0, detail: String, consequence: Consequence, cause: Cause = .other
    ) {
        self.operation = operation
        self.code = code
        self.detail = detail
        self.consequence = consequence
        self.cause = cause
    }

    /// A failure to put a record back, with the record's place. One that the schema refuses is no row of ours.
    public func restoring(_ place: String) -> StoreFailure {
        let isRefused = consequence == .rejectRecord
        return StoreFailure(
            operation: "\(place): \(operation)", code: code, detail: detail,
            consequence: isRefused ? .stop : consequence, cause: isRefused ? .unreadableRecord : cause)
    }

    public var description: String { "\(operation): \(detail) (\(code))" }
}
