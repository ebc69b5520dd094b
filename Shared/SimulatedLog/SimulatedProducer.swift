// The transactional producer over the simulated cluster. It holds an epoch and nothing else; a commit whose
// outcome is unknown, or that was fenced by another producer, ends its life, and it refuses everything after
// that.

import EventLog
import Primitives

public final class SimulatedProducer: TransactionalProducer {
    /// Diagram: fresh --initialize--> ready --commit unknown or fenced, close--> discarded.
    private enum Phase {
        case fresh
        case ready(epoch: Int64)
        case discarded
    }

    private let log: SimulatedLog
    private let transactionalID: String
    private let tracked: [TopicID]
    private var phase = Phase.fresh

    init(log: SimulatedLog, transactionalID: String, tracked: [TopicID]) {
        self.log = log
        self.transactionalID = transactionalID
        self.tracked = tracked
    }

    public func initialize() throws(LogFailure) {
        if case .discarded = phase {
            throw .fencedProducer("init transactions", "\(transactionalID): discarded")
        }
        try log.process.mustLive("init transactions")
        let id = transactionalID
        let epoch = try log.cluster.locked { state throws(LogFailure) in
            let fault = state.decide(.initialize, of: id)
            guard !state.isBrokerPaused else { throw LogFailure.timedOut("init transactions", id) }
            if let fault, fault != .answerLost {
                throw LogFailure(
                    operation: "init transactions", code: "_FAIL", detail: id, consequence: fault.consequence)
            }
            let epoch = state.initializeProducer(id)
            if fault == .answerLost { throw LogFailure.timedOut("init transactions", id) }
            return epoch
        }
        phase = .ready(epoch: epoch)
    }

    /// - Precondition: initialised, and `offsets` is not empty; a transaction without would not be fenced.
    public func commit(
        _ records: RecordBatch, offsets: [InputPosition], of consumer: SimulatedConsumer
    ) -> TransactionOutcome {
        precondition(
            !offsets.isEmpty || log.cluster.skips(.offsetsInEveryTransaction),
            "a transaction without offsets is not fenced by the group")
        switch phase {
        case .fresh: preconditionFailure("a producer is initialised before it commits")
        case .discarded: return .fenced(.fencedProducer("begin transaction", "\(transactionalID): discarded"))
        case .ready(let epoch):
            do throws(LogFailure) {
                let request = try request(records, offsets, consumer.metadata, epoch: epoch)
                return outcome(commit(request), of: records)
            } catch {
                return .aborted(error)
            }
        }
    }

    /// At once: no other call comes in between.
    public func clearOffsets(at place: TopicPartition, of consumer: SimulatedConsumer) -> TransactionOutcome? {
        guard case .ready(let epoch) = phase else {
            return .fenced(.fencedProducer("begin transaction", "\(transactionalID): not initialised"))
        }
        let (id, membership) = (transactionalID, consumer.metadata)
        return log.cluster.locked { state in
            guard !state.isBrokerPaused else { return .unknown(.lostAnswer(id)) }
            do throws(LogFailure) {
                try state.check(epoch, of: id, in: "begin transaction")
                try state.check(membership)
                state.clearOffsets(of: id, in: membership.group)
                return nil
            } catch {
                return .fenced(error)
            }
        }
    }

    /// In steps, between which the process may stand still or end.
    private func commit(_ request: CommitRequest) -> CommitEnd {
        let (process, cluster) = (log.process, log.cluster)
        process.reached(.processed)
        guard !process.isDead else { return .unknown(.lostAnswer(transactionalID)) }
        let begun = cluster.locked { state in state.beginCommit(request) }
        guard case .written(let offsets, let fault) = begun else { return begun.end }
        process.reached(.written)
        guard !process.isDead else { return .unknown(.lostAnswer(transactionalID)) }
        let end = cluster.locked { state in state.finishCommit(request, with: fault, written: offsets) }
        process.reached(.decided)
        return process.isDead ? .unknown(.lostAnswer(transactionalID)) : end
    }

    private func request(
        _ records: RecordBatch, _ offsets: [InputPosition], _ membership: Membership, epoch: Int64
    ) throws(LogFailure) -> CommitRequest {
        var slots: [Slot] = []
        slots.reserveCapacity(records.count)
        for record in records { slots.append(try log.slot(of: record.place)) }
        var positions: [(slot: Slot, next: Offset)] = []
        for offset in offsets { positions.append((try log.slot(of: offset.place), offset.next)) }
        return CommitRequest(
            transactionalID: transactionalID, epoch: epoch, records: records, slots: slots,
            offsets: positions,
            membership: membership)
    }

    private func outcome(_ end: CommitEnd, of records: RecordBatch) -> TransactionOutcome {
        switch end {
        case .committed(let written):
            return .committed(ends(of: records, written))
        case .aborted(let failure):
            return .aborted(failure)
        case .fenced(let failure):
            if failure.consequence == .discardProducer { phase = .discarded }
            return .fenced(failure)
        case .unknown(let failure):
            if !log.cluster.skips(.producersEndWithUnknownOutcomes) { phase = .discarded }
            return .unknown(failure)
        }
    }

    /// The offset behind the last record in each partition of a tracked topic, sorted by partition.
    private func ends(of records: RecordBatch, _ written: [Offset]) -> [InputPosition] {
        var last: [TopicPartition: Offset] = [:]
        for (record, offset) in zip(records, written) where tracked.contains(record.topic) {
            last[record.place] = offset
        }
        return last.sorted { $0.key < $1.key }.map { InputPosition($0.key, next: $0.value.next) }
    }

    public func close() { phase = .discarded }
}
