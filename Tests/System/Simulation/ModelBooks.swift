// What has to hold for the ledger's published books whatever was asked of it: numbers without a gap, postings
// that sum to zero and make up the balances, awards and spends that are views of transactions. And for every
// topic: no id twice. Needs nothing but the topics.

import EventLog
import JSONText
import Messages
import Primitives

struct ModelBooks {
    let run: ModelRun

    func check() {
        for partition in run.partitions.all {
            checkTransactions(partition)
            checkDoubled(partition)
        }
    }

    // MARK: Postings

    private struct Account: Hashable { let wallet: WalletID, asset: AssetCode }

    private func checkTransactions(_ partition: PartitionIndex) {
        var numbers: [WalletID: Int64] = [:]
        var settled: [Account: Points] = [:]
        var programme: [AssetCode: Points] = [:]
        var awards = ModelStream(run.records(.awards, partition))
        var spends = ModelStream(run.records(.spends, partition))
        for record in run.records(.walletTransactions, partition) {
            guard let transaction = read(record) else { continue }
            if let number = transaction.sequence {
                let due = numbers[transaction.wallet, default: 0] + 1
                if number != due {
                    run.report(.sequence, "wallet \(transaction.wallet): \(record.label) has \(number), due is \(due)")
                }
                numbers[transaction.wallet] = due
            }
            post(transaction, record, &settled, &programme)
            view(transaction, record, &awards, &spends)
        }
        for record in awards.unexpected + spends.unexpected {
            reportTorn("\(record.label): there is no transaction of which this is a view")
        }
        for (asset, points) in programme.sorted(by: { $0.key.text < $1.key.text }) {
            let wallets = settled.filter { $0.key.asset == asset }.reduce(Points.zero) { $0 + $1.value }
            if wallets + points != .zero {
                run.report(.booksBalance, "partition \(partition): \(asset) sums to \(wallets + points)")
            }
        }
    }

    private func read(_ record: ModelRecord) -> WalletTransaction? {
        do throws(MessageFailure) {
            return try WalletTransaction.decode(record.value ?? [])
        } catch {
            // Reported by the ledger's own stage.
            return nil
        }
    }

    private func post(
        _ transaction: WalletTransaction, _ record: ModelRecord, _ settled: inout [Account: Points],
        _ programme: inout [AssetCode: Points]
    ) {
        let account = Account(wallet: transaction.wallet, asset: transaction.asset)
        let before = settled[account] ?? .zero
        var moved = Points.zero
        for transfer in transaction.transfers {
            if transfer.credit == .wallet { moved += transfer.points }
            if transfer.debit == .wallet { moved -= transfer.points }
        }
        let after = transaction.balances
        if before + moved != after.settled {
            run.report(
                .booksBalance,
                "wallet \(transaction.wallet): \(record.label): \(before) and \(moved) do not make \(after.settled)")
        }
        if after.held < .zero || after.pending < .zero || after.available < .zero {
            run.report(.balanceNotNegative, "wallet \(transaction.wallet): \(record.label): \(after)")
        }
        settled[account] = after.settled
        programme[transaction.asset, default: .zero] -= moved
    }

    // MARK: Views

    private func view(
        _ transaction: WalletTransaction, _ record: ModelRecord, _ awards: inout ModelStream,
        _ spends: inout ModelStream
    ) {
        if transaction.type == .awarded {
            var writer = JSONWriter()
            transaction.encodeAward(to: &writer)
            view(record, "\(MessageType.awarded.rawValue) \(transaction.id)", writer.bytes, &awards)
        }
        let isSpend = transaction.type == .holdCommitted && transaction.transfers.contains { $0.debit == .wallet }
        if isSpend {
            var writer = JSONWriter()
            transaction.encodeSpend(to: &writer)
            view(record, "\(MessageType.spent.rawValue) \(transaction.id)", writer.bytes, &spends)
        }
    }

    private func view(
        _ record: ModelRecord, _ identity: String, _ body: [UInt8], _ stream: inout ModelStream
    ) {
        let seen: ModelRecord
        switch stream.take(identity) {
        case .found(let record): seen = record
        case .misplaced(let record):
            run.report(.inputOrder, "\(record.label) is out of the order of its transactions")
            seen = record
        case .missing: return reportTorn("\(record.label): its view \(identity) is missing")
        }
        if seen.value != body || seen.wallet != record.wallet || seen.time != record.time {
            run.report(.rightOutcome, "\(seen.label) is not what \(record.place) says")
        }
    }

    /// While the run goes on, a stalled partition may hide one of two records that are visible together.
    private func reportTorn(_ detail: String) {
        run.reportMissing(.atomicity, detail)
    }

    // MARK: Doubles

    private func checkDoubled(_ partition: PartitionIndex) {
        func check(_ topic: TopicID, _ identity: (ModelRecord) -> String?) {
            var seen: Set<String> = []
            for record in run.records(topic, partition) {
                guard let identity = identity(record) else { continue }
                if !seen.insert(identity).inserted { run.report(.doubled, "\(record.label) is there twice") }
            }
        }
        for topic in [TopicID.evaluations, .walletTransactions, .awards, .spends, .rewardsIssued] {
            check(topic) { $0.id?.description }
        }
        check(.walletCommands) { record in
            let writer = record.text("ce_source")
            let isOwn = writer == ServiceName.ruleEvaluator.rawValue || writer == ServiceName.rewardsIssuer.rawValue
            return isOwn && record.type != .eventQuery && !run.isFromOutside(record) ? record.identity : nil
        }
        check(.notices) { parsed($0.value ?? [])?["notice"]?.string() }
        check(.deadLetters(of: .notifier)) { $0.text("webhook-id") }
    }
}
