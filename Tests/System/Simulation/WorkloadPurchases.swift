// Purchases of the workload: on `ingress` by four sources, each in its own shape, keyed by Kafka's own
// partitioner or lying anywhere; and on `intake` as the HTTP door writes them. With repeats, contradictions,
// events from long ago or from the future, and records that are none.

import EventLog
import JSONText
import Messages
import Primitives

extension Workload {
    /// How far from now a purchase's own time lies, where that is no matter.
    private static let usualAge: UInt64 = 3_600_000

    // MARK: On ingress

    mutating func purchase(_ now: Timestamp) -> Submission {
        let age = below(Self.usualAge)
        return send(drawn(at: now.adding(milliseconds: -Int64(age))), by: one(of: WorkloadCatalogue.sources))
    }

    /// The same key and payload, as it was or written otherwise, by the same way or another one.
    mutating func repeatPurchase(_ now: Timestamp) -> Submission {
        guard let sent = recent(of: purchases.filter { $0.record != nil }), var record = sent.record else {
            return purchase(now)
        }
        if chance(50) { record.partition = chance(50) ? nil : partition() }
        // White space is no part of a payload.
        if WorkloadCatalogue.isCanonical(sent.source), chance(50) {
            record.value = record.value.map { Array("  \n".utf8) + $0 + [0x20] }
        }
        return .record(record)
    }

    /// A used key with another total, another time or another customer.
    mutating func conflictingPurchase(_ now: Timestamp) -> Submission {
        guard let sent = recent(of: purchases) else { return purchase(now) }
        return send(altered(sent.purchase), by: sent.source, key: sent.key, isRemembered: false)
    }

    private mutating func altered(_ purchase: Purchase) -> Purchase {
        var other = purchase
        switch below(3) {
        case 0: other.externalID = customer()
        case 1: other.occurredAt = purchase.occurredAt.adding(milliseconds: -86_400_000)
        default: break
        }
        other.lines = []
        other.total = purchase.total + 100 + Int64(below(50)) * 100
        return other
    }

    /// Too old, too far ahead, or close to either bound.
    mutating func untimelyPurchase(_ now: Timestamp) -> Submission {
        let source = one(of: WorkloadCatalogue.sources)
        let window = WorkloadCatalogue.windowDays(of: source) * Timestamp.millisecondsPerDay
        let hour: Int64 = 3_600_000
        let shift: Int64 =
            switch below(6) {
            case 0: -window - Int64(2 + below(48)) * hour
            case 1: -window * 2
            case 2: -window + Int64(below(4)) * hour
            case 3: -window + Int64(below(120_000)) - 60_000
            case 4: Int64(below(30)) * hour
            default: Int64(below(20)) * 60_000
            }
        return send(drawn(at: now.adding(milliseconds: shift)), by: source)
    }

    private mutating func drawn(at time: Timestamp) -> Purchase {
        let customer = customer()
        let unit = one(of: ["north", "south", "harbour"])
        let currency = one(of: ["USD", "USD", "USD", "USD", "EUR", "JPY"])
        var purchase = Purchase(
            externalID: customer, occurredAt: time, unit: unit,
            currency: Currency(currency) ?? WorkloadCatalogue.dollar, total: Int64(below(20_000)))
        if chance(20) { purchase.total = Int64(below(150)) }
        if chance(30) { purchase.classification = one(of: ["grocery", "fuel"]) }
        if chance(25) {
            purchase.lines = (0...below(2)).map { number in
                let (quantity, net, vat) = (Int64(1 + below(3)), Int64(below(3_000)), Int64(below(200)))
                return Purchase.Line(
                    sku: "sku\(number)", quantity: quantity, netAmount: net, vat: vat,
                    total: quantity * net + vat)
            }
            let sum = purchase.lines.reduce(0) { $0 + $1.total }
            purchase.discount = min(Int64(below(300)), sum)
            purchase.total = sum - purchase.discount
        }
        return purchase
    }

    /// Writes a purchase as its source does.
    private mutating func send(
        _ drawn: Purchase, by source: String, key known: String? = nil, isRemembered: Bool = true
    ) -> Submission {
        let key = known ?? newKey()
        let (purchase, value) = WorkloadCatalogue.written(drawn, by: source, json)
        var record = SubmittedRecord(
            topic: .ingress, key: Array(key.utf8), headers: [("ce_source", source)], value: value)
        if chance(20) { record.headers.append(("ce_type", "purchase")) }
        if chance(20) { record.headers.append(("traceparent", Self.trace(nextNumber()))) }
        if WorkloadCatalogue.isCanonical(source), chance(20) {
            record.headers.append(("content-type", "application/json; charset=utf-8"))
        }
        switch below(4) {
        case 0: record.partition = partition()
        case 1:
            record.headers.append(("idempotency-key", key))
            record.key = chance(50) ? nil : Array("till-\(below(9))".utf8)
            record.partition = partition()
        default: break
        }
        if isRemembered {
            remember(
                SentPurchase(source: source, key: key, purchase: purchase, record: record), in: &purchases)
        }
        return .record(record)
    }

    private static func trace(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        let padded = String(repeating: "0", count: 16 - min(digits.count, 16)) + digits
        return "00-\(padded)\(padded)-\(padded)-01"
    }

