// The proof that every check can fail: one thing in the evidence of a good run is changed, and exactly the
// invariants that it breaks must be reported.

import EventLog
import Foundation
import Messages
import Primitives
import Simulation
import Testing

@testable import SimulatedLog

/// Runs to tamper with; a case takes the first that has what it changes.
private let runs: [Evidence] = {
    do {
        return try ([3, 4, 8, 11, 14, 17] as [UInt64]).map { seed in
            let run = try FaultFreeRun(seed: seed)
            try run.run()
            return try run.evidence(isSettled: true)
        }
    } catch {
        Issue.record(error)
        return []
    }
}()

struct TamperCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// What must be reported, and nothing else.
    let broken: Set<Invariant>
    let withStores: Bool
    /// False where the run has nothing of the kind.
    let tamper: @Sendable (inout Tampering) -> Bool

    init(
        _ name: String, _ broken: Set<Invariant>, withStores: Bool = false,
        _ tamper: @escaping @Sendable (inout Tampering) -> Bool
    ) {
        testDescription = name
        self.broken = broken
        self.withStores = withStores
        self.tamper = tamper
    }
}

@Suite struct `The checks of tampered evidence` {
    @Test(arguments: ledgerCases + stageCases + noticeCases + storeCases)
    func `what is changed is noticed`(_ tampered: TamperCase) {
        for evidence in runs {
            var tampering = Tampering(evidence, withStores: tampered.withStores)
            guard tampered.tamper(&tampering) else { continue }
            let found = violations(in: tampering.evidence)
            let names = Set(found.map(\.invariant))
            #expect(names == Set(tampered.broken.map(\.rawValue)), "\(found.prefix(6))")
            return
        }
        Issue.record("no run has what \(tampered.testDescription) changes")
    }

    @Test func `every invariant has a case`() {
        let shown = (ledgerCases + stageCases + noticeCases + storeCases + doorCases).reduce(into: Set<Invariant>()) {
            $0.formUnion($1.broken)
        }
        #expect(Set(Invariant.allCases).subtracting(shown).isEmpty)
    }

    /// Anything may be wrong with the evidence of a broken platform.
    @Test func `no evidence is too odd to be checked`() {
        var entropy = SeededEntropy(seed: 1)
        var (tried, noticed) = (0, 0)
        for (number, evidence) in runs.enumerated() {
            for _ in 0..<10 {
                var tampering = Tampering(evidence, withStores: number % 2 == 0)
                for _ in 0...entropy.below(12) { tampering.distort(&entropy) }
                tried += 1
                if !violations(in: tampering.evidence).isEmpty { noticed += 1 }
            }
        }
        // Now and then something is changed that means nothing, or is changed back.
        #expect(noticed * 10 >= tried * 9, "\(noticed) of \(tried)")
    }

    @Test func `the runs are good before anybody tampers with them`() {
        for evidence in runs {
            #expect(violations(in: evidence).isEmpty)
            #expect(violations(in: Tampering(evidence).evidence).isEmpty)
        }
    }
}

// MARK: The ledger

private func isQuiet(_ transaction: WalletTransaction) -> Bool {
    transaction.type != .awarded && transaction.transfers.isEmpty && transaction.sequence != nil
}

