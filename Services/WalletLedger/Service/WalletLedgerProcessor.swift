// The ledger's part in one partition: loads what a command is decided on, lets Decide... decide, writes the
// decision's rows and publishes its outcome. Called by the worker. A refusal is an outcome like any other;
// only a record that is no command at all is thrown back. A command that was carried out before changes
// nothing.

import EventLog
import Messages
import Primitives
import StateStore
import StreamRuntime
import WalletLedgerDomain

final class WalletLedgerProcessor: PartitionProcessor {
    let store: LedgerStore
    let partition: PartitionIndex

    init(_ store: LedgerStore, _ partition: PartitionIndex) {
        self.store = store
        self.partition = partition
    }

    func process(_ record: Record, _ batch: BatchContext) throws(RecordFailure) {
        store.beginRecord()
        guard let type = record.messageType else {
            throw .unprocessable(code: "unknown-type", detail: "ce_type names no type of message")
        }
        let wallet = try wallet(of: record, batch)
        switch type {
        case .eventQuery, .walletQuery, .balanceQuery, .historyQuery: try answer(type, record, wallet, batch)
        case .award, .walletOpen, .walletBlock, .walletUnblock, .holdOpen, .holdCommit, .holdVoid:
            try carryOut(type, record, try envelope(of: record, wallet, batch), batch)
        default:
            throw .unprocessable(code: "unknown-type", detail: "\(type.rawValue) is no command to the ledger")
        }
    }

    private func wallet(of record: Record, _ batch: BatchContext) throws(RecordFailure) -> WalletID {
        guard let key = record.key, let wallet = record.walletKey else {
            throw .unprocessable(code: "wrong-key", detail: "the key is no wallet's id")
        }
        guard batch.partitions.partition(of: key) == record.partition else {
            throw .unprocessable(code: "wrong-partition", detail: "the wallet has another partition")
        }
        return wallet
    }

    private func envelope(
        of record: Record, _ wallet: WalletID, _ batch: BatchContext
    ) throws(RecordFailure) -> CommandEnvelope {
        guard let id = record.header(HeaderName.id).flatMap({ MessageID(hex: $0) }), !id.isLedgersOwn else {
            throw .unprocessable(code: "identifier", detail: "ce_id is no id of a command")
        }
        let externalID = try decoding { () throws(MessageFailure) in try record.externalID() }
        let time = record.header(HeaderName.time).flatMap { Timestamp(rfc3339: $0) }
        return CommandEnvelope(
            id: id, wallet: wallet,
            externalID: externalID ?? wallet.description,
            occurredAt: time ?? batch.now, now: batch.now)
    }

    private func carryOut(
        _ type: MessageType, _ record: Record, _ envelope: CommandEnvelope, _ batch: BatchContext
    ) throws(RecordFailure) {
        let first = try storing { () throws(StoreFailure) in try store.history.body(of: envelope.id) }
        if let first { return try answerAgain(first, type, record, envelope.wallet, batch) }
        var snapshot = try current(envelope.wallet, batch)
        switch type {
        case .award: try award(record, envelope, &snapshot, batch)
        case .walletOpen, .walletBlock, .walletUnblock:
            try changeWallet(type, record, envelope, &snapshot, batch)
        case .holdOpen: try openHold(record, envelope, &snapshot, batch)
        default: try endHold(type, record, envelope, &snapshot, batch)
        }
    }

    // MARK: Awards

    private func award(
        _ record: Record, _ envelope: CommandEnvelope, _ snapshot: inout WalletSnapshot?,
        _ batch: BatchContext
    ) throws(RecordFailure) {
        let command = try decoding { () throws(MessageFailure) in
            try AwardCommand.decode(record.bytes, in: record.valueRange ?? 0..<0)
        }
        guard command.event.value == envelope.id.value else {
            throw .unprocessable(code: "identifier", detail: "ce_id is not the event's id")
        }
        try check(command.externalID, snapshot)
        var envelope = envelope
        envelope.externalID = command.externalID
        envelope.occurredAt = command.occurredAt
        if snapshot == nil, command.opensWallet, !(command.reason?.isRefusal ?? false) {
            var opening = envelope
            opening.id = command.event.caused(.open)
            let open = OpenWallet(externalID: command.externalID, name: nil)
            try publish(DecideWallet.open(nil, open, opening), record, &snapshot, batch)
        }
        for (number, asset) in command.assets.enumerated() {
            let issuable = try storing { () throws(StoreFailure) in try store.issuable(asset) }
            let decision = DecideAward.decide(snapshot, command, in: asset, issuable: issuable, envelope)
            try publish(decision, record, &snapshot, batch)
            let body = publishAward(decision.transaction, record, batch)
            if number == 0 {
                batch.output.reply(to: record.replyAddress, outcome(decision.transaction), body: body)
            }
        }
    }

