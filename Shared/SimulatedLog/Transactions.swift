// The registry of transactional ids: epochs, the transaction that each has open, and how transactions end.
// Called by producers, by outside transactions of tests, and by time. Nothing here knows a process; an epoch
// is all it trusts.

import EventLog
import Primitives

/// What a transaction has touched, so that its end reaches all of it.
struct Transaction: Sendable {
    let number: TransactionNumber
    let started: Timestamp
    /// In the order of the first write.
    var slots: [Slot] = []
    var groups: [String] = []

    var parts: [TransactionPart] { slots.map(TransactionPart.records) + groups.map(TransactionPart.offsets) }
}

/// What gets a marker of its own when a transaction ends.
enum TransactionPart: Sendable, Hashable {
    case records(Slot)
    case offsets(group: String)
}

/// A transactional id.
///
///     idle --begin--> open --end--> idle
///                     open --end, markers late--> completing --markers--> idle
///
/// | from       | initialise             | time-out               |
/// |------------|------------------------|------------------------|
/// | idle       | new epoch              | -                      |
/// | open       | new epoch, aborted     | new epoch, aborted     |
/// | completing | new epoch, markers now | -                      |
struct TransactionalID: Sendable {
    enum Phase: Sendable {
        case idle
        case open(Transaction)
        /// Decided, but readers cannot see it yet.
        case completing(Transaction)
    }

    var epoch: Int64 = 0
    var phase = Phase.idle

    var openTransaction: Transaction? {
        if case .open(let transaction) = phase { transaction } else { nil }
    }
}

extension ClusterState {
    /// Fences older producers of the id and ends what they left behind.
    ///
    /// - Returns: the new epoch.
    mutating func initializeProducer(_ id: String) -> Int64 {
        switch transactionalIDs[id]?.phase ?? .idle {
        case .idle: break
        case .open: end(id, committed: false)
        case .completing: completeMarkers(of: id)
        }
        for (group, offset) in straying.removeValue(forKey: id) ?? [] {
            trace.note("stray offset \(group) \(name(of: offset.slot)) @\(offset.next) of \(id)")
            groups[group, default: Group()].pending.append(offset)
        }
        return bumpEpoch(of: id)
    }

    /// The end of a transaction that offsets of the group alone are in.
    mutating func clearOffsets(of id: String, in group: String) {
        completeMarkers(of: id)
        groups[group]?.settle(of: id, committed: false)
    }

    @discardableResult
    mutating func bumpEpoch(of id: String) -> Int64 {
        let epoch = (transactionalIDs[id]?.epoch ?? 0) + 1
        transactionalIDs[id, default: TransactionalID()].epoch = epoch
        trace.note("epoch \(epoch) of \(id)")
        return epoch
    }

    func check(_ epoch: Int64, of id: String, in operation: String) throws(LogFailure) {
        guard let current = transactionalIDs[id], current.epoch == epoch else {
            throw .fencedProducer(operation, "\(id): epoch \(epoch) is not the newest")
        }
    }

    /// Starts a transaction, after the markers of the one before it.
    mutating func begin(_ id: String) {
        completeMarkers(of: id)
        let transaction = Transaction(number: freshNumber(), started: now)
        transactionalIDs[id, default: TransactionalID()].phase = .open(transaction)
        trace.note("begin \(transaction.number) of \(id)")
    }

    /// Writes one record in the id's open transaction.
    mutating func write(
        to slot: Slot, key: [UInt8]?, headers: [SimulatedRecord.Header], value: [UInt8]?, by id: String
    ) throws(LogFailure) -> Offset {
        guard var transaction = transactionalIDs[id]?.openTransaction else {
            throw .fencedProducer("append", "\(id): no transaction is open")
        }
        let offset = try append(to: slot, key: key, headers: headers, value: value, in: transaction.number)
        if !transaction.slots.contains(slot) {
            transaction.slots.append(slot)
            transactionalIDs[id]?.phase = .open(transaction)
        }
        return offset
    }

    /// Puts offsets into the open transaction; they count as pending until its markers are written.
    mutating func addOffsets(_ offsets: [(slot: Slot, next: Offset)], group: String, by id: String) {
        guard var transaction = transactionalIDs[id]?.openTransaction else { return }
        if !transaction.groups.contains(group) { transaction.groups.append(group) }
        transactionalIDs[id]?.phase = .open(transaction)
        for (slot, next) in offsets {
            groups[group, default: Group()].pending.append(
                PendingOffset(producer: id, slot: slot, next: next))
            trace.note("offset \(group) \(name(of: slot)) @\(next) in \(transaction.number)")
        }
    }

    /// Ends the id's open transaction at once: markers, offsets, and all of it visible or none.
    mutating func end(_ id: String, committed: Bool) {
        guard let transaction = transactionalIDs[id]?.openTransaction else { return }
        transactionalIDs[id]?.phase = .idle
        settle(transaction, of: id, committed: committed)
    }

    /// Decides for commit, and leaves the markers for later.
    mutating func decideCommit(_ id: String, markersAfter delay: Int64) {
        guard let transaction = transactionalIDs[id]?.openTransaction else { return }
        transactionalIDs[id]?.phase = .completing(transaction)
        postpone(.markers(id: id, transaction: transaction.number), by: delay)
    }

    /// Decides for commit; the markers follow one by one. Which comes first differs from one transaction to
    /// the next.
    mutating func decideCommit(_ id: String, markersWithin delay: Int64) {
        guard let transaction = transactionalIDs[id]?.openTransaction else { return }
        transactionalIDs[id]?.phase = .completing(transaction)
        let parts = transaction.parts
        let first = Int(transaction.number % Int64(parts.count))
        for turn in parts.indices {
            let part = parts[(first + turn) % parts.count]
            let wait = delay * Int64(turn + 1) / Int64(parts.count)
            postpone(.marker(of: part, id: id, transaction: transaction.number), by: wait)
        }
    }

    mutating func completeMarker(_ part: TransactionPart, of id: String) {
        guard case .completing(var transaction) = transactionalIDs[id]?.phase else { return }
        settle(part, of: transaction.number, by: id, committed: true)
        transaction.slots.removeAll { part == .records($0) }
        transaction.groups.removeAll { part == .offsets(group: $0) }
        transactionalIDs[id]?.phase = transaction.parts.isEmpty ? .idle : .completing(transaction)
    }

    mutating func completeMarkers(of id: String) {
        guard case .completing(let transaction) = transactionalIDs[id]?.phase else { return }
        transactionalIDs[id]?.phase = .idle
        settle(transaction, of: id, committed: true)
    }

    private mutating func settle(_ transaction: Transaction, of id: String, committed: Bool) {
        trace.note("\(committed ? "commit" : "abort") \(transaction.number)")
        for part in transaction.parts { settle(part, of: transaction.number, by: id, committed: committed) }
    }

    private mutating func settle(
        _ part: TransactionPart, of transaction: TransactionNumber, by id: String, committed: Bool
    ) {
        switch part {
        case .records(let slot): self[slot].finish(transaction, committed: committed, at: now)
        case .offsets(let group): groups[group]?.settle(of: id, committed: committed)
        }
    }
}