private let ledgerCases: [TamperCase] = [
    TamperCase("a posting of another amount", [.booksBalance, .rightOutcome]) { run in
        guard let spot = run.untold(where: { $0.type == .lotExpired }), var told = run.transaction(spot)
        else { return false }
        told.transfers[0].points += Points(1)
        run.put(told, at: spot)
        return true
    },
    TamperCase("more held than there is", [.balanceNotNegative, .rightOutcome]) { run in
        guard let spot = run.untold(where: { isQuiet($0) && $0.type == .walletBlocked }),
            var told = run.transaction(spot)
        else { return false }
        told.balances.held = told.balances.settled + Points(1)
        run.put(told, at: spot)
        return true
    },
    TamperCase("two numbers swapped", [.sequence]) { run in
        for (one, other) in pairs(run.spots(.walletTransactions)) {
            guard var first = run.transaction(one), var second = run.transaction(other), isQuiet(first),
                isQuiet(second), first.wallet == second.wallet, run.untold(where: { $0.id == first.id }) != nil,
                run.untold(where: { $0.id == second.id }) != nil
            else { continue }
            (first.sequence, second.sequence) = (second.sequence, first.sequence)
            run.put(first, at: one)
            run.put(second, at: other)
            return true
        }
        return false
    },
    TamperCase("a hold that is left open", [.holds]) { run in
        guard let spot = lastOfItsWallet(run, .holdExpired) else { return false }
        run.remove(spot)
        return true
    },
    TamperCase("a hold that expires twice", [.booksBalance, .doubled, .holds, .sequence]) { run in
        guard let spot = run.untold(where: { $0.type == .holdExpired }) else { return false }
        run.double(spot)
        return true
    },
    TamperCase("a lot that is left after its time", [.lots]) { run in
        guard let spot = lastOfItsWallet(run, .lotExpired) else { return false }
        run.remove(spot)
        return true
    },
    TamperCase("lots taken from in another order", [.lots]) { run in
        guard let spot = run.untold(where: { $0.type == .lotExpired && $0.lots.count > 1 }),
            var told = run.transaction(spot)
        else { return false }
        told.lots.swapAt(0, 1)
        run.put(told, at: spot)
        return true
    },
    TamperCase("an outcome that names another balance", [.rightOutcome]) { run in
        guard let spot = run.untold(where: { $0.type == .walletOpened && $0.refusal == nil }),
            var told = run.transaction(spot)
        else { return false }
        told.occurredAt = told.occurredAt.adding(milliseconds: 1)
        run.put(told, at: spot)
        return true
    },
    TamperCase("a spend that is lost", [.atomicity]) { run in
        guard let spot = run.last(.spends), let id = run[spot].headerText("ce_id") else { return false }
        run.silence(id)
        run.remove(spot)
        return true
    },
    TamperCase("an award that is lost", [.atomicity]) { run in
        guard let spot = run.last(.awards), let id = run[spot].headerText("ce_id") else { return false }
        run.silence(id)
        run.remove(spot)
        return true
    },
    TamperCase("an award that is there twice", [.atomicity, .doubled]) { run in
        guard let spot = run.first(.awards) else { return false }
        run.double(spot)
        return true
    },
    TamperCase("a transaction that nobody asked for", [.booksBalance, .oneOutcome, .sequence]) { run in
        guard let spot = run.untold(where: { $0.type == .walletBlocked && $0.refusal == nil }),
            var told = run.transaction(spot)
        else { return false }
        run.double(spot)
        let added = Spot(
            topic: .walletTransactions, partition: spot.partition,
            index: (run.topics[.walletTransactions]?[spot.partition].count ?? 1) - 1)
        told.id = MessageID(told.id.value ^ (1 << 64))
        run.put(told, at: added)
        run.setHeader(added, "ce_id", told.id.description)
        return true
    },
    TamperCase("a balance that is told wrong", [.balanceReply]) { run in
        guard let spot = run.first(.replies, where: { $0.valueText?.contains("\"settled\"") ?? false
                && $0.valueText?.contains("\"lots\"") ?? false && $0.valueText?.contains("\"available\"") ?? false
                && $0.valueText?.contains("\"event\"") == false && $0.valueText?.contains("\"transaction\"") == false })
        else { return false }
        return run.replace(spot, "\"available\":", by: "\"available\":1")
    },
]

private func pairs<Element>(_ list: [Element]) -> [(Element, Element)] { Array(zip(list, list.dropFirst())) }

/// A transaction behind which its wallet has none.
private func lastOfItsWallet(_ run: Tampering, _ type: MessageType) -> Spot? {
    let spots = run.spots(.walletTransactions)
    return spots.last { spot in
        guard let told = run.transaction(spot), told.type == type, told.purpose?.hasPrefix("reward") != true
        else { return false }
        let later = spots.contains { other in
            other.partition == spot.partition && other.index > spot.index
                && run.transaction(other)?.wallet == told.wallet
        }
        return !later && run.untold { $0.id == told.id } != nil
    }
}

