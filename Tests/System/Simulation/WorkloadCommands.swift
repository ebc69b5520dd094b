// What the workload does beside purchases: wallets opened and blocked, questions, commands of trusted systems
// on the ledger (credits, holds and their ends, with ids that come again), and requests for rewards. Holds and
// points often last for seconds only, so that their ends race with what is done to them.

import EventLog
import JSONText
import Messages
import Primitives

extension Workload {
    /// The source of what trusted systems write; part of their ids.
    private static let partner = "partner"

    private mutating func newEvent() -> EventID {
        EventID(source: Self.partner, idempotencyKey: Array(newKey().utf8))
    }

    /// A record keyed by a customer's wallet.
    private func record(
        _ topic: TopicID, _ type: MessageType, _ id: UInt128, _ customer: String, _ now: Timestamp,
        _ value: [UInt8]?, source: String = Self.partner
    ) -> SubmittedRecord {
        let id = String(decoding: hexDigits(id), as: UTF8.self)
        return SubmittedRecord(
            topic: topic, key: Self.wallet(customer).hex,
            headers: envelope(type, id, source, now) + [("external-id", customer)], value: value)
    }

    // MARK: Wallets

    /// As the door writes POST /v1/wallets: the id is the same for the same customer.
    mutating func openWallet(_ now: Timestamp) -> Submission {
        let customer = chance(70) ? customer() : "guest\(below(4))"
        let id = EventID(source: "wallets", idempotencyKey: Array(customer.utf8))
        let open = OpenWallet(externalID: customer, name: chance(80) ? "Customer \(customer)" : nil)
        let record = record(
            .customerEvents, .walletOpen, id.value, customer, now, json(open.encode), source: "wallets")
        return .record(asked(anew: record))
    }

    mutating func changeStatus(_ type: MessageType, _ now: Timestamp) -> Submission {
        let event = newEvent()
        let customer = customer()
        let record = record(
            .customerEvents, type, event.value, customer, now, json(BlockWallet(reason: "review").encode))
        remember(record, in: &commands)
        return .record(asked(anew: record))
    }

    mutating func malformedEvent(_ now: Timestamp) -> Submission {
        var record = record(
            .customerEvents, .walletBlock, newEvent().value, customer(), now,
            json(BlockWallet(reason: "review").encode))
        switch below(5) {
        case 0: record.value = Array("{}".utf8)
        case 1: record.value = nil
        case 2: record.key = Array("no wallet".utf8)
        case 3: record.headers.removeAll { $0.name == "ce_id" }
        default: record.headers.removeAll { $0.name == "ce_type" }
        }
        return .record(record)
    }

