// Plays the ledger's part for the issuer's tests: carries out the commands it finds and answers each with one
// record on `wallet-transactions`, as the ledger does. Balances are two numbers per wallet; there are no lots
// and no history.

import EventLog
import JSONText
import Messages
import Primitives
import ServiceRig
import SimulatedLog
import Testing

final class ScriptedLedger {
    struct Wallet {
        var settled: Int64
        var held: Int64 = 0
        var isBlocked = false
        var sequence: Int64 = 0
    }

    private struct Hold {
        let wallet: WalletID
        let externalID: String
        let points: Int64
        let expiresAt: Timestamp
        var isOpen = true
    }

    private let rig: ServiceRig
    private(set) var wallets: [WalletID: Wallet] = [:]
    private var holds: [MessageID: Hold] = [:]
    private var carriedOut: Set<MessageID> = []
    /// The commands that were refused for want of points, wallet or hold.
    private(set) var refusals: [String] = []

    init(_ rig: ServiceRig) { self.rig = rig }

    func open(_ wallet: WalletID, balance: Int64, isBlocked: Bool = false) {
        wallets[wallet] = Wallet(settled: balance, isBlocked: isBlocked)
    }

    func balance(_ wallet: WalletID) -> Int64 { wallets[wallet]?.settled ?? 0 }
    func held(_ wallet: WalletID) -> Int64 { wallets[wallet]?.held ?? 0 }

    /// Carries out the commands that are new; how many those were.
    func answer() throws -> Int {
        var count = 0
        for record in try rig.records(of: .walletCommands) {
            let id = try #require(record.headerText("ce_id").flatMap { MessageID($0) })
            guard carriedOut.insert(id).inserted else { continue }
            let wallet = try #require(record.keyText.flatMap { WalletID($0) })
            let externalID = try #require(record.headerText("external-id"))
            let body = try #require(record.value)
            switch record.headerText("ce_type") {
            case "hold.open": try open(OpenHold.decode(body), id, wallet, externalID)
            case "hold.commit": try commit(EndHold.decode(body), id, wallet, externalID)
            default: Issue.record("no command of the issuer: \(record.headerText("ce_type") ?? "none")")
            }
            count += 1
        }
        return count
    }

    private func open(_ command: OpenHold, _ id: MessageID, _ wallet: WalletID, _ externalID: String) throws {
        let points = command.points.units
        let refusal: String? =
            if let found = wallets[wallet] {
                if found.isBlocked {
                    "wallet-blocked"
                } else {
                    found.settled - found.held - points < command.minimumRemaining.units
                        ? "insufficient-balance" : nil
                }
            } else {
                "unknown-wallet"
            }
        if refusal == nil {
            wallets[wallet]?.held += points
            holds[command.hold] = Hold(
                wallet: wallet, externalID: externalID, points: points, expiresAt: command.expiresAt)
        }
        try tell(.holdOpened, id, wallet, externalID, hold: command.hold, points, refusal)
    }

    private func commit(
        _ command: EndHold, _ id: MessageID, _ wallet: WalletID, _ externalID: String
    ) throws {
        let hold = try #require(holds[command.hold])
        let refusal = !hold.isOpen || rig.clock.now() >= hold.expiresAt ? "hold-expired" : nil
        if refusal == nil {
            wallets[wallet]?.settled -= hold.points
            wallets[wallet]?.held -= hold.points
            holds[command.hold]?.isOpen = false
        }
        try tell(.holdCommitted, id, wallet, externalID, hold: command.hold, hold.points, refusal)
    }

    /// Gives back what is held and overdue, as the sweep does.
    func expireHolds() throws {
        for (id, hold) in holds where hold.isOpen && hold.expiresAt <= rig.clock.now() {
            holds[id]?.isOpen = false
            wallets[hold.wallet]?.held -= hold.points
            try tell(
                .holdExpired, id.cause.caused(.expire), hold.wallet, hold.externalID, hold: id, hold.points,
                nil)
        }
    }

    private func tell(
        _ type: MessageType, _ id: MessageID, _ wallet: WalletID, _ externalID: String, hold: MessageID,
        _ points: Int64, _ refusal: String?
    ) throws {
        if let refusal { refusals.append(refusal) }
        wallets[wallet]?.sequence += 1
        let after = wallets[wallet]
        let transaction = WalletTransaction(
            id: id, wallet: wallet, externalID: externalID, sequence: after?.sequence, type: type,
            refusal: refusal, points: Points(points), hold: hold,
            balances: Balances(
                settled: Points(after?.settled ?? 0), held: Points(after?.held ?? 0), pending: .zero),
            occurredAt: rig.clock.now(), recordedAt: rig.clock.now())
        var writer = JSONWriter()
        transaction.encode(to: &writer)
        try rig.append(
            .walletTransactions, key: wallet.hex,
            headers: [
                ("ce_specversion", "1.0"), ("ce_id", id.description), ("ce_source", "wallet-ledger"),
                ("ce_type", type.rawValue), ("outcome", refusal == nil ? "applied" : "refused"),
                ("external-id", externalID),
            ],
            value: writer.bytes)
    }
}