// MARK: The other stages

/// Purchases on `intake` that came in on another partition, and of which no repeat came in.
private func handedOn(_ run: Tampering) -> [Spot] {
    run.spots(.intake) { record in
        record.headerText("ce_type") == "purchase" && run.senders(of: record).count == 1
    }
}

private let stageCases: [TamperCase] = [
    TamperCase("an event that is handed on twice", [.oneOutcome]) { run in
        guard let spot = handedOn(run).last else { return false }
        run.double(spot)
        return true
    },
    TamperCase("an event that is not handed on", [.oneOutcome]) { run in
        guard let spot = handedOn(run).last else { return false }
        run.remove(spot)
        return true
    },
    TamperCase("an event that is handed on with another time", [.rightOutcome]) { run in
        guard let spot = handedOn(run).last else { return false }
        run.setHeader(spot, "ce_time", "2026-01-01T00:00:00.000Z")
        return true
    },
    TamperCase("events handed on in another order", [.inputOrder]) { run in
        for (one, other) in pairs(handedOn(run)) where run.sender(of: one) == run.sender(of: other) {
            run.swap(one, other)
            return true
        }
        return false
    },
    TamperCase("an event that is lost behind the door", [.oneOutcome]) { run in
        guard let spot = run.last(.evaluations) else { return false }
        run.remove(spot)
        return true
    },
    TamperCase("an evaluation that is there twice", [.doubled, .oneOutcome]) { run in
        guard let spot = run.first(.evaluations) else { return false }
        run.double(spot)
        return true
    },
    TamperCase("evaluations in another order", [.inputOrder]) { run in
        let spots = run.spots(.evaluations)
        for (one, other) in pairs(spots) where one.partition == other.partition {
            run.swap(one, other)
            return true
        }
        return false
    },
    TamperCase("an evaluation of another amount", [.awardRecomputed]) { run in
        guard let spot = run.first(.evaluations, where: { !($0.valueText?.contains("\"points\":0,") ?? true) })
        else { return false }
        return run.replace(spot, "\"points\":", by: "\"points\":1")
    },
    TamperCase("an evaluation by another version", [.awardRecomputed]) { run in
        guard let spot = run.first(.evaluations) else { return false }
        return run.replace(spot, "\"configurationVersion\":", by: "\"configurationVersion\":9")
    },
    TamperCase("more than an offer's limit", [.awardRecomputed, .limitKept, .lots]) { run in
        // The wallet's last award: what comes behind it would be wrong with it.
        for spot in run.spots(.walletCommands).reversed() {
            let text = run[spot].valueText ?? ""
            guard run[spot].headerText("ce_source") == "rule-evaluator", text.contains("\"offer\":\"daily\""),
                let range = text.range(of: "\"offer\":\"daily\"")
            else { continue }
            let key = run[spot].key
            let isLast = !(run.topics[.walletTransactions]?[spot.partition] ?? []).contains { record in
                record.key == key
                    && record.offset > offset(of: run[spot].headerText("ce_id") ?? "", in: run, spot.partition)
            }
            guard isLast else { continue }
            let line = String(text[range.lowerBound...].prefix { $0 != "}" })
            let again = "\(line)},{\(line)},{\(line)},{\(line)}"
            return run.replace(spot, "\(line)}", by: again)
        }
        return false
    },
    TamperCase("a dead letter that is lost", [.deadLetters]) { run in
        guard let spot = run.first(.deadLetters(of: .walletLedger)) else { return false }
        run.remove(spot)
        return true
    },
    TamperCase("a dead letter with other bytes", [.deadLetters]) { run in
        guard let spot = run.first(.deadLetters(of: .ruleEvaluator)) else { return false }
        run.setValue(spot, Array("other".utf8))
        return true
    },
    TamperCase("a dead letter of what was fine", [.deadLetters]) { run in
        guard let spot = run.first(.deadLetters(of: .ingressGateway)) else { return false }
        run.double(spot)
        let added = Spot(
            topic: spot.topic, partition: spot.partition,
            index: (run.topics[spot.topic]?[spot.partition].count ?? 1) - 1)
        run.setHeader(added, "dead-letter-offset", "999999")
        return true
    },
    TamperCase("a conflict that nobody was told of", [.conflictHarmless]) { run in
        guard let spot = run.first(.deadLetters(of: .ingressGateway), where: {
            $0.headerText("dead-letter-reason") == "key-reuse"
        }) else { return false }
        run.remove(spot)
        return true
    },
    TamperCase("an event refused as old that was not", [.keyForgotten]) { run in
        guard let spot = run.first(.deadLetters(of: .ingressGateway), where: {
            $0.headerText("dead-letter-reason") == "too-old"
        }) else { return false }
        run.setHeader(spot, "dead-letter-time", "2020-01-01T00:00:00.000Z")
        return true
    },
    TamperCase("an accepted event that was never passed on", [.oneOutcome]) { run in
        let told = (run.topics[.walletCommands] ?? []).joined().map { $0.headerText("ce_id") ?? "" }
        for spot in run.spots(.customerEvents).reversed() {
            let record = run[spot]
            guard let id = record.headerText("ce_id"), record.headerText("ce_type") == "purchase",
                told.contains(id), record.headerText("correlation-id") == nil
            else { continue }
            run.remove(spot)
            return true
        }
        return false
    },
    TamperCase("the outcome of a repeat with other bytes", [.repeatAnswered]) { run in
        guard let spot = run.first(.replies, where: { $0.headerText("replayed") == "1" }) else { return false }
        return run.replace(spot, "{", by: "{ ")
    },
    TamperCase("an answer that is lost", [.replies]) { run in
        guard let spot = run.last(.replies, where: { $0.headerText("outcome") == "done" }) else { return false }
        run.remove(spot)
        return true
    },
    TamperCase("an answer that is given twice", [.replies]) { run in
        guard let spot = run.first(.replies) else { return false }
        run.double(spot)
        return true
    },
    TamperCase("a reward that is never decided on", [.unfinished]) { run in
        let told = (run.topics[.replies] ?? []).joined().map { $0.valueText ?? "" }
        for spot in run.spots(.rewardsIssued, where: { $0.headerText("ce_type") == "reward.issued" }) {
            guard let id = run[spot].headerText("ce_id"), !told.contains(where: { $0.contains(id) }) else { continue }
            run.silence(id)
            run.remove(spot)
            return true
        }
        return false
    },
    TamperCase("a reward that is refused for another reason", [.notices, .rightOutcome]) { run in
        let told = (run.topics[.replies] ?? []).joined().map { $0.valueText ?? "" }
        for spot in run.spots(.rewardsIssued, where: { $0.headerText("ce_type") == "reward.refused" }) {
            guard let id = run[spot].headerText("ce_id"), !told.contains(where: { $0.contains(id) }),
                run[spot].valueText?.contains("insufficient-balance") ?? false
            else { continue }
            run.silence(id)
            return run.replace(spot, "\"insufficient-balance\"", by: "\"unknown-reward\"")
        }
        return false
    },
    TamperCase("an input that is lost", [.inputKept]) { run in
        let reasons = ["unknown-source", "source-required", "key-invalid", "invalid-json"]
        for letter in run.spots(.deadLetters(of: .ingressGateway)) {
            let record = run[letter]
            guard reasons.contains(record.headerText("dead-letter-reason") ?? ""),
                record.headerText("dead-letter-topic")?.contains("ingress") ?? false,
                let spot = run.first(.ingress, where: {
                    $0.key == record.key && String($0.offset.number) == record.headerText("dead-letter-offset")
                })
            else { continue }
            run.remove(letter)
            run.remove(spot)
            return true
        }
        return false
    },
    TamperCase("a receipt that nobody can read", [.unreadable]) { run in
        guard let spot = run.first(.notices, where: { $0.valueText?.contains("\"delivered\"") ?? false })
        else { return false }
        run.setValue(spot, Array("?".utf8))
        return true
    },
]

