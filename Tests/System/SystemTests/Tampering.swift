// Changes the evidence of a good run, one thing at a time, so that tests can require that a check notices.

import EventLog
import Foundation
import JSONText
import Messages
import Primitives
import Simulation

@testable import SimulatedLog

/// Where a record stands in the evidence.
struct Spot {
    let topic: TopicID
    let partition: Int
    let index: Int
}

struct Tampering {
    var submitted: [Submitted]
    var topics: [TopicID: [[SimulatedRecord]]]
    var attempts: [WebhookAttempt]
    var stores: [StoreContents]
    var requests: [HTTPExchange]
    private let original: Evidence

    /// - Parameter withStores: rows follow from topics; a change of a topic alone leaves them behind.
    init(_ evidence: Evidence, withStores: Bool = false) {
        original = evidence
        submitted = evidence.submitted
        topics = evidence.topics
        attempts = evidence.attempts
        requests = evidence.requests
        stores = withStores ? evidence.stores : []
    }

    var evidence: Evidence {
        Evidence(
            partitions: original.partitions, submitted: submitted, topics: topics, attempts: attempts,
            stores: stores, isSettled: true, endedAt: original.endedAt, requests: requests)
    }

    // MARK: Finding

    subscript(_ spot: Spot) -> SimulatedRecord {
        get { topics[spot.topic]?[spot.partition][spot.index] ?? SimulatedRecord.none }
        set { topics[spot.topic]?[spot.partition][spot.index] = newValue }
    }

    func spots(_ topic: TopicID, where isWanted: (SimulatedRecord) -> Bool = { _ in true }) -> [Spot] {
        (topics[topic] ?? []).enumerated().flatMap { partition, records in
            records.indices.filter { isWanted(records[$0]) }.map {
                Spot(topic: topic, partition: partition, index: $0)
            }
        }
    }

    func first(_ topic: TopicID, where isWanted: (SimulatedRecord) -> Bool = { _ in true }) -> Spot? {
        spots(topic, where: isWanted).first
    }

    func last(_ topic: TopicID, where isWanted: (SimulatedRecord) -> Bool = { _ in true }) -> Spot? {
        spots(topic, where: isWanted).last
    }

    /// A transaction of which no answer and no notice tells.
    func untold(where isWanted: (WalletTransaction) -> Bool) -> Spot? {
        let told = (topics[.replies] ?? []).joined().map { $0.valueText ?? "" }
        return spots(.walletTransactions).last { spot in
            guard let transaction = transaction(spot), isWanted(transaction) else { return false }
            return !told.contains { $0.contains(transaction.id.description) }
        }
    }

    /// The partitions of `ingress` on which an event with this record's key came in.
    func senders(of record: SimulatedRecord) -> [Int] {
        spots(.ingress) { input in
            input.headerText("idempotency-key").map { Array($0.utf8) } ?? input.key == record.key
        }.map(\.partition)
    }

    func sender(of spot: Spot) -> Int? { senders(of: self[spot]).first }

    func transaction(_ spot: Spot) -> WalletTransaction? {
        do throws(MessageFailure) {
            return try WalletTransaction.decode(self[spot].value ?? [])
        } catch {
            return nil
        }
    }

    // MARK: Changing

    mutating func remove(_ spot: Spot) { topics[spot.topic]?[spot.partition].remove(at: spot.index) }

    mutating func double(_ spot: Spot) {
        let record = self[spot]
        topics[spot.topic]?[spot.partition].append(Self.moved(record, to: Offset(1_000_000)))
    }

    /// Offsets stay where they are.
    mutating func swap(_ one: Spot, _ other: Spot) {
        let (first, second) = (self[one], self[other])
        self[one] = Self.moved(second, to: first.offset)
        self[other] = Self.moved(first, to: second.offset)
    }

    private static func moved(_ record: SimulatedRecord, to offset: Offset) -> SimulatedRecord {
        SimulatedRecord(
            offset: offset, timestamp: record.timestamp, key: record.key, headers: record.headers, value: record.value)
    }

    mutating func put(_ transaction: WalletTransaction, at spot: Spot) {
        var writer = JSONWriter()
        transaction.encode(to: &writer)
        setValue(spot, writer.bytes)
    }

