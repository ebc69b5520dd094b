// What happens by itself when virtual time passes: requests and markers that arrive late, transactions,
// sessions and rebalances that time out. Fired in the order of their times, then of their kinds, then of
// their names. While the broker is paused everything waits for it.

import EventLog
import Primitives

/// Something already on its way.
struct Deferred: Sendable {
    enum Action: Sendable {
        /// The markers of a transaction that is decided.
        case markers(id: String, transaction: TransactionNumber)
        /// The marker of one partition, or of one group's offsets, of a transaction that is decided.
        case marker(of: TransactionPart, id: String, transaction: TransactionNumber)
        /// A producer's request to commit.
        case commitRequest(id: String, epoch: Int64)
    }

    let due: Timestamp
    let action: Action
}

extension ClusterState {
    mutating func postpone(_ action: Deferred.Action, by milliseconds: Int64) {
        deferred.append(Deferred(due: now.adding(milliseconds: milliseconds), action: action))
    }

    mutating func advance(milliseconds: Int64) {
        precondition(milliseconds >= 0, "the broker's time only moves forward")
        let target = now.adding(milliseconds: milliseconds)
        while let next = nextDeadline(), next <= target {
            move(to: max(next, now))
            fireDeferred()
            expireTransactions()
            expireMembers()
        }
        move(to: target)
    }

    private mutating func move(to time: Timestamp) {
        clock.advance(milliseconds: time.milliseconds - now.milliseconds)
        now = time
    }

    private func nextDeadline() -> Timestamp? {
        var times = deferred.map(\.due)
        times += transactionalIDs.values.compactMap(deadline)
        times += groups.values.flatMap { group in
            group.members.compactMap { deadline(of: $0, in: group) }
        }
        return times.min().map { max($0, brokerPausedUntil) }
    }

    private func deadline(of id: TransactionalID) -> Timestamp? {
        id.openTransaction.map { transaction in
            let due = transaction.started.milliseconds + settings.transactionTimeoutMilliseconds
            let check = settings.transactionCheckMilliseconds
            return Timestamp(milliseconds: (due + check - 1) / check * check)
        }
    }

    /// When the group removes the member: silent for too long, or alive but not rejoining.
    private func deadline(of member: Group.Member, in group: Group) -> Timestamp? {
        var times: [Timestamp] = []
        if let silent = member.silentSince {
            times.append(silent.adding(milliseconds: settings.sessionTimeoutMilliseconds))
        }
        if case .preparing(let since) = group.phase, !member.hasJoined {
            times.append(since.adding(milliseconds: settings.rebalanceTimeoutMilliseconds))
        }
        return times.min()
    }

    private mutating func fireDeferred() {
        let due = deferred.filter { $0.due <= now }.enumerated().sorted {
            ($0.element.due, $0.offset) < ($1.element.due, $1.offset)
        }
        deferred.removeAll { $0.due <= now }
        for (_, item) in due {
            switch item.action {
            case .markers(let id, let transaction):
                guard case .completing(let current) = transactionalIDs[id]?.phase,
                    current.number == transaction
                else { continue }
                completeMarkers(of: id)
            case .marker(let part, let id, let transaction):
                guard case .completing(let current) = transactionalIDs[id]?.phase,
                    current.number == transaction
                else { continue }
                completeMarker(part, of: id)
            case .commitRequest(let id, let epoch):
                guard transactionalIDs[id]?.epoch == epoch else { continue }
                end(id, committed: true)
            }
        }
    }

    /// Aborts what is open for too long and fences its producer, as the coordinator does.
    private mutating func expireTransactions() {
        for (id, state) in transactionalIDs.sorted(by: { $0.key < $1.key }) {
            guard let deadline = deadline(of: state), deadline <= now else { continue }
            trace.note("transaction of \(id) timed out")
            end(id, committed: false)
            bumpEpoch(of: id)
        }
    }

    private mutating func expireMembers() {
        for (name, group) in groups.sorted(by: { $0.key < $1.key }) {
            for member in group.members {
                guard let deadline = deadline(of: member, in: group), deadline <= now else { continue }
                remove(member.name, from: name)
            }
        }
    }
}