/// Of the newest transaction that an event led to.
private func offset(of event: String, in run: Tampering, _ partition: Int) -> Offset {
    let prefix = event.dropLast(2)
    let records = run.topics[.walletTransactions]?[partition] ?? []
    return records.last { ($0.headerText("ce_id") ?? "").hasPrefix(prefix) }?.offset ?? .zero
}

// MARK: Notices

private let noticeCases: [TamperCase] = [
    TamperCase("a notice that was never sent", [.notices]) { run in
        guard let attempt = run.attempts.last, let id = attempt.header("webhook-id").split(separator: ".").first
        else { return false }
        run.silence(String(id))
        return true
    },
    TamperCase("an id that changes between attempts", [.noticeIdentity, .noticeOrder, .notices]) { run in
        let ids = run.attempts.map { $0.header("webhook-id") }
        guard let index = ids.indices.first(where: { index in ids[..<index].contains(ids[index]) })
        else { return false }
        run.attempts[index] = run.attempts[index].with("webhook-id", "\(ids[index])x")
        return true
    },
    TamperCase("a body that changes between attempts", [.noticeIdentity, .noticeSigned]) { run in
        guard let attempt = run.attempts.first else { return false }
        run.attempts[0] = WebhookAttempt(
            time: attempt.time, url: attempt.url, headers: attempt.headers, body: attempt.body + [0x20],
            status: attempt.status)
        return true
    },
    TamperCase("a signature with another key", [.noticeSigned]) { run in
        guard let attempt = run.attempts.first else { return false }
        run.attempts[0] = attempt.with("webhook-signature", "v1,AAAA")
        return true
    },
    TamperCase("a wallet's notices in another order", [.noticeOrder]) { run in
        let ids = run.attempts.map { $0.header("webhook-id") }
        let isSteady = { (id: String) in id.hasSuffix(".audit") && ids.filter { $0 == id }.count == 1 }
        var awards: [[UInt8]?: [String]] = [:]
        for spot in run.spots(.awards, where: { $0.valueText?.contains("\"sequence\"") ?? false }) {
            awards[run[spot].key, default: []].append((run[spot].headerText("ce_id") ?? "") + ".audit")
        }
        for (one, other) in awards.values.flatMap(pairs) where isSteady(one) && isSteady(other) {
            guard let first = ids.firstIndex(of: one), let second = ids.firstIndex(of: other) else { continue }
            run.attempts.swapAt(first, second)
            return true
        }
        return false
    },
    TamperCase("a receipt for what nobody took", [.notices]) { run in
        guard let spot = run.first(.notices, where: { $0.valueText?.contains("\"httpStatus\":200") ?? false })
        else { return false }
        return run.replace(spot, "\"httpStatus\":200", by: "\"httpStatus\":204")
    },
    TamperCase("two receipts", [.doubled]) { run in
        guard let spot = run.first(.notices) else { return false }
        run.double(spot)
        return true
    },
]

// MARK: Stores

private let storeCases: [TamperCase] = [
    ("a balance", .walletLedger, "account", "settled"), ("a number", .walletLedger, "account", "sequence"),
    ("a lot", .walletLedger, "lot", "remaining"), ("a hold", .walletLedger, "hold", "state"),
    ("an account of the programme", .walletLedger, "programme_account", "balance"),
    ("a transaction", .walletLedger, "wallet_transaction", "body"),
    ("where a transaction stands", .walletLedger, "transaction_number", "number"),
    ("a line of a wallet's history", .walletLedger, "wallet_history", "numbers"),
    ("a wallet's status", .ruleEvaluator, "wallet", "status"),
    ("a counter", .ruleEvaluator, "offer_counter", "times"),
    ("an evaluated event", .ruleEvaluator, "evaluated_event", "id"),
    ("a decided reward", .rewardsIssuer, "decided_issuance", "status"),
    ("a key", .ingressGateway, "idempotency_key", "fingerprint"),
].map { what, service, table, column in
    TamperCase("\(what) in the store", [.storeEqualsFold], withStores: true) { run in
        run.alter(service, table, column, by: "77777")
    }
}
