// What went wrong in a step of a worker, and which page of the runbook it is if no retry mends it. Read by the
// worker alone.

import EventLog
import Primitives
import StateStore

/// What went wrong in a step.
enum WorkerFailure: Error, CustomStringConvertible {
    case log(LogFailure)
    case store(PartitionIndex, StoreFailure)
    case stop(WorkerStop)
    /// A record failed after it had changed rows, and cannot be undone alone. Never leaves the batch: it is undone
    /// and done again with savepoints.
    case needsSavepoints(PartitionIndex)

    var code: String {
        switch self {
        case .log(let failure): failure.code
        case .store(_, let failure): "sqlite-\(failure.code)"
        case .stop(let stop): stop.code.rawValue
        case .needsSavepoints: "needs-savepoints"
        }
    }

    var description: String {
        switch self {
        case .log(let failure): failure.description
        case .store(let partition, let failure): "partition \(partition): \(failure)"
        case .stop(let stop): stop.description
        case .needsSavepoints(let partition): "partition \(partition): a record cannot be undone alone"
        }
    }
}

func logging<Result>(_ body: () throws(LogFailure) -> Result) throws(WorkerFailure) -> Result {
    do throws(LogFailure) {
        return try body()
    } catch {
        throw .log(error)
    }
}

extension WorkerStop {
    /// For a failure of the log that no retry mends.
    public init(_ failure: LogFailure) {
        let code: StopCode =
            switch failure.cause {
            case .notAuthorised: .notAuthorised
            case .memberTaken: .memberTaken
            case .partitionCount: .partitionCount
            case .unreadableRecord: .recordUnreadable
            case .topicMissing: .topicMissing
            case .outOfRange: .offsetOutOfRange
            case .other: .clientRefused
            }
        self.init(code, failure.description)
    }

    /// For a failure of a store that no retry mends.
    init(_ failure: StoreFailure, _ partition: PartitionIndex) {
        let code: StopCode =
            switch failure.cause {
            case .newerProgram: .storeNewer
            case .unreadableRecord: .recordUnreadable
            case .locked: .storeLocked
            case .inaccessible, .heldUndone, .other: .storeUnusable
            }
        self.init(code, "partition \(partition): \(failure)")
    }
}
