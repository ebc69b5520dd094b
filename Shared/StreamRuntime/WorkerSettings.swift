// What a worker is given: who it is in its group, where its stores lie, and its bounds.

import EventLog
import Primitives
import StateStore

/// The settings of one worker.
public struct WorkerSettings: Sendable {
    /// Unique and stable over restarts, within the service: names the group member and the
    /// transactional producer.
    public var member: String
    /// How many the process has: by the records of all of them it is reckoned whether a crowd comes.
    public var workers: Int
    public var stores: StorePlace
    public var partitions: PartitionCount
    public var limits: BatchLimits
    /// From one batch to the next while many records come; what is left of it stands in for the linger of `limits`,
    /// unless that is longer.
    public var batchIntervalMilliseconds: Int
    /// How long the changelog keeps tombstones, in milliseconds; a store that slept half as long is wiped.
    public var tombstoneLife: Int64
    /// Where to go on in inputs whose position is of no use any more, as somebody decided who knows what was lost.
    /// Nothing to partitions whose position lies in the log.
    public var resumeAt: [TopicPartition: Offset]
    /// A store that lacks so many records is restored alone, after those that lack fewer: its pages then have the
    /// memory for themselves, and the first partitions run soon.
    public var restoredAlone: Int64
    /// So many rows a batch may change in a store, at least one, before it can only be undone with those before it
    /// that the file lacks.
    public var undoableRows: Int64

    public init(
        member: String, workers: Int = 1, stores: StorePlace, partitions: PartitionCount,
        limits: BatchLimits = BatchLimits(records: 2_000, bytes: 1 << 20, lingerMilliseconds: 2),
        batchIntervalMilliseconds: Int = 50,
        tombstoneLife: Int64 = 7 * 86_400_000, resumeAt: [TopicPartition: Offset] = [:],
        restoredAlone: Int64 = StateStore.filledRows, undoableRows: Int64 = StateStore.undoableRows
    ) {
        self.member = member
        self.workers = workers
        self.stores = stores
        self.partitions = partitions
        self.limits = limits
        self.batchIntervalMilliseconds = batchIntervalMilliseconds
        self.tombstoneLife = tombstoneLife
        self.resumeAt = resumeAt
        self.restoredAlone = restoredAlone
        self.undoableRows = undoableRows
    }

    func location(of partition: PartitionIndex) -> StoreLocation {
        switch stores {
        case .folder(let folder): .file(path: "\(folder)/partition-\(partition.number).sqlite")
        case .memory: .memory
        case .images(let image): .image(image(partition))
        }
    }
}

/// Where a worker's stores lie.
public enum StorePlace: Sendable {
    case folder(String)
    /// Each gone when its partition is given up.
    case memory
    /// On simulated disks.
    case images(@Sendable (PartitionIndex) -> StoreImage)
}