    mutating func malformedPurchase(_ now: Timestamp) -> Submission {
        let good = drawn(at: now)
        var record = SubmittedRecord(
            topic: .ingress, key: Array(newKey().utf8), headers: [("ce_source", "shop")],
            value: json(good.encode))
        switch below(16) {
        case 0: record.value = Array(#"{"externalId":"w1","#.utf8)
        case 1: record.value = Array("not json at all".utf8)
        case 2: record.value = nil
        case 3: record.headers = [("ce_source", "nobody-knows")]
        case 4: record.headers = []
        case 5: record.key = nil
        case 6: record.key = Array("a key with spaces".utf8)
        case 7: record.headers.append(("ce_type", "refund"))
        case 8: record.value = Array(#"{"externalId":"w1","currency":"USD","total":5}"#.utf8)
        case 9: record.value = Array(#"{"externalId":"w1","externalId":"w2"}"#.utf8)
        case 10: record.value = [0x7b, 0xff, 0xfe, 0x7d]
        case 11: record.headers.append(("content-type", "text/csv"))
        case 12: record.headers = [("ce_source", "retired")]
        case 13: (record.headers, record.value) = ([("ce_source", "till")], Array("w1;20260101".utf8))
        case 14: (record.headers, record.value) = ([("ce_source", "web")], Array(#"{"who":7.5}"#.utf8))
        default: record.value = []
        }
        if chance(30) { record.partition = partition() }
        return .record(record)
    }

    // MARK: Through the door

    mutating func doorPurchase(_ now: Timestamp) -> Submission {
        let shift = chance(15) ? -Int64(below(20)) * Timestamp.millisecondsPerDay : -Int64(below(600_000))
        let source = one(of: ["shop", "kiosk"])
        return post(drawn(at: now.adding(milliseconds: shift)), by: source, key: newKey())
    }

    mutating func doorRepeat(_ now: Timestamp) -> Submission {
        guard let sent = recent(of: purchases) else { return doorPurchase(now) }
        return post(sent.purchase, by: sent.source, key: sent.key)
    }

    mutating func doorConflict(_ now: Timestamp) -> Submission {
        guard let sent = recent(of: purchases) else { return doorPurchase(now) }
        return post(altered(sent.purchase), by: sent.source, key: sent.key)
    }

    private mutating func post(_ purchase: Purchase, by source: String, key: String) -> Submission {
        let record = intake(
            .purchase, source, key, purchase.externalID, purchase.occurredAt, json(purchase.encode))
        remember(
            SentPurchase(source: source, key: key, purchase: purchase, record: nil), in: &purchases)
        return .record(record)
    }

    mutating func doorReward(_ now: Timestamp) -> Submission {
        if chance(25), let sent = recent(of: requests), sent.record.topic == .intake {
            return .record(asked(anew: sent.record))
        }
        let (key, customer) = (newKey(), customer())
        let wanted = RewardRequest(externalID: customer, reward: one(of: WorkloadCatalogue.rewardNames))
        let record = intake(.rewardRequest, "shop", key, customer, now, json(wanted.encode))
        let event = EventID(source: "shop", idempotencyKey: Array(key.utf8))
        remember(SentRequest(event: event, customer: customer, record: record), in: &requests)
        return .record(record)
    }

    private mutating func intake(
        _ type: MessageType, _ source: String, _ key: String, _ customer: String, _ time: Timestamp,
        _ body: [UInt8]
    ) -> SubmittedRecord {
        let event = EventID(source: source, idempotencyKey: Array(key.utf8))
        var headers = envelope(type, event.description, source, time)
        headers += [("idempotency-key", key), ("external-id", customer)]
        if WorkloadCatalogue.opensWallets(source) { headers.append(("opens-wallet", "1")) }
        headers += [
            ("wallet", Self.wallet(customer).description),
            ("fingerprint", String(decoding: hexDigits(fingerprint(of: body, type: type)), as: UTF8.self)),
        ]
        return SubmittedRecord(
            topic: .intake, key: Array(key.utf8), headers: headers + waiter(), value: body)
    }

    /// GET /v1/events/{id}: of a purchase, of a request, or of nothing that there ever was.
    mutating func eventQuestion(_ now: Timestamp) -> Submission {
        var event = EventID(source: "shop", idempotencyKey: Array(newKey().utf8))
        if chance(60), let sent = recent(of: purchases) {
            event = EventID(source: sent.source, idempotencyKey: Array(sent.key.utf8))
        } else if chance(70), let sent = recent(of: requests) {
            event = sent.event
        }
        return .record(
            SubmittedRecord(
                topic: .intake, key: event.hex,
                headers: envelope(.eventQuery, event.description, "ingress-gateway", now) + waiter(),
                value: Array("{}".utf8), partition: partitions.partition(ofHash: event.keyHash)))
    }

    mutating func malformedIntake(_ now: Timestamp) -> Submission {
        let (key, good) = (newKey(), drawn(at: now))
        var record = intake(.purchase, "shop", key, good.externalID, now, json(good.encode))
        func drop(_ name: String) { record.headers.removeAll { $0.name == name } }
        func put(_ name: String, _ value: String) {
            drop(name)
            record.headers.append((name, value))
        }
        switch below(7) {
        case 0: drop("fingerprint")
        case 1: put("ce_type", "refund")
        case 2: put("wallet", "no wallet")
        case 3: put("ce_source", "nobody-knows")
        case 4: record.value = nil
        case 5:
            let own = partitions.partition(of: Array(key.utf8)).number
            record.partition = PartitionIndex((own + 1) % partitions.number)
        default: put("ce_time", "yesterday")
        }
        return .record(record)
    }
}
