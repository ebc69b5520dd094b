// The stores' rows against what follows from the topics: all that the ledger, the evaluator and the issuer keep,
// and the keys that the gateway remembers. Looked at once everything has settled. What only the service's own
// clock knows is left out of the comparison.

import EventLog
import JSONText
import Messages
import Primitives

struct ModelStores {
    /// Of one table, so many differences are told.
    private static let told = 3
    /// The ledger's: so many transactions of a wallet share a row.
    private static let historyBlock: Int64 = 32

    let run: ModelRun

    private typealias Row = [String: String?]

    private func tables(_ service: ServiceName, _ partition: PartitionIndex) -> [String: [[String: String?]]]? {
        guard run.isSettled, !run.evidence.stores.isEmpty else { return nil }
        let store = run.evidence.stores.first { $0.service == service && $0.partition == partition }
        if store == nil { run.report(.storeEqualsFold, "\(service.rawValue)/\(partition): no store") }
        return store?.tables
    }

    /// Compares the columns that are due.
    private func compare(
        _ service: ServiceName, _ partition: PartitionIndex, _ table: String, _ rows: [Row]?, _ due: [Row],
        columns: [String]
    ) {
        func text(_ row: Row) -> String {
            columns.map { "\($0)=\((row[$0] ?? nil) ?? "null")" }.joined(separator: " ")
        }
        let seen = (rows ?? []).map(text).sorted()
        let wanted = due.map(text).sorted()
        guard seen != wanted else { return }
        let (more, less) = (difference(seen, wanted), difference(wanted, seen))
        for row in more.prefix(Self.told) {
            run.report(.storeEqualsFold, "\(service.rawValue)/\(partition) \(table): has \(row)")
        }
        for row in less.prefix(Self.told) {
            run.report(.storeEqualsFold, "\(service.rawValue)/\(partition) \(table): has not \(row)")
        }
    }

    /// What is in one sorted list and not in the other, counting repeats.
    private func difference(_ one: [String], _ other: [String]) -> [String] {
        var counts: [String: Int] = [:]
        for text in other { counts[text, default: 0] += 1 }
        return one.filter { text in
            guard let count = counts[text], count > 0 else { return true }
            counts[text] = count - 1
            return false
        }
    }

    // MARK: Ledger

    func check(_ ledger: ModelLedger, _ partition: PartitionIndex) {
        guard ledger.isComplete, let tables = tables(.walletLedger, partition) else { return }
        let state = ledger.state
        func check(_ table: String, _ columns: [String], _ due: [Row]) {
            compare(.walletLedger, partition, table, tables[table], due, columns: columns)
        }
        check(
            "wallet", ["wallet_id", "external_id", "name", "status", "opened_at"],
            state.wallets.map { id, wallet in
                [
                    "wallet_id": "\(id)", "external_id": wallet.externalID, "name": wallet.name,
                    "status": wallet.isBlocked ? "blocked" : "active",
                    "opened_at": "\(wallet.openedAt.milliseconds)",
                ]
            })
        check(
            "account", ["wallet_id", "asset", "settled", "held", "pending", "sequence"], accounts(ledger))
        check("programme_account", ["asset", "account", "balance"], programme(ledger))
        check(
            "lot", ["wallet_id", "asset", "expires_at", "awarded_at", "lot_id", "remaining", "reserved"],
            state.lots.map { lot in
                [
                    "wallet_id": "\(lot.wallet)", "asset": lot.asset.text, "expires_at": never(lot.expiresAt),
                    "awarded_at": "\(lot.awardedAt.milliseconds)", "lot_id": "\(lot.id)",
                    "remaining": "\(lot.remaining)", "reserved": "\(lot.reserved)",
                ]
            })
        check(
            "hold",
            [
                "hold_id", "wallet_id", "direction", "asset", "points", "committed", "state", "purpose",
                "expires_at", "ended_at", "offer", "offer_version", "lot_expires_at",
            ], state.holds.values.map(row))
        check("hold_lot", ["hold_id", "expires_at", "awarded_at", "lot_id", "points"], reservations(state))
        checkHistory(ledger, partition, tables)
    }

