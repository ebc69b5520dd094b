// Carries a decision out: the row, and the records that tell of it. Called by the processor's steps alone.

import EventLog
import JSONText
import Messages
import Primitives
import RewardsIssuerDomain
import StateStore
import StreamRuntime

extension RewardsIssuerProcessor {
    func apply(_ decision: IssuanceDecision, _ batch: BatchContext) throws(RecordFailure) {
        switch decision {
        case .hold(let issuance, let command):
            try storing { () throws(StoreFailure) in try store.put(issuance) }
            let body = batch.encoded { command.encode(to: &$0) }
            send(.holdOpen, issuance.hold, for: issuance, body, batch)
        case .commit(let issuance, let command):
            try storing { () throws(StoreFailure) in try store.put(issuance) }
            let body = batch.encoded { command.encode(to: &$0) }
            send(.holdCommit, issuance.id.caused(.commit), for: issuance, body, batch)
        case .decided(let issuance): try publish(issuance, batch)
        case .ignored(let why): counters.count(why)
        }
    }

    /// Writes a command to the wallet's ledger.
    private func send(
        _ type: MessageType, _ id: MessageID, for issuance: Issuance, _ body: [UInt8], _ batch: BatchContext
    ) {
        let output = batch.output
        output.append(to: TopicPartition(.walletCommands, partition), key: issuance.issue.wallet.hex)
        output.addEnvelope(type, id: id.value, source: batch.service, time: batch.now)
        addContext(of: issuance, to: output)
        output.setValue(body)
    }

    /// Tells the outcome, once: to those who read `rewards-issued`, and to those who wait.
    private func publish(_ issuance: Issuance, _ batch: BatchContext) throws(RecordFailure) {
        let issue = issuance.issue
        let body = batch.encoded { issue.encode(to: &$0) }
        let decided = DecidedIssuance(wallet: issue.wallet, status: issue.status, body: body)
        try storing { () throws(StoreFailure) in
            try store.removeOpen(issuance.id)
            try store.remember(issuance.id, decided, at: batch.now)
        }
        let isIssued = issue.status == .issued
        let output = batch.output
        output.append(to: TopicPartition(.rewardsIssued, partition), key: issue.wallet.hex)
        output.addEnvelope(
            isIssued ? .rewardIssued : .rewardRefused, id: issuance.id.value, source: batch.service,
            time: batch.now)
        output.addHeader(HeaderName.outcome, isIssued ? "applied" : "refused")
        addContext(of: issuance, to: output)
        output.setValue(body)
        for waiter in issuance.waiters.all { reply(to: waiter, issue.status, body, batch) }
        counters.count(issue.status)
    }

    private func addContext(of issuance: Issuance, to output: RecordBatch) {
        output.addHeader(HeaderName.externalID, issuance.issue.externalID)
        if let traceparent = issuance.traceparent { output.addHeader(HeaderName.traceparent, traceparent) }
    }

    func reply(to waiter: Waiter, _ status: RewardIssue.Status, _ body: [UInt8], _ batch: BatchContext) {
        let outcome: ReplyOutcome =
            switch status {
            case .pending: .pending
            case .issued: .done
            case .refused: .refused
            }
        batch.output.reply(to: waiter.address, outcome, replayed: waiter.isRepeat, body: body)
    }
}
