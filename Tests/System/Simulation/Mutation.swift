// One safeguard left out of a run, to see whether the checks notice. Where it is left out is data, so that the
// list of them in the tests is a table.

import EventLog
import Messages
import Primitives
import SimulatedLog
import StateStore
@_spi(Simulation) import StreamRuntime

/// What a run leaves out.
public enum Mutation: Sendable {
    /// By the name of a worker's `Safeguard`.
    case worker(String)
    case cluster(ClusterSafeguard)
    /// A service forgets the rows that this SQL deletes, before each record.
    case forgetful(ServiceName, sql: String)
    /// A store's positions reach the disk with one commit, its rows with the next.
    case positionsFirst
    /// Damaged bytes on a disk go unnoticed.
    case uncheckedPages
}

extension ServiceTopology {
    /// The same service, whose processors run the SQL before each record.
    func forgetting(_ sql: String) -> ServiceTopology {
        let make = makeProcessor
        return ServiceTopology(
            service: service, inputs: inputs, outputs: outputs, histories: histories, schema: schema
        ) { store, partition throws(StoreFailure) in
            ForgetfulProcessor(try make(store, partition), store, sql)
        }
    }
}

private final class ForgetfulProcessor: PartitionProcessor {
    private let inner: any PartitionProcessor
    private let store: StateStore
    private let sql: String

    init(_ inner: any PartitionProcessor, _ store: StateStore, _ sql: String) {
        self.inner = inner
        self.store = store
        self.sql = sql
    }

    func process(_ record: Record, _ batch: BatchContext) throws(RecordFailure) {
        let (store, sql) = (store, sql)
        try storing { () throws(StoreFailure) in
            try store.writeGathered()
            try store.connection.execute(sql)
        }
        try inner.process(record, batch)
    }

    var nextPunctuation: Timestamp? { inner.nextPunctuation }
    var maximumWaitMilliseconds: Int? { inner.maximumWaitMilliseconds }
    func punctuate(_ batch: BatchContext) throws(RecordFailure) { try inner.punctuate(batch) }
    func deadLettered(_ record: Record, code: String, detail: String, _ batch: BatchContext) {
        inner.deadLettered(record, code: code, detail: detail, batch)
    }
    func restore(_ record: Record) throws(StoreFailure) { try inner.restore(record) }
    func batchCommitted() { inner.batchCommitted() }
    func recordUndone() { inner.recordUndone() }
    func batchUndone() { inner.batchUndone() }
    func close() { inner.close() }
}

/// The bytes of the commit before with the positions of this one.
@Sendable func positionsAhead(_ before: [UInt8]?, _ now: [UInt8]) -> [UInt8] {
    guard let before else { return now }
    do throws(StoreFailure) {
        return try StoreRows.replacing(["input_position", "log_position"], in: before, from: now)
    } catch {
        preconditionFailure("a store's own image can be read: \(error)")
    }
}