    private func never(_ time: Timestamp?) -> String { "\(time?.milliseconds ?? .max)" }

    /// A wallet's number is kept with the account that its transaction was about.
    private func accounts(_ ledger: ModelLedger) -> [Row] {
        ledger.state.wallets.flatMap { id, wallet in
            var numbers: [AssetCode: Int64] = [:]
            for published in ledger.histories[id] ?? [] {
                let asset = published.transaction.refusal == nil ? published.transaction.asset : .points
                numbers[asset] = published.transaction.sequence
            }
            return wallet.accounts.map { account -> Row in
                [
                    "wallet_id": "\(id)", "asset": account.asset.text, "settled": "\(account.balances.settled)",
                    "held": "\(account.balances.held)", "pending": "\(account.balances.pending)",
                    "sequence": "\(numbers[account.asset] ?? 0)",
                ]
            }
        }
    }

    private func programme(_ ledger: ModelLedger) -> [Row] {
        var balances: [String: Points] = [:]
        for published in ledger.histories.values.joined() {
            for transfer in published.transaction.transfers {
                let isCredit = transfer.credit == .wallet
                let account = isCredit ? transfer.debit : transfer.credit
                let key = "\(published.transaction.asset.text) \(account.rawValue)"
                balances[key, default: .zero] += isCredit ? -transfer.points : transfer.points
            }
        }
        return balances.map { key, balance in
            let parts = key.split(separator: " ")
            return ["asset": String(parts[0]), "account": String(parts[1]), "balance": "\(balance)"]
        }
    }

    private func row(_ hold: ModelHold) -> Row {
        [
            "hold_id": "\(hold.id)", "wallet_id": "\(hold.wallet)", "direction": hold.isDebit ? "debit" : "credit",
            "asset": hold.asset.text, "points": "\(hold.points)", "committed": "\(hold.committed)",
            "state": hold.state.rawValue, "purpose": hold.purpose, "expires_at": "\(hold.expiresAt.milliseconds)",
            "ended_at": hold.endedAt.map { "\($0.milliseconds)" }, "offer": hold.offer,
            "offer_version": hold.offerVersion.map { "\($0)" },
            "lot_expires_at": hold.lotExpiresAt.map { "\($0.milliseconds)" },
        ]
    }

    private func reservations(_ state: ModelLedgerState) -> [Row] {
        state.holds.values.flatMap { hold in
            hold.reserved.map { part -> Row in
                let lot = state.lots.first { $0.id == part.lot }
                return [
                    "hold_id": "\(hold.id)", "expires_at": never(lot?.expiresAt),
                    "awarded_at": "\(lot?.awardedAt.milliseconds ?? 0)", "lot_id": "\(part.lot)",
                    "points": "\(part.points)",
                ]
            }
        }
    }

    private func checkHistory(
        _ ledger: ModelLedger, _ partition: PartitionIndex, _ tables: [String: [[String: String?]]]
    ) {
        var (transactions, refused): ([Row], [Row]) = ([], [])
        for published in ledger.history.values {
            let transaction = published.transaction
            let body = published.record.record.valueText
            guard let sequence = transaction.sequence else {
                refused.append(["transaction_id": "\(transaction.id)", "body": body])
                continue
            }
            transactions.append([
                "wallet_id": "\(transaction.wallet)", "sequence": "\(sequence)",
                "transaction_id": "\(transaction.id)", "body": body,
            ])
        }
        func check(_ table: String, _ columns: [String], _ due: [Row]) {
            compare(.walletLedger, partition, table, tables[table], due, columns: columns)
        }
        check("wallet_transaction", ["wallet_id", "sequence", "transaction_id", "body"], transactions)
        // Each row stands where its transaction does.
        let places = tables["wallet_transaction"] ?? []
        check("transaction_number", ["transaction_id", "number"], places)
        check("refused_transaction", ["transaction_id", "body"], refused)
        check(
            "wallet_history", ["wallet_id", "block", "newest", "numbers"],
            blocks(tables["wallet_transaction"] ?? []))
    }

