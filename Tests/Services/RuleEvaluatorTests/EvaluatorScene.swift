// A running evaluator over the simulated log, with what goes in and what comes out in the words of the tests.

import Configuration
import EventLog
import Foundation
import JSONText
import Messages
import Primitives
import RuleEvaluatorService
import ServiceRig
import SimulatedLog
import StreamRuntime
import Testing

/// One evaluator, its inputs and its outputs.
final class EvaluatorScene {
    typealias Headers = [(name: String, value: String)]

    let rig: ServiceRig
    private let folder: TemporaryFolder?
    private let limits: BatchLimits
    private(set) var running: ServiceRig.RunningWorker?

    /// - Parameter inFiles: stores are files that outlive a worker.
    init(inFiles: Bool = false, partitions: Int32 = 2, recordsPerBatch: Int = 200) throws {
        rig = ServiceRig(partitions: partitions)
        folder = inFiles ? try TemporaryFolder() : nil
        limits = BatchLimits(records: recordsPerBatch, bytes: 1 << 20, lingerMilliseconds: 0)
    }

    func start() {
        running = rig.start(
            ruleEvaluatorTopology(registry: rig.registry), folder: folder?.path, limits: limits)
    }

    func crash() {
        if let running { rig.kill(running) }
        running = nil
    }

    /// Throws the stores' files away.
    func loseDisk() throws { try folder?.empty() }

    // MARK: In

    func wallet(_ externalID: String) -> WalletID {
        WalletID(programme: "pointstream", externalID: externalID)
    }

    func event(_ key: String) -> EventID { EventID(source: "till", idempotencyKey: Array(key.utf8)) }

    func offer(_ id: String, _ rest: String) throws {
        try rig.configure(
            "offer", id, #"{"kind":"offer","id":"\#(id)","name":"\#(id)","eventTypes":["purchase"],\#(rest)}"#
        )
    }

    func openWallet(_ externalID: String) throws {
        let id = EventID(source: "wallets", idempotencyKey: Array(externalID.utf8)).description
        try send(.walletOpen, id: id, to: externalID, body: #"{"externalId":"\#(externalID)"}"#)
    }

    func send(
        _ type: MessageType, id: String, to externalID: String, _ extra: Headers = [], body: String? = "{}"
    ) throws {
        let headers = [("ce_id", id), ("ce_source", "till"), ("ce_type", type.rawValue)] + extra
        try rig.append(
            .customerEvents, key: wallet(externalID).hex, headers: headers, value: body.map { Array($0.utf8) }
        )
    }

    func buy(_ key: String, _ purchase: Purchase, _ extra: Headers = []) throws {
        let id = event(key).description
        try send(.purchase, id: id, to: purchase.externalID, extra, body: body(purchase))
    }

    func body(_ purchase: Purchase) -> String {
        var writer = JSONWriter()
        purchase.encode(to: &writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// Appends everything that `customer-events` holds once more, as a replay from offset 0 does.
    func replay() throws {
        for record in try rig.records(of: .customerEvents) {
            let headers = record.headers.map {
                (
                    name: String(decoding: $0.name, as: UTF8.self),
                    value: String(decoding: $0.value, as: UTF8.self)
                )
            }
            try rig.append(.customerEvents, key: record.key, headers: headers, value: record.value)
        }
    }

    // MARK: Out

    /// Records for the ledger of one type, partition after partition.
    func commands(_ type: MessageType) throws -> [SimulatedRecord] {
        try rig.records(of: .walletCommands).filter { $0.headerText("ce_type") == type.rawValue }
    }

    func awards() throws -> [AwardCommand] {
        try commands(.award).map { try AwardCommand.decode(try #require($0.value)) }
    }

    func evaluations() throws -> [Evaluation] {
        try rig.records(of: .evaluations).map { try Evaluation.decode(try #require($0.value)) }
    }

    func evaluation(_ key: String) throws -> Evaluation {
        let found = try evaluations().filter { $0.event == event(key) }
        #expect(found.count == 1, "one evaluation of \(key)")
        return try #require(found.first)
    }

    func award(_ key: String) throws -> AwardCommand {
        let found = try awards().filter { $0.event == event(key) }
        #expect(found.count == 1, "one award command for \(key)")
        return try #require(found.first)
    }

    func deadLetterReasons() throws -> [String] {
        try rig.records(of: .deadLetters(of: .ruleEvaluator)).compactMap {
            $0.headerText("dead-letter-reason")
        }
    }

    /// Keys of the rows that a reader of the changelog has after all of it.
    func changelogRows(of table: String) throws -> Set<String> {
        var rows: Set<String> = []
        for record in try rig.records(of: .changelog(of: .ruleEvaluator)) {
            guard let key = record.keyText, key.hasPrefix(#"["\#(table)""#) else { continue }
            if record.value == nil { rows.remove(key) } else { rows.insert(key) }
        }
        return rows
    }
}

/// A folder that is gone with its owner.
final class TemporaryFolder {
    private let url: URL
    var path: String { url.path }

    init() throws {
        let manager = FileManager.default
        url = try manager.url(
            for: .itemReplacementDirectory, in: .userDomainMask, appropriateFor: manager.temporaryDirectory,
            create: true)
    }

    func empty() throws {
        let files = try FileManager.default.contentsOfDirectory(at: url, includingPropertiesForKeys: nil)
        #expect(!files.isEmpty, "there are files to lose")
        for file in files { try FileManager.default.removeItem(at: file) }
    }

    deinit {
        do {
            try FileManager.default.removeItem(at: url)
        } catch {
            Issue.record("\(url.path) stays behind: \(error)")
        }
    }
}