    /// A balance, a wallet or its history.
    mutating func walletQuestion(_ now: Timestamp) -> Submission {
        let customer = customer()
        let id = UInt128(nextNumber()) << 8
        let record: SubmittedRecord =
            switch below(4) {
            case 0: record(.walletCommands, .walletQuery, id, customer, now, Array("{}".utf8))
            case 1:
                record(
                    .walletCommands, .historyQuery, id, customer, now,
                    Array(#"{"limit":\#(1 + below(5))}"#.utf8))
            case 2: record(.walletCommands, .balanceQuery, id, customer, now, Array(#"{"asset":"miles"}"#.utf8))
            default: record(.walletCommands, .balanceQuery, id, customer, now, Array("{}".utf8))
            }
        return .record(asked(anew: record))
    }

    // MARK: Trusted systems

    mutating func credit(_ now: Timestamp) -> Submission {
        let (event, customer) = (newEvent(), customer())
        var lines: [AwardCommand.Line] = []
        for index in 0...below(3) {
            var line = AwardCommand.Line(
                offer: "manual", offerVersion: Int64(below(9)), points: Points(Int64(1 + below(150))))
            if chance(20) { line.asset = AssetCode("miles") }
            if chance(60) {
                line.expiresAt = now.adding(milliseconds: Int64(below(plan.shortLife * 3)) - 1_000)
            }
            line.inflight = chance(15)
            if line.inflight {
                remember(
                    KnownHold(id: event.caused(.award(Int(index))), customer: customer), in: &holds)
            }
            lines.append(line)
        }
        let reason: AwardCommand.Reason? = chance(6) ? one(of: AwardCommand.Reason.allCases) : nil
        let command = AwardCommand(
            event: event, source: Self.partner, externalID: customer, opensWallet: chance(85), occurredAt: now,
            awards: reason == nil ? lines : [], reason: reason)
        return send(.award, event.value, customer, now, json(command.encode))
    }

    mutating func openHold(_ now: Timestamp) -> Submission {
        let (id, customer) = (newEvent().caused(.hold), customer())
        // Sometimes one that is there already, under another command's id.
        let hold = chance(6) ? recent(of: holds)?.id ?? id : id
        let lasts = Int64(below(plan.shortLife))
        let command = OpenHold(
            hold: hold, direction: chance(75) ? .debit : .credit,
            asset: chance(12) ? AssetCode("miles") : .points, points: Points(Int64(1 + below(120))),
            minimumRemaining: chance(20) ? Points(Int64(below(40))) : .zero,
            expiresAt: now.adding(milliseconds: chance(5) ? -lasts : lasts), purpose: "basket")
        remember(KnownHold(id: hold, customer: customer), in: &holds)
        return send(.holdOpen, id.value, customer, now, json(command.encode))
    }

    mutating func endHold(_ now: Timestamp) -> Submission {
        let known = recent(of: Array(holds.suffix(6)))
        let hold = chance(8) ? newEvent().caused(.hold) : known?.id ?? newEvent().caused(.hold)
        let customer = chance(4) ? customer() : known?.customer ?? "w0"
        let isCommit = chance(65)
        let command = EndHold(
            hold: hold, points: isCommit && chance(40) ? Points(Int64(1 + below(120))) : nil,
            reward: chance(30) ? "basket" : nil, reason: chance(30) ? "desk" : nil)
        let id = newEvent().caused(isCommit ? .commit : .void)
        return send(isCommit ? .holdCommit : .holdVoid, id.value, customer, now, json(command.encode))
    }

    private mutating func send(
        _ type: MessageType, _ id: UInt128, _ customer: String, _ now: Timestamp, _ body: [UInt8]
    ) -> Submission {
        let record = record(.walletCommands, type, id, customer, now, body)
        remember(record, in: &commands)
        return .record(asked(anew: record))
    }

    mutating func repeatCommand(_ now: Timestamp) -> Submission {
        guard let sent = recent(of: commands) else { return credit(now) }
        return .record(asked(anew: sent))
    }

    /// An id that was used: for another command, for another wallet, or with another body.
    mutating func reuseCommandID(_ now: Timestamp) -> Submission {
        let commands = commands.filter { $0.topic == .walletCommands }
        guard var record = recent(of: commands), let id = record.headers.first(where: { $0.name == "ce_id" })
        else { return credit(now) }
        let customer = customer()
        let isAward = record.headers.contains { $0.name == "ce_type" && $0.value == MessageType.award.rawValue }
        switch below(3) {
        // An award for a wallet that its key does not belong to would open that one under a wrong name. And an
        // id is known on the partition on which it was used; systems that are trusted do not use it elsewhere.
        case 0 where !isAward && isNeighbour(customer, record.key): record.key = Self.wallet(customer).hex
        case 0, 1:
            let other = EndHold(hold: newEvent().caused(.hold))
            record.headers.removeAll { $0.name == "ce_type" }
            record.headers.append(("ce_type", MessageType.holdVoid.rawValue))
            record.value = json(other.encode)
        default:
            guard let wide = parseHex(Array(id.value.utf8)) else { return credit(now) }
            let other = OpenHold(
                hold: MessageID(wide), points: Points(Int64(1 + below(9))),
                expiresAt: now.adding(milliseconds: 60_000), purpose: "again")
            record.headers.removeAll { $0.name == "ce_type" }
            record.headers.append(("ce_type", MessageType.holdOpen.rawValue))
            record.value = json(other.encode)
        }
        return .record(asked(anew: record))
    }

    mutating func malformedCommand(_ now: Timestamp) -> Submission {
        let hold = newEvent().caused(.hold)
        let command = OpenHold(
            hold: hold, points: Points(5), expiresAt: now.adding(milliseconds: 60_000), purpose: "basket")
        var record = record(
            .walletCommands, .holdOpen, hold.value, customer(), now, json(command.encode))
        func put(_ name: String, _ value: String) {
            record.headers.removeAll { $0.name == name }
            record.headers.append((name, value))
        }
        switch below(8) {
        case 0: put("ce_type", "hold.bend")
        case 1: put("ce_type", "reward.issued")
        case 2: record.value = Array(#"{"hold":7}"#.utf8)
        case 3: put("ce_id", MessageID(hold.value | 0x80).description)
        case 4: record.key = Array("w1".utf8)
        case 5:
            let own = record.key.map { partitions.partition(of: $0).number } ?? 0
            record.partition = PartitionIndex((own + 1) % partitions.number)
        case 6: put("ce_type", MessageType.balanceQuery.rawValue)
        default: record.value = nil
        }
        return .record(record)
    }

    // MARK: Rewards

    mutating func rewardRequest(_ now: Timestamp) -> Submission {
        let (event, customer) = (newEvent(), customer())
        let wanted = RewardRequest(externalID: customer, reward: one(of: WorkloadCatalogue.rewardNames))
        let record = record(
            .rewardRequests, .rewardRequest, event.value, customer, now, json(wanted.encode))
        remember(SentRequest(event: event, customer: customer, record: record), in: &requests)
        return .record(asked(anew: record))
    }

    /// The same request again, somebody else's under the same id, or the question what became of it.
    mutating func repeatRequest(_ now: Timestamp) -> Submission {
        guard let sent = recent(of: requests) else { return rewardRequest(now) }
        if chance(25) {
            let question = record(
                .rewardRequests, .rewardQuery, sent.event.value, sent.customer, now, Array("{}".utf8))
            return .record(asked(anew: question))
        }
        guard sent.record.topic == .rewardRequests else { return .record(asked(anew: sent.record)) }
        var again = asked(anew: sent.record)
        let other = customer()
        if chance(30), isNeighbour(other, again.key) { again.key = Self.wallet(other).hex }
        return .record(again)
    }

    /// Whether a customer's wallet lies on the partition of a key.
    private func isNeighbour(_ customer: String, _ key: [UInt8]?) -> Bool {
        key.map { partitions.partition(of: $0) } == partitions.partition(of: Self.wallet(customer).hex)
    }

    /// A trusted system gives the points of a reward back while that is being issued.
    mutating func voidIssuance(_ now: Timestamp) -> Submission {
        guard let sent = recent(of: Array(requests.suffix(3))) else { return rewardRequest(now) }
        let command = EndHold(hold: sent.event.caused(.hold), reason: "desk")
        return send(
            .holdVoid, sent.event.caused(.void).value, sent.customer, now, json(command.encode))
    }

    mutating func malformedRequest(_ now: Timestamp) -> Submission {
        let wanted = RewardRequest(externalID: customer(), reward: "coffee")
        var record = record(
            .rewardRequests, .rewardRequest, newEvent().value, wanted.externalID, now, json(wanted.encode))
        func put(_ name: String, _ value: String) {
            record.headers.removeAll { $0.name == name }
            record.headers.append((name, value))
        }
        switch below(8) {
        case 0: put("ce_type", "reward.wish")
        case 1: put("ce_id", newEvent().caused(.hold).description)
        case 2: record.key = Array("w1".utf8)
        case 3: record.value = nil
        case 4: record.value = Array(#"{"externalId":"w1"}"#.utf8)
        case 5: put("ce_time", now.adding(milliseconds: -40 * Timestamp.millisecondsPerDay).description)
        case 6: put("ce_time", now.adding(milliseconds: 3 * Timestamp.millisecondsPerDay).description)
        default: put("ce_time", "soon")
        }
        return .record(asked(anew: record))
    }
}