    /// A wallet's id is made from its external id; a command that names another one is not for this wallet.
    private func check(_ externalID: String, _ snapshot: WalletSnapshot?) throws(RecordFailure) {
        guard let snapshot, snapshot.wallet.externalID != externalID else { return }
        throw .unprocessable(code: "wrong-wallet", detail: "the key belongs to another external id")
    }

    // MARK: Wallets

    private func changeWallet(
        _ type: MessageType, _ record: Record, _ envelope: CommandEnvelope, _ snapshot: inout WalletSnapshot?,
        _ batch: BatchContext
    ) throws(RecordFailure) {
        let isNew = snapshot == nil
        if type == .walletOpen {
            let command = try decoding { () throws(MessageFailure) in
                try OpenWallet.decode(record.bytes, in: record.valueRange ?? 0..<0)
            }
            try check(command.externalID, snapshot)
            try publish(DecideWallet.open(snapshot, command, envelope), record, &snapshot, batch)
        } else {
            let command = try decoding { () throws(MessageFailure) in
                try BlockWallet.decode(record.bytes, in: record.valueRange ?? 0..<0)
            }
            let decision =
                type == .walletBlock
                ? DecideWallet.block(snapshot, command, envelope)
                : DecideWallet.unblock(snapshot, command, envelope)
            try publish(decision, record, &snapshot, batch)
        }
        replyWallet(snapshot, envelope.wallet, to: record, isNew ? .created : .done, batch)
    }

    // MARK: Holds

    private func openHold(
        _ record: Record, _ envelope: CommandEnvelope, _ snapshot: inout WalletSnapshot?,
        _ batch: BatchContext
    ) throws(RecordFailure) {
        let command = try decoding { () throws(MessageFailure) in
            try OpenHold.decode(record.bytes, in: record.valueRange ?? 0..<0)
        }
        guard !command.hold.isLedgersOwn else {
            throw .unprocessable(code: "identifier", detail: "the hold's id is one of the ledger's own")
        }
        let isKnown = try storing { () throws(StoreFailure) in try store.isHoldKnown(command.hold) }
        let isDebit = command.direction == .debit && snapshot != nil
        let lots = try storing { () throws(StoreFailure) in
            isDebit
                ? try store.lots.free(
                    covering: command.points, envelope.wallet, command.asset, now: batch.now) : []
        }
        let decision = DecideHold.decide(snapshot, command, isKnown: isKnown, lots: lots, envelope)
        let body = try publish(decision, record, &snapshot, batch)
        batch.output.reply(to: record.replyAddress, outcome(decision.transaction), body: body)
    }

    private func endHold(
        _ type: MessageType, _ record: Record, _ envelope: CommandEnvelope, _ snapshot: inout WalletSnapshot?,
        _ batch: BatchContext
    ) throws(RecordFailure) {
        let command = try decoding { () throws(MessageFailure) in
            try EndHold.decode(record.bytes, in: record.valueRange ?? 0..<0)
        }
        let (hold, reservations, issuable) = try storing { () throws(StoreFailure) in
            let hold = try store.holds.hold(command.hold)
            return (
                hold,
                try hold.map { hold throws(StoreFailure) in try store.holds.reservations(of: hold) } ?? [],
                try store.issuable(hold?.asset ?? .points)
            )
        }
        let decision =
            type == .holdCommit
            ? DecideEndHold.commit(snapshot, command, hold, reservations, issuable: issuable, envelope)
            : DecideEndHold.void(snapshot, command, hold, reservations, envelope)
        let body = try publish(decision, record, &snapshot, batch)
        let isApplied = decision.transaction.refusal == nil
        if isApplied, type == .holdCommit, hold?.direction == .debit {
            publishSpend(decision.transaction, record, batch)
        }
        batch.output.reply(to: record.replyAddress, outcome(decision.transaction), body: body)
        // Points that went back to a lot after its time expire with it.
        if isApplied { try expireOverdue(&snapshot, batch) }
    }

    // MARK: The worker's other calls

    /// A failure to find out is shown by the punctuation that is then due at once.
    var nextPunctuation: Timestamp? {
        do throws(StoreFailure) {
            return try store.nextDue()
        } catch {
            return .zero
        }
    }

    func punctuate(_ batch: BatchContext) throws(RecordFailure) {
        store.beginRecord()
        try sweep(batch)
    }

    /// Whoever waits for a command or a question that is none is told at once.
    func deadLettered(_ record: Record, code: String, detail: String, _ batch: BatchContext) {
        batch.replyRefused(record, code: code, detail: detail)
    }

    func batchEnding() throws(StoreFailure) { try store.writeMoves() }

    func restore(_ record: Record) throws(StoreFailure) { try store.history.restore(record) }

    func recordUndone() {
        store.undoRecord()
        store.forgetDue()
    }

    func batchUndone() {
        store.undoBatch()
        store.forgetDue()
    }
}
