// Compaction on demand. As Kafka's cleaner it stops at the last stable offset and drops aborted records;
// unlike it, it cleans the whole log at once and lets a tombstone or marker go by the record's own age, which
// is never later.

import EventLog
import Primitives

extension PartitionLog {
    /// Keeps the last record of each key before the last stable offset.
    ///
    /// - Parameter age: tombstones and markers at least this old go too, in milliseconds.
    mutating func compact(tombstonesOlderThan age: Int64, at now: Timestamp) {
        var newest: [[UInt8]: Offset] = [:]
        for entry in entries where entry.offset < stableEnd && entry.standing == .committed {
            if case .record(let record) = entry.body, let key = record.key { newest[key] = record.offset }
        }
        retain { entry in
            let isOld = entry.timestamp.adding(milliseconds: age) <= now
            switch entry.body {
            case .marker: return !isOld
            case .record(let record):
                guard entry.standing == .committed else { return false }
                guard let key = record.key, newest[key] == record.offset else { return false }
                return record.value != nil || !isOld
            }
        }
    }
}
