// A service as small as can be, to test the runtime with: counts records per key in its store and
// writes each new count. What it has written shows at once whether a record was lost, doubled or
// counted on a wrong store.

import EventLog
import Messages
import Primitives
import StateStore
import StreamRuntime
import Synchronization

/// Lets the nth, 2nth, ... record fail as if the disk were full, so many times.
final class FullDisk: Sendable {
    private let every: Int
    private let state: Mutex<(seen: Int, left: Int)>

    init(every: Int, times: Int) {
        self.every = every
        state = Mutex((0, times))
    }

    func strikes() -> Bool {
        state.withLock { state in
            state.seen += 1
            guard state.left > 0, state.seen.isMultiple(of: every) else { return false }
            state.left -= 1
            return true
        }
    }
}

func countingTopology(schema versions: Int = 1, disk: FullDisk? = nil) -> ServiceTopology {
    let table = """
        CREATE TABLE tally (name TEXT PRIMARY KEY NOT NULL, count INTEGER NOT NULL CHECK (count < 1000)) STRICT
        """
    let later = (1..<max(1, versions)).map { "CREATE TABLE later_\($0) (id INTEGER PRIMARY KEY) STRICT" }
    return ServiceTopology(
        service: .ruleEvaluator, inputs: [.customerEvents], outputs: [.walletCommands], histories: [],
        schema: StoreSchema(versions: [table] + later, changelogged: ["tally"])
    ) { store, partition throws(StoreFailure) in
        try CountingProcessor(store, partition, disk)
    }
}

final class CountingProcessor: PartitionProcessor {
    private let partition: PartitionIndex
    private var select: Statement
    private var upsert: Statement
    /// A key `timer` asks for a punctuation at once.
    private var timerIsDue = false
    private let disk: FullDisk?
    private let connection: Connection

    init(_ store: StateStore, _ partition: PartitionIndex, _ disk: FullDisk?) throws(StoreFailure) {
        self.disk = disk
        connection = store.connection
        self.partition = partition
        select = try store.connection.prepare("SELECT count FROM tally WHERE name = ?")
        upsert = try store.connection.prepare("INSERT OR REPLACE INTO tally (name, count) VALUES (?, ?)")
    }

    var nextPunctuation: Timestamp? { timerIsDue ? .zero : nil }

    func process(_ record: Record, _ batch: BatchContext) throws(RecordFailure) {
        guard let key = record.key.map({ String(decoding: $0, as: UTF8.self) }) else {
            throw .unprocessable(code: "no-key", detail: "a record needs a key")
        }
        if key == "ignored" { return }
        if key == "timer" {
            timerIsDue = true
            return
        }
        if disk?.strikes() ?? false {
            throw .store(StoreFailure(operation: "count", detail: "disk is full", consequence: .retry))
        }
        if key == "breaks-the-store" {
            throw .store(StoreFailure(operation: "count", detail: "a row is missing", consequence: .rebuild))
        }
        try count(key, batch, by: key == "too-many" ? 1_000 : 1)
        if key == "huge" {
            batch.output.append(to: TopicPartition(.walletCommands, partition), key: Array(key.utf8))
            batch.output.setValue([UInt8](repeating: 0x30, count: 1_000_000))
        }
        if key == "breaks-the-mark" {
            try storing { () throws(StoreFailure) in try connection.execute("RELEASE batch") }
            throw .unprocessable(code: "poison", detail: "cannot be undone either")
        }
        // After the row and the output were written, so that both have to vanish again.
        if key == "poison" { throw .unprocessable(code: "poison", detail: "cannot be counted") }
    }

    func punctuate(_ batch: BatchContext) throws(RecordFailure) {
        timerIsDue = false
        try count("punctuated", batch, by: 1)
    }

    private func count(_ key: String, _ batch: BatchContext, by step: Int64) throws(RecordFailure) {
        let next = try storing { () throws(StoreFailure) in
            select.bind(key)
            let count = try select.next() ? select.integer(0) : 0
            select.reset()
            upsert.bind(key)
            upsert.bind(count + step)
            try upsert.run()
            return count + step
        }
        batch.output.append(to: TopicPartition(.walletCommands, partition), key: Array(key.utf8))
        batch.output.addHeader("configuration", String(batch.configuration.version))
        batch.output.setValue(Array(String(next).utf8))
    }
}
