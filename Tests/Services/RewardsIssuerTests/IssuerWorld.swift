// The issuer's real worker over the simulated log, with a catalogue, a scripted ledger, and clients that ask
// and wait.

import EventLog
import Foundation
import JSONText
import Messages
import Primitives
import RewardsIssuerService
import ServiceRig
import SimulatedLog
import StateStore
import Testing

final class IssuerWorld {
    struct Reply: Equatable {
        let correlation: String
        let outcome: String
        let isReplayed: Bool
        let body: String
    }

    let rig = ServiceRig(partitions: 2)
    let ledger: ScriptedLedger
    /// The stores' folder; nil: stores in memory.
    let folder: String?
    private var issuer: ServiceRig.RunningWorker?

    /// - Parameter files: a name that no other test uses, for stores in files.
    init(files: String? = nil) throws {
        ledger = ScriptedLedger(rig)
        let process = ProcessInfo.processInfo.processIdentifier
        folder = files.map { FileManager.default.temporaryDirectory.path + "/issuer-\(process)-\($0)" }
        if let folder {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        try offer("mug", points: 500)
        try rig.configure(
            "reward", "retired",
            """
            {"kind":"reward","id":"retired","name":"Retired","paymentMode":"POINTS","points":10,\
            "active":false}
            """)
        try rig.configure(
            "reward", "autumn",
            """
            {"kind":"reward","id":"autumn","name":"Autumn","paymentMode":"POINTS","points":10,\
            "validTo":"2026-11-01T00:00:00Z"}
            """)
        startIssuer()
    }

    deinit {
        if let folder { try? FileManager.default.removeItem(atPath: folder) }
    }

    func offer(_ reward: String, points: Int, minimumAfter: Int = 0) throws {
        try rig.configure(
            "reward", reward,
            """
            {"kind":"reward","id":"\(reward)","name":"Reward","paymentMode":"POINTS","points":\(points),\
            "holdMinutes":15,"minimumBalanceAfter":\(minimumAfter)}
            """)
    }

    // MARK: The service's life

    func startIssuer() {
        issuer = rig.start(rewardsIssuerTopology(registry: rig.registry), folder: folder)
    }

    func killIssuer() {
        if let issuer { rig.kill(issuer) }
        issuer = nil
    }

    func deleteStores() throws {
        guard let folder else { return }
        for partition in rig.partitions.all {
            try StateStore.wipe(.file(path: "\(folder)/partition-\(partition.number).sqlite"))
        }
    }

    /// Lets the issuer and the ledger work until neither has anything to do.
    func settle() throws {
        repeat { rig.settle() } while try ledger.answer() > 0
    }

    // MARK: Clients

    func wallet(_ name: String) -> WalletID { WalletID(programme: "pointstream", externalID: name) }

    func event(_ key: String) -> EventID { EventID(source: "app", idempotencyKey: Array(key.utf8)) }

    /// Asks for a reward; with a correlation, waits for the answer.
    func request(
        _ key: String, of name: String, reward: String = "mug", correlation: UInt64? = nil,
        body: String? = nil, at time: Timestamp? = nil, traceparent: String = IssuerWorld.traceparent
    ) throws {
        try write(
            "reward.request", key, name, correlation,
            [("ce_time", "\(time ?? rig.clock.now())"), ("traceparent", traceparent)],
            body ?? #"{"externalId":"\#(name)","reward":"\#(reward)"}"#)
    }

    func query(_ key: String, of name: String, correlation: UInt64, isReplayed: Bool = false) throws {
        try write("reward.query", key, name, correlation, isReplayed ? [("replayed", "1")] : [], "{}")
    }

    static let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    private func write(
        _ type: String, _ key: String, _ name: String, _ correlation: UInt64?,
        _ more: [(name: String, value: String)], _ body: String
    ) throws {
        var headers: [(name: String, value: String)] = [
            ("ce_specversion", "1.0"), ("ce_id", event(key).description), ("ce_source", "app"),
            ("ce_type", type), ("external-id", name),
        ]
        if let correlation {
            headers += [("reply-partition", "1"), ("correlation-id", String(correlation, radix: 16))]
        }
        try rig.append(
            .rewardRequests, key: wallet(name).hex, headers: headers + more, value: Array(body.utf8))
    }

    /// Writes every record of a topic once more, as a replay from its beginning does.
    func repeatAll(of topic: TopicID) throws {
        for record in try rig.records(of: topic) {
            let headers = record.headers.map { header in
                (String(decoding: header.name, as: UTF8.self), String(decoding: header.value, as: UTF8.self))
            }
            try rig.append(topic, key: record.key, headers: headers, value: record.value)
        }
    }

    // MARK: What came out

    /// What was published about an issuance.
    func issues(_ key: String) throws -> [RewardIssue] {
        try rig.records(of: .rewardsIssued).compactMap { record in
            guard record.headerText("ce_id") == event(key).description else { return nil }
            let issue = try RewardIssue.decode(try #require(record.value))
            #expect(record.headerText("ce_type") == "reward.\(issue.status.rawValue)")
            return issue
        }
    }

    func commands(_ type: String) throws -> [SimulatedRecord] {
        try rig.records(of: .walletCommands).filter { $0.headerText("ce_type") == type }
    }

    func openedHolds() throws -> [OpenHold] {
        try commands("hold.open").map { try OpenHold.decode(try #require($0.value)) }
    }

    func replies() throws -> [Reply] {
        try rig.records(of: .replies).map { record in
            Reply(
                correlation: record.headerText("correlation-id") ?? "",
                outcome: record.headerText("outcome") ?? "",
                isReplayed: record.headerText("replayed") == "1", body: record.valueText ?? "")
        }
    }

    func deadLetterReasons() throws -> [String] {
        try rig.records(of: .deadLetters(of: .rewardsIssuer)).map {
            $0.headerText("dead-letter-reason") ?? ""
        }
    }

    func ignored(_ what: String) -> Int64 {
        rig.registry.value(
            of: "pointstream_reward_records_ignored_total", labels: [(name: "record", value: what)]) ?? 0
    }
}