    /// Each wallet's transactions by the numbers that their rows have.
    private func blocks(_ transactions: [Row]) -> [Row] {
        var numbers: [String: [(sequence: Int64, number: String)]] = [:]
        for row in transactions {
            guard let wallet = row["wallet_id"] ?? nil, let number = row["number"] ?? nil,
                let sequence = (row["sequence"] ?? nil).flatMap({ Int64($0) })
            else { continue }
            numbers["\(wallet) \(sequence / Self.historyBlock)", default: []].append((sequence, number))
        }
        return numbers.map { key, entries in
            let parts = key.split(separator: " ")
            let sorted = entries.sorted { $0.sequence < $1.sequence }
            return [
                "wallet_id": String(parts[0]), "block": String(parts[1]),
                "newest": sorted.last.map { "\($0.sequence)" },
                "numbers": sorted.map(\.number).joined(separator: ","),
            ]
        }
    }

    // MARK: The others

    func check(_ evaluator: ModelEvaluator, _ partition: PartitionIndex) {
        guard evaluator.isComplete, let tables = tables(.ruleEvaluator, partition) else { return }
        func check(_ table: String, _ columns: [String], _ due: [Row]) {
            compare(.ruleEvaluator, partition, table, tables[table], due, columns: columns)
        }
        check(
            "wallet", ["id", "external_id", "status"],
            evaluator.wallets.map { id, wallet in
                [
                    "id": "\(id)", "external_id": wallet.externalID,
                    "status": wallet.isBlocked ? "blocked" : "active",
                ]
            })
        check(
            "offer_counter", ["wallet", "offer", "period", "starts_at", "ends_at", "times", "points"],
            evaluator.counters.map { key, counter in
                [
                    "wallet": "\(key.wallet)", "offer": key.offer, "period": key.period,
                    "starts_at": "\(key.start)", "ends_at": key.end.map { "\($0)" },
                    "times": "\(counter.times)", "points": "\(counter.points)",
                ]
            })
        check(
            "status_change", ["id", "wallet"],
            evaluator.changes.map { ["id": "\($0.key)", "wallet": "\($0.value)"] })
        check("evaluated_event", ["id"], evaluator.evaluated.map { ["id": "\($0)"] })
    }

    func check(_ issuer: ModelIssuer, _ partition: PartitionIndex) {
        guard let tables = tables(.rewardsIssuer, partition) else { return }
        compare(
            .rewardsIssuer, partition, "decided_issuance", tables["decided_issuance"],
            issuer.decided.map { issue in
                [
                    "id": "\(issue.event)", "wallet": "\(issue.wallet)", "status": issue.status.rawValue,
                    "body": hex(issue.body),
                ]
            }, columns: ["id", "wallet", "status", "body"])
        compare(.rewardsIssuer, partition, "open_issuance", tables["open_issuance"], [], columns: ["id"])
    }

    private func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Keys whose window is over may be there or not.
    func check(_ gateway: ModelGateway, _ partition: PartitionIndex) {
        guard let tables = tables(.ingressGateway, partition) else { return }
        var rows: [String: Row] = [:]
        for row in tables["idempotency_key"] ?? [] { rows[(row["event_id"] ?? nil) ?? ""] = row }
        for key in gateway.remembered {
            guard let row = rows.removeValue(forKey: "\(key.event)") else {
                if key.earliestExpiry > run.quiet.adding(milliseconds: ModelGateway.clockErrorMilliseconds) {
                    run.report(.storeEqualsFold, "gateway/\(partition): key of event \(key.event) is not remembered")
                }
                continue
            }
            let expiry = (row["expires_at"] ?? nil).flatMap { Int64($0) } ?? 0
            let print = String(decoding: hexDigits(key.fingerprint), as: UTF8.self)
            if row["fingerprint"] != print || row["wallet_id"] != "\(key.wallet)" || row["type"] != key.type.rawValue
                || expiry < key.earliestExpiry.milliseconds || expiry > key.latestExpiry.milliseconds
            {
                run.report(.storeEqualsFold, "gateway/\(partition): key of event \(key.event) is remembered as \(row)")
            }
        }
        for event in rows.keys.sorted() where !gateway.forgotten.contains(event) {
            run.report(.storeEqualsFold, "gateway/\(partition): remembers event \(event), which was never passed on")
        }
    }
}
