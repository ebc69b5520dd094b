// What the gateway passed on: the first event of each key on `customer-events` and `reward-requests`, and questions
// to the owners of outcomes. Collected over all partitions, because a key's partition and a wallet's are different
// ones. Used by ModelGateway.

import EventLog
import Messages
import Primitives

final class ModelPassedOn {
    private let run: ModelRun
    private var firsts: [EventID: [ModelRecord]] = [:]
    private var questions: [ReplyAddress: [ModelRecord]] = [:]
    var handOvers: ModelHandOvers

    init(_ run: ModelRun) {
        self.run = run
        handOvers = ModelHandOvers(run)
        for partition in run.partitions.all {
            for topic in [TopicID.customerEvents, .rewardRequests] {
                for record in run.records(topic, partition) where !run.isFromOutside(record) { add(record) }
            }
        }
    }

    private func add(_ record: ModelRecord) {
        guard let event = record.event, let key = record.record.key,
            run.partitions.partition(of: key) == record.partition
        else { return run.report(.unreadable, "\(record.label): no event, or not on its wallet's partition") }
        switch (record.type, record.topic) {
        case (.purchase, .customerEvents), (.rewardRequest, .rewardRequests):
            firsts[event, default: []].append(record)
        case (.eventQuery, .customerEvents), (.rewardQuery, .rewardRequests):
            guard let address = record.reply else {
                return run.report(.unreadable, "\(record.label): a question that nobody waits for")
            }
            questions[address, default: []].append(record)
        default: run.report(.unreadable, "\(record.label): the gateway writes nothing of this type here")
        }
    }

    /// In the order of their times.
    func firsts(of event: EventID) -> [ModelRecord] {
        let found = firsts[event] ?? []
        return found.count > 1 ? found.sorted { $0.written < $1.written } : found
    }

    /// Events that nobody sent, once every partition has been looked at.
    func finish(known: Set<EventID>) {
        handOvers.finish()
        for (event, records) in firsts.sorted(by: { $0.key < $1.key }) where !known.contains(event) {
            for record in records { run.report(.oneOutcome, "\(record.label): passed on, and nobody sent it") }
        }
        // The first of a key may not be visible yet, though the question that came behind it is.
        for records in questions.values {
            for record in records { run.reportMissing(.oneOutcome, "\(record.label): a question that nobody asked") }
        }
    }

    // MARK: Comparing

    /// The payload is the same.
    func isSame(_ record: ModelRecord, _ arrival: ModelArrival) -> Bool {
        record.type == arrival.type && record.wallet == arrival.wallet
            && fingerprint(of: record.value ?? [], type: arrival.type) == arrival.fingerprint
    }

    /// So are the bytes and every header.
    func isExactly(_ record: ModelRecord, _ arrival: ModelArrival) -> Bool {
        record.value == arrival.body && record.hasHeaders(arrival.headers)
    }

    /// Of the readings under different states of a source, those that what was written shows to be right; the
    /// first where nothing shows it.
    func fitting(_ arrivals: [ModelArrival]) -> [ModelArrival] {
        guard arrivals.count > 1, let first = arrivals.first else { return arrivals }
        let records = firsts[first.event] ?? []
        let right = arrivals.first { arrival in records.contains { isExactly($0, arrival) } }
        return [right ?? first]
    }

    // MARK: Taking

    /// - Returns: false if there is none such.
    func takeQuestion(at address: ReplyAddress, _ event: EventID, isReplayed: Bool) -> Bool {
        guard let found = questions[address]?.firstIndex(where: { record in
            record.event == event && (record.text("replayed") == "1") == isReplayed
        }) else { return false }
        questions[address]?.remove(at: found)
        return true
    }
}
