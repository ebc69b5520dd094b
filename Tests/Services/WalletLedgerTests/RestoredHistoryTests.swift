import EventLog
import Messages
import Primitives
import StateStore
import Testing

@testable import WalletLedgerService

/// The history as it is put back from wallet-transactions: what comes twice is there once, and what contradicts the
/// rest ends the service instead of being dropped.
@Suite("Restored history")
struct RestoredHistoryTests {
    private let store: StateStore
    private let rows: HistoryRows

    init() throws {
        store = try StateStore(.memory, schema: walletLedgerTopology().schema)
        rows = try HistoryRows(store)
    }

    private func restore(_ sequences: ClosedRange<Int64>) throws {
        for sequence in sequences { try restore(UInt128(sequence), sequence) }
    }

    private func restore(_ id: UInt128, _ sequence: Int64, _ body: String? = nil) throws {
        let text = body ?? "\(id)"
        let offset = Offset(1_000 + sequence)
        try rows.insertRestored(MessageID(id), WalletID(1), sequence, Array(text.utf8), from: offset)
    }

    private func sequences() throws -> [Int64] {
        try rows.page(of: WalletID(1), before: .max, limit: 100).map(\.sequence)
    }

    @Test func `a transaction that was published twice is restored once`() throws {
        try restore(1...40)
        try restore(31...40)
        try store.writeGathered()
        try restore(33...50)
        #expect(try rows.body(of: MessageID(33)) == Array("33".utf8))
        #expect(try sequences() == (1...50).reversed())
        try store.writeGathered()
        #expect(try store.connection.integer("SELECT count(*) FROM wallet_transaction") == 50)
        #expect(try store.connection.integer("SELECT count(*) FROM transaction_number") == 50)
        for sequence in 1...50 as ClosedRange<UInt128> {
            #expect(try rows.body(of: MessageID(sequence)) == Array("\(sequence)".utf8))
        }
        // And on it goes where the history ends.
        try rows.insert(MessageID(51), WalletID(1), 51, [])
        #expect(try rows.page(of: WalletID(1), before: .max, limit: 1).map(\.sequence) == [51])
    }

    @Test(arguments: [false, true])
    func `a history that contradicts itself is not restored in silence`(isWritten: Bool) throws {
        for (id, sequence, body) in [
            (7, 7, "another body"), (7, 41, "another place"), (100, 7, "another id"), (100, 40, "another newest"),
        ] as [(UInt128, Int64, String)] {
            let world = try RestoredHistoryTests()
            try world.restore(1...40)
            if isWritten { try world.store.writeGathered() }
            try world.restore(id, sequence, body)
            let failure = #expect(throws: StoreFailure.self, "\(body)") { try world.store.writeGathered() }
            #expect(failure?.consequence == .stop && failure?.cause == .unreadableRecord, "\(body)")
            #expect(failure?.operation == "restore wallet-transactions at \(1_000 + sequence)", "\(body)")
        }
    }

    @Test func `what was carried out is never taken for a repeat of what was restored`() throws {
        try restore(1...3)
        try store.writeGathered()
        // As a decision that had not looked for the id would.
        #expect(try rows.body(of: MessageID(9)) == nil)
        try rows.insert(MessageID(9), WalletID(1), 4, [])
        try store.connection.execute(
            "INSERT INTO transaction_number VALUES (x'\(String(repeating: "0", count: 31))9', 1)")
        let failure = #expect(throws: StoreFailure.self) { try store.writeGathered() }
        #expect(failure?.consequence == .rebuild)
    }
}
