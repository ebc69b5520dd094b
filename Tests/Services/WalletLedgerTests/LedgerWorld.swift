// A ledger over the simulated log, as tests hold it: send what the evaluator and the issuer send, ask what
// the gateway asks, look at the topics and, once the worker has stopped, at the store's own rows.

import Configuration
import EventLog
import Foundation
import JSONText
import Messages
import Primitives
import ServiceRig
import SimulatedLog
import StateStore
import Testing

@testable import WalletLedgerService

final class LedgerWorld {
    struct Answer {
        var outcome: String
        var isReplayed: Bool
        var body: JSONValue
    }

    static let minute: Int64 = 60_000
    static let day = Timestamp.millisecondsPerDay

    let rig: ServiceRig
    private(set) var running: ServiceRig.RunningWorker?
    private var folder = ""
    private var correlation: UInt64 = 0

    init(partitions: Int32 = 2) throws {
        rig = ServiceRig(partitions: partitions)
        let process = ProcessInfo.processInfo.processIdentifier
        let name = "ledger-\(process)-\(UInt(bitPattern: ObjectIdentifier(self).hashValue))"
        folder = FileManager.default.temporaryDirectory.appendingPathComponent(name).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        start()
        rig.settle()
    }

    deinit {
        stop()
        do {
            try FileManager.default.removeItem(atPath: folder)
        } catch {
            print("left behind: \(folder): \(error)")
        }
    }

    var now: Timestamp { rig.clock.now() }

    // MARK: The worker

    /// - Parameter restoredAlone: from so many records on that it lacks, a store is restored by itself.
    func start(restoredAlone: Int64 = .max) {
        running = rig.start(walletLedgerTopology(), folder: folder, restoredAlone: restoredAlone)
    }

    /// Gives the partitions up in order.
    func stop() {
        if let running { rig.close(running) }
        crash()
    }

    /// Ends the worker as a crash does.
    func crash() {
        if let running { rig.kill(running) }
        running = nil
    }

    func path(of partition: PartitionIndex) -> String { "\(folder)/partition-\(partition.number).sqlite" }

    func loseStores() throws {
        for partition in rig.partitions.all { try StateStore.wipe(.file(path: path(of: partition))) }
    }

    // MARK: Commands

    static func wallet(_ customer: String) -> WalletID {
        WalletID(programme: "pointstream", externalID: customer)
    }

    static func event(_ key: String) -> EventID { EventID(source: "shop", idempotencyKey: Array(key.utf8)) }

    /// Appends a command or a question to its wallet's partition.
    ///
    /// - Parameter header: its external id in the envelope, if that is not the customer's.
    func send(
        _ type: MessageType, _ id: MessageID, _ customer: String, header: String? = nil, correlation: UInt64? = nil,
        _ encode: (inout JSONWriter) -> Void
    ) throws {
        var writer = JSONWriter()
        encode(&writer)
        var headers: [(name: String, value: String)] = [
            ("ce_specversion", "1.0"), ("ce_id", id.description), ("ce_source", "test"),
            ("ce_type", type.rawValue),
            ("external-id", header ?? customer),
        ]
        if let correlation {
            headers += [
                ("reply-partition", String(rig.partitions.number - 1)),
                ("correlation-id", String(correlation, radix: 16)),
            ]
        }
        try rig.append(.walletCommands, key: Self.wallet(customer).hex, headers: headers, value: writer.bytes)
    }

    func award(
        _ key: String, to customer: String = "ann", _ lines: [AwardCommand.Line], opens: Bool = true,
        reason: AwardCommand.Reason? = nil
    ) throws {
        let command = AwardCommand(
            event: Self.event(key), source: "shop", externalID: customer, opensWallet: opens, occurredAt: now,
            awards: lines, reason: reason)
        try send(.award, MessageID(Self.event(key).value), customer, command.encode)
    }

    func award(_ key: String, to customer: String = "ann", _ points: Int64, days: Int64? = nil) throws {
        let expiresAt = days.map { now.adding(milliseconds: $0 * Self.day) }
        try award(key, to: customer, [Self.line(points, expiresAt: expiresAt)])
    }

    static func line(
        _ points: Int64, offer: String = "one-per-unit", asset: AssetCode = .points,
        expiresAt: Timestamp? = nil,
        inflight: Bool = false
    ) -> AwardCommand.Line {
        AwardCommand.Line(
            offer: offer, offerVersion: 7, asset: asset, points: Points(points), expiresAt: expiresAt,
            inflight: inflight)
    }

    static func hold(_ key: String) -> MessageID { event(key).caused(.hold) }

    func hold(
        _ key: String, of customer: String = "ann", _ points: Int64, direction: OpenHold.Direction = .debit,
        minimumRemaining: Int64 = 0, minutes: Int64 = 30
    ) throws {
        let command = OpenHold(
            hold: Self.hold(key), direction: direction, points: Points(points),
            minimumRemaining: Points(minimumRemaining),
            expiresAt: now.adding(milliseconds: minutes * Self.minute),
            purpose: "reward voucher")
        try send(.holdOpen, command.hold, customer, command.encode)
    }

    /// - Parameter attempt: tells several commands on one hold apart.
    func end(
        _ type: MessageType, _ hold: MessageID, of customer: String = "ann", _ points: Int64? = nil,
        attempt: Int = 0
    ) throws {
        let command = EndHold(
            hold: hold, points: points.map { Points($0) }, reward: "voucher", reason: "test")
        let id = Self.event("\(type.rawValue) \(hold) \(attempt)").caused(
            type == .holdCommit ? .commit : .void)
        try send(type, id, customer, command.encode)
    }

    func block(_ customer: String = "ann", attempt: Int = 0, _ type: MessageType = .walletBlock) throws {
        let id = Self.event("\(type.rawValue) \(customer) \(attempt)").caused(.block)
        try send(type, id, customer, BlockWallet(reason: "fraud").encode)
    }

    // MARK: Questions and outcomes

    /// Sends a command or question with a reply address, lets everything settle, and reads the answer.
    func ask(
        _ type: MessageType, _ customer: String = "ann", id: MessageID? = nil, header: String? = nil,
        _ encode: (inout JSONWriter) -> Void = {
            $0.beginObject()
            $0.endObject()
        }
    ) throws -> Answer {
        correlation += 1
        let number = correlation
        try send(
            type, id ?? MessageID(UInt128(number) << 8), customer, header: header, correlation: number, encode)
        rig.settle()
        let wanted = String(number, radix: 16)
        let replies = try rig.records(of: .replies).filter { $0.headerText("correlation-id") == wanted }
        try #require(replies.count == 1, "one answer to \(type.rawValue)")
        let reply = replies[0]
        return Answer(
            outcome: try #require(reply.headerText("outcome")),
            isReplayed: reply.headerText("replayed") == "1",
            body: try JSONDocument(parsing: try #require(reply.value)).root)
    }

    /// Settled, held, pending, available.
    func balance(_ customer: String = "ann") throws -> [Int64?] {
        let body = try ask(.balanceQuery, customer).body
        return ["settled", "held", "pending", "available"].map { body[$0]?.int64 }
    }

    func transactions(of customer: String = "ann") throws -> [WalletTransaction] {
        let key = Self.wallet(customer).description
        return try rig.records(of: .walletTransactions).filter { $0.keyText == key }.map {
            try WalletTransaction.decode(try #require($0.value))
        }
    }

    /// The refusals of a wallet's transactions, "" for applied, in order.
    func refusals(of customer: String = "ann", _ type: MessageType) throws -> [String] {
        try transactions(of: customer).filter { $0.type == type }.map { $0.refusal ?? "" }
    }
}