    mutating func setValue(_ spot: Spot, _ value: [UInt8]?) {
        let record = self[spot]
        self[spot] = SimulatedRecord(
            offset: record.offset, timestamp: record.timestamp, key: record.key, headers: record.headers, value: value)
    }

    mutating func setHeader(_ spot: Spot, _ name: String, _ value: String) {
        let record = self[spot]
        self[spot] = SimulatedRecord(
            offset: record.offset, timestamp: record.timestamp, key: record.key,
            headers: record.headers.map { $0.name == Array(name.utf8) ? .init(name, value) : $0 },
            value: record.value)
    }

    /// - Returns: false if the text does not stand there.
    mutating func replace(_ spot: Spot, _ text: String, by other: String) -> Bool {
        guard let value = self[spot].valueText, let range = value.range(of: text) else { return false }
        setValue(spot, Array(value.replacingCharacters(in: range, with: other).utf8))
        return true
    }

    /// Loses, doubles, swaps or garbles something, anywhere.
    mutating func distort(_ entropy: inout SeededEntropy) {
        let services: [TopicID] = [
            .intake, .customerEvents, .walletCommands, .walletTransactions, .awards, .spends, .rewardRequests,
            .rewardsIssued, .evaluations, .notices, .replies, .ingress,
        ]
        let topic = services[Int(entropy.below(UInt64(services.count)))]
        let spots = spots(topic)
        guard !spots.isEmpty else { return }
        let spot = spots[Int(entropy.below(UInt64(spots.count)))]
        let record = self[spot]
        var value = record.value ?? []
        switch entropy.below(8) {
        case 0: remove(spot)
        case 1: double(spot)
        case 2: swap(spot, spots[Int(entropy.below(UInt64(spots.count)))])
        case 3: setValue(spot, nil)
        case 4:
            for _ in 0..<4 where !value.isEmpty {
                // Digits mostly: numbers out of all bounds are what arithmetic fears.
                value[Int(entropy.below(UInt64(value.count)))] = entropy.below(4) == 0 ? 0x7d : 0x39
            }
            setValue(spot, value)
        case 5:
            guard !record.headers.isEmpty else { return }
            let name = record.headers[Int(entropy.below(UInt64(record.headers.count)))].name
            let odd = ["", "?", "9999999999999999999", "00"][Int(entropy.below(4))]
            setHeader(spot, String(decoding: name, as: UTF8.self), odd)
        case 6:
            let digits = value.indices.filter { (0x30...0x39).contains(value[$0]) }
            guard let digit = digits.first else { return }
            value.insert(contentsOf: Array("99999".utf8), at: digit)
            setValue(spot, value)
        default:
            self[spot] = SimulatedRecord(
                offset: record.offset, timestamp: record.timestamp, key: Array("0".utf8), headers: record.headers,
                value: record.value)
        }
    }

    /// Takes away everything that subscribers were told of an outcome.
    mutating func silence(_ id: String) {
        attempts.removeAll { $0.header("webhook-id").hasPrefix(id) }
        for partition in topics[.notices]?.indices ?? 0..<0 {
            topics[.notices]?[partition].removeAll { $0.headerText("ce_id") == id }
            topics[.deadLetters(of: .notifier)]?[partition].removeAll { $0.headerText("ce_id") == id }
        }
    }

    /// Changes a column of the first row that fits.
    mutating func alter(
        _ service: ServiceName, _ table: String, _ column: String, by other: String?,
        where isWanted: ([String: String?]) -> Bool = { _ in true }
    ) -> Bool {
        for (number, store) in stores.enumerated() where store.service == service {
            guard let row = store.tables[table]?.firstIndex(where: isWanted) else { continue }
            var tables = store.tables
            tables[table]?[row].updateValue(other, forKey: column)
            stores[number] = StoreContents(service: service, partition: store.partition, tables: tables)
            return true
        }
        return false
    }
}

extension SimulatedRecord {
    fileprivate static let none = SimulatedRecord(
        offset: .zero, timestamp: .zero, key: nil, headers: [], value: nil)
}

extension WebhookAttempt {
    func header(_ name: String) -> String { headers.last { $0.name == name }?.value ?? "" }

    func with(_ name: String, _ value: String) -> WebhookAttempt {
        WebhookAttempt(
            time: time, url: url, headers: headers.map { $0.name == name ? (name, value) : $0 }, body: body,
            status: status)
    }
}
