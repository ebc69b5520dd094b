// One commit of a worker's producer, step by step as the brokers see it: records, offsets, end of the
// transaction. The fault drawn for it strikes at the step it belongs to. Called by ``SimulatedProducer``
// only.

import EventLog
import Primitives

/// What a producer wants committed, in the cluster's terms.
struct CommitRequest {
    let transactionalID: String
    let epoch: Int64
    let records: RecordBatch
    /// Where each record goes.
    let slots: [Slot]
    let offsets: [(slot: Slot, next: Offset)]
    let membership: Membership
}

/// How it ended: as ``TransactionOutcome``, with the offset of every record.
enum CommitEnd: Sendable {
    case committed([Offset])
    case aborted(LogFailure)
    case fenced(LogFailure)
    case unknown(LogFailure)
}

/// How far a commit came in its first half.
enum CommitBegin: Sendable {
    /// All is in the open transaction; the fault strikes at its end.
    case written([Offset], Fault?)
    case ended(CommitEnd)

    var end: CommitEnd {
        switch self {
        case .ended(let end): end
        case .written: preconditionFailure("the transaction has not ended")
        }
    }
}

extension ClusterState {
    /// Begins the transaction and puts records and offsets into it.
    mutating func beginCommit(_ request: CommitRequest) -> CommitBegin {
        let id = request.transactionalID
        let fault = decide(.commit, of: id)
        if isBrokerPaused { return .ended(.unknown(.lostAnswer(id))) }
        do throws(LogFailure) {
            try check(request.epoch, of: id, in: "begin transaction")
            if case .fail(let consequence) = fault { throw .injected(id, consequence) }
            begin(id)
            return .written(try write(request), fault)
        } catch {
            return .ended(refuse(request, error))
        }
    }

    /// Ends the transaction, if it is still the producer's own.
    mutating func finishCommit(_ request: CommitRequest, with fault: Fault?, written: [Offset]) -> CommitEnd {
        if isBrokerPaused { return .unknown(.lostAnswer(request.transactionalID)) }
        do throws(LogFailure) {
            try check(request.epoch, of: request.transactionalID, in: "commit transaction")
            return try end(request, with: fault, written: written)
        } catch {
            return refuse(request, error)
        }
    }

    private mutating func write(_ request: CommitRequest) throws(LogFailure) -> [Offset] {
        var written: [Offset] = []
        written.reserveCapacity(request.records.count)
        for (record, slot) in zip(request.records, request.slots) {
            let headers = (0..<record.headerCount).map { number in
                let header = record.header(at: number)
                return SimulatedRecord.Header(Array(header.name), Array(header.value))
            }
            written.append(
                try write(
                    to: slot, key: record.key.map(Array.init), headers: headers,
                    value: record.value.map(Array.init), by: request.transactionalID))
        }
        guard !request.offsets.isEmpty else { return written }
        try check(request.membership)
        addOffsets(request.offsets, group: request.membership.group, by: request.transactionalID)
        return written
    }

    /// Records and offsets are in place; only the decision is missing.
    private mutating func end(
        _ request: CommitRequest, with fault: Fault?, written: [Offset]
    ) throws(LogFailure) -> CommitEnd {
        let id = request.transactionalID
        switch fault {
        case .requestLost:
            return .unknown(.lostAnswer(id))
        case .offsetsStray:
            straying[id] = request.offsets.map {
                (request.membership.group, PendingOffset(producer: id, slot: $0.slot, next: $0.next))
            }
            return .unknown(.lostAnswer(id))
        case .requestLate(let milliseconds):
            postpone(.commitRequest(id: id, epoch: request.epoch), by: milliseconds)
            return .unknown(.lostAnswer(id))
        case .abort:
            throw .injected(id, .retry)
        case .fence:
            _ = initializeProducer(id)
        case .pause(let milliseconds):
            let membership = request.membership
            silence(membership.member, of: membership.group, incarnation: membership.incarnation)
            advance(milliseconds: milliseconds)
        case .markersLate(let milliseconds):
            decideCommit(id, markersAfter: milliseconds)
            return .committed(written)
        case .markersApart(let milliseconds):
            decideCommit(id, markersWithin: milliseconds)
            return .committed(written)
        case .answerLost:
            end(id, committed: true)
            return .unknown(.lostAnswer(id))
        case .fail, .repeated, .slow, nil:
            break
        }
        try check(request.epoch, of: id, in: "commit transaction")
        end(id, committed: true)
        return .committed(written)
    }

    /// Aborts what was begun; a fenced producer has nothing of its own left to abort.
    private mutating func refuse(_ request: CommitRequest, _ failure: LogFailure) -> CommitEnd {
        let id = request.transactionalID
        trace.note("refused \(id): \(failure.code)")
        if transactionalIDs[id]?.epoch == request.epoch { end(id, committed: false) }
        switch failure.consequence {
        case .retry, .stop: return .aborted(failure)
        case .dropPartitions, .discardProducer: return .fenced(failure)
        }
    }
}

extension LogFailure {
    static func lostAnswer(_ id: String) -> LogFailure {
        LogFailure(
            operation: "commit transaction", code: "_TIMED_OUT", detail: id, consequence: .discardProducer)
    }

    fileprivate static func injected(_ id: String, _ consequence: Consequence) -> LogFailure {
        LogFailure(operation: "commit transaction", code: "_FAIL", detail: id, consequence: consequence)
    }
}
