// Where a consumer or reader stands in each of its partitions, and the filling of a batch from there. Only
// committed records before the last stable offset are returned; markers, aborted records and holes are
// stepped over.

import EventLog
import Primitives

/// A partition as its process and as the cluster know it.
struct FetchPlace: Sendable {
    let place: TopicPartition
    let slot: Slot
    var position: Offset
    /// The end that was reported last; each end is reported once.
    var reportedEnd: Offset?
}

struct FetchSession: Sendable {
    private var places: [FetchPlace] = []
    /// The place that the next poll starts with, so that a long partition does not starve the others.
    private var first = 0

    /// Replaces what is fetched.
    mutating func start(_ starts: [(slot: Slot, position: FetchPosition)], in state: ClusterState) {
        first = 0
        places = starts.map { slot, position in
            let offset =
                switch position.start {
                case .offset(let offset): offset
                case .beginning: state[slot].start
                case .end: state[slot].stableEnd
                }
            return FetchPlace(place: position.place, slot: slot, position: offset)
        }
    }

    mutating func stop() { places = [] }

    /// Goes back so many offsets in every partition.
    mutating func rewind(by offsets: Int64, in state: ClusterState) {
        for index in places.indices {
            let (position, start) = (places[index].position, state[places[index].slot].start)
            places[index].position = max(start, Offset(max(0, position.number - offsets)))
        }
    }

    /// Appends what is there, up to the limits; returns the partitions whose end was reached now.
    mutating func fill(
        _ batch: RecordBatch, limits: BatchLimits, from state: ClusterState
    ) throws(LogFailure) -> [ReachedEnd] {
        guard !places.isEmpty else { return [] }
        for place in places { try checkRange(place, state) }
        let (records, bytes) = (batch.count + limits.records, batch.byteCount + limits.bytes)
        var ends: [ReachedEnd] = []
        for turn in places.indices {
            let index = (first + turn) % places.count
            let log = state[places[index].slot]
            while batch.count < records, batch.byteCount < bytes,
                let record = log.firstCommitted(from: places[index].position)
            {
                append(record, at: places[index].place, to: batch)
                places[index].position = record.offset.next
            }
            guard log.firstCommitted(from: places[index].position) == nil else { continue }
            places[index].position = max(places[index].position, log.stableEnd)
            if places[index].reportedEnd != log.stableEnd {
                places[index].reportedEnd = log.stableEnd
                ends.append(ReachedEnd(places[index].place, at: log.stableEnd))
            }
        }
        first = (first + 1) % places.count
        return ends
    }

    /// A position outside the log is the reader's to deal with.
    private func checkRange(_ place: FetchPlace, _ state: ClusterState) throws(LogFailure) {
        try state.checkExists(place.slot)
        let log = state[place.slot]
        guard place.position >= log.start, place.position <= log.end else {
            throw LogFailure(
                operation: "poll", code: "OFFSET_OUT_OF_RANGE",
                detail: "\(state.name(of: place.slot)) @\(place.position), not in \(log.start)...\(log.end)",
                consequence: .stop, cause: .outOfRange)
        }
    }

    private func append(_ record: SimulatedRecord, at place: TopicPartition, to batch: RecordBatch) {
        batch.append(to: place, key: record.key, offset: record.offset, timestamp: record.timestamp)
        for header in record.headers { batch.addHeader(header.name, header.value) }
        if let value = record.value { batch.setValue(value) }
    }
}

extension BatchLimits {
    /// The limits of a poll that meets a fault.
    func after(
        _ fault: Fault?, _ session: inout FetchSession, _ state: ClusterState
    ) throws(LogFailure) -> BatchLimits {
        switch fault {
        case nil: return self
        case .repeated(let records):
            session.rewind(by: records, in: state)
            return self
        case .slow: return BatchLimits(records: 1, bytes: bytes, lingerMilliseconds: lingerMilliseconds)
        case let fault?:
            throw LogFailure(
                operation: "poll", code: "_TRANSPORT", detail: "injected", consequence: fault.consequence)
        }
    }
}
