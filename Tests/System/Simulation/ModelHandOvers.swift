// Events that came in on another partition than their key's, and what the gateway wrote to `intake` for them. The same
// event may have come in several times, on several partitions, with different headers: which record is whose is
// found once all are known. Used by ModelPassedOn.

import EventLog
import Messages
import Primitives

struct ModelHandOvers {
    /// An input and how it may be read, under each state that its source may have had.
    private struct Input {
        let record: ModelRecord
        let arrivals: [ModelArrival]
    }

    /// What is due and what was written for one event on its partition.
    private struct Event {
        let owner: PartitionIndex
        let event: EventID
        var inputs: [Input] = []
        var written: [ModelRecord] = []
    }

    private let run: ModelRun
    private var events: [String: Event] = [:]

    init(_ run: ModelRun) {
        self.run = run
        for partition in run.partitions.all {
            for record in run.records(.intake, partition) where !run.isFromOutside(record) {
                guard record.type == .purchase, let event = record.event else {
                    run.report(.oneOutcome, "\(record.label): handed on, and no purchase")
                    continue
                }
                events[Self.key(partition, event), default: Event(owner: partition, event: event)]
                    .written.append(record)
            }
        }
    }

    private static func key(_ owner: PartitionIndex, _ event: EventID) -> String { "\(owner) \(event)" }

    mutating func expect(_ input: ModelRecord, on owner: PartitionIndex, _ arrivals: [ModelArrival]) {
        let event = arrivals[0].event
        events[Self.key(owner, event), default: Event(owner: owner, event: event)]
            .inputs.append(Input(record: input, arrivals: arrivals))
    }

    /// Once every input has been told.
    func finish() {
        var pairs: [(input: ModelRecord, written: ModelRecord)] = []
        for (_, event) in events.sorted(by: { $0.key < $1.key }) {
            let fits = event.inputs.map { input in
                event.written.indices.filter { isRight(event.written[$0], input) }
            }
            judge(event, taken: assign(fits, to: event.written.count))
            for (index, candidates) in fits.enumerated() {
                guard candidates.count == 1, fits.count(where: { $0.contains(candidates[0]) }) == 1 else { continue }
                pairs.append((event.inputs[index].record, event.written[candidates[0]]))
            }
        }
        checkOrder(pairs)
    }

    private func isRight(_ written: ModelRecord, _ input: Input) -> Bool {
        input.arrivals.contains { written.value == $0.body && written.hasHeaders(ModelIntake.intakeHeaders($0)) }
    }

    private func judge(_ event: Event, taken: [Int?]) {
        var spare = event.written.indices.filter { !taken.contains($0) }
        for (index, input) in event.inputs.enumerated() where taken[index] == nil {
            if spare.isEmpty {
                run.reportMissing(.oneOutcome, "\(input.record.label): event \(event.event) was not handed on")
            } else {
                let written = event.written[spare.removeFirst()]
                run.report(.rightOutcome, "\(written.label): not what came in at \(input.record.place)")
            }
        }
        for index in spare {
            run.report(.oneOutcome, "\(event.written[index].label): handed on, and nobody sent it")
        }
    }

    /// As many inputs as can be have a record of their own, by augmenting paths.
    ///
    /// - Parameter fits: the records that each input may have become.
    /// - Returns: each input's record.
    private func assign(_ fits: [[Int]], to count: Int) -> [Int?] {
        var owners = [Int?](repeating: nil, count: count)
        func place(_ input: Int, _ tried: inout Set<Int>) -> Bool {
            for record in fits[input] where tried.insert(record).inserted {
                if let owner = owners[record], !place(owner, &tried) { continue }
                owners[record] = input
                return true
            }
            return false
        }
        for input in fits.indices {
            var tried: Set<Int> = []
            _ = place(input, &tried)
        }
        var taken = [Int?](repeating: nil, count: fits.count)
        for (record, input) in owners.enumerated() {
            if let input { taken[input] = record }
        }
        return taken
    }

    /// What came in on one partition lies on another in the same order.
    ///
    /// - Parameter pairs: those where nothing else is possible: of equal records nobody knows which is whose.
    private func checkOrder(_ pairs: [(input: ModelRecord, written: ModelRecord)]) {
        var newest: [String: ModelRecord] = [:]
        let ordered = pairs.sorted {
            ($0.input.partition, $0.input.offset) < ($1.input.partition, $1.input.offset)
        }
        for pair in ordered {
            let way = "\(pair.input.partition) \(pair.written.partition)"
            if let former = newest[way], former.offset > pair.written.offset {
                run.report(
                    .inputOrder, "\(pair.written.label) came in behind \(former.label) and lies before it")
            }
            newest[way] = pair.written
        }
    }
}

extension ModelRecord {
    func hasHeaders(_ due: [(name: String, value: [UInt8])]) -> Bool {
        record.headers.count == due.count
            && zip(record.headers, due).allSatisfy { seen, due in
                seen.name.elementsEqual(due.name.utf8) && seen.value == due.value
            }
    }
}
