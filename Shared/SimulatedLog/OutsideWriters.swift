// Producers that are not workers: upstream systems that append without transactions, and transactional ones
// that a test opens and ends step by step, in order to stall readers or to leave something hanging.

import EventLog
import Primitives

extension SimulatedCluster {
    /// Appends without a transaction: visible as soon as no older transaction is open in the partition.
    @discardableResult
    public func append(
        topic: String, partition: PartitionIndex, key: [UInt8]?, headers: [SimulatedRecord.Header] = [],
        value: [UInt8]?
    ) throws(LogFailure) -> Offset {
        try locked { state throws(LogFailure) in
            let slot = try state.slot(topic, partition)
            return try state.append(to: slot, key: key, headers: headers, value: value, in: nil)
        }
    }

    /// Appends in the open transaction of an outside producer, which is begun if there is none. It times out
    /// as any other; a worker's producer that initialises with the same id aborts it.
    @discardableResult
    public func appendOpen(
        transactionalID id: String, topic: String, partition: PartitionIndex, key: [UInt8]?,
        headers: [SimulatedRecord.Header] = [], value: [UInt8]?
    ) throws(LogFailure) -> Offset {
        try locked { state throws(LogFailure) in
            let slot = try state.slot(topic, partition)
            if state.transactionalIDs[id]?.openTransaction == nil { state.begin(id) }
            return try state.write(to: slot, key: key, headers: headers, value: value, by: id)
        }
    }

    /// Ends the open transaction of an outside producer, or of a worker that hangs; nothing if there is none.
    public func endTransaction(transactionalID id: String, committed: Bool) {
        locked { $0.end(id, committed: committed) }
    }
}
