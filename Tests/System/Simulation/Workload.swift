// What goes into a simulated run: configuration, events, requests and commands of all kinds, right and wrong
// ones, drawn from a seed and from nothing else. The run calls `turn` once for every turn of virtual time and
// carries out what it says; the workload never sees what became of it. Same seed and same times: same
// submissions.

import EventLog
import JSONText
import Messages
import Primitives

public struct Workload {
    /// A turn never brings more than this.
    static let maximumActsPerTurn = 12
    /// How many of each kind are remembered, to be repeated, contradicted or ended later.
    private static let remembered = 40

    /// How many turns a run has.
    public let turns: Int
    /// What exists before any service starts.
    public let documents: [Submission]

    let partitions: PartitionCount
    let plan: WorkloadPlan
    let seed: UInt64
    var entropy: SeededEntropy
    var catalogue: WorkloadCatalogue
    /// Counts keys, ids and correlations.
    var number: UInt64 = 0

    /// Purchases that were sent on `ingress` or to the door.
    var purchases: [SentPurchase] = []
    /// Reward requests, by the id that the issuer knows them by.
    var requests: [SentRequest] = []
    /// Commands of trusted systems.
    var commands: [SubmittedRecord] = []
    var holds: [KnownHold] = []

    struct SentPurchase {
        var source: String
        var key: String
        var purchase: Purchase
        /// As it went out; nil for one that went through the door.
        var record: SubmittedRecord?
    }

    struct SentRequest {
        var event: EventID
        var customer: String
        var record: SubmittedRecord
    }

    struct KnownHold {
        var id: MessageID
        var customer: String
    }

    public init(seed: UInt64, partitions: PartitionCount) {
        self.seed = seed
        self.partitions = partitions
        entropy = SeededEntropy(seed: seed)
        plan = WorkloadPlan(&entropy)
        catalogue = WorkloadCatalogue(&entropy)
        documents = catalogue.all
        turns = plan.turns
    }

    /// What the outside world does now: nothing, or up to a dozen things.
    public mutating func turn(at now: Timestamp) -> [Submission] {
        let count = min(Int(below(UInt64(plan.actsPerTurn * 2 + 1))), Self.maximumActsPerTurn)
        return (0..<count).map { _ in act(plan.act(&entropy), now) }
    }

    private mutating func act(_ act: WorkloadAct, _ now: Timestamp) -> Submission {
        switch act {
        case .purchase: purchase(now)
        case .repeatPurchase: repeatPurchase(now)
        case .conflictingPurchase: conflictingPurchase(now)
        case .untimelyPurchase: untimelyPurchase(now)
        case .malformedPurchase: malformedPurchase(now)
        case .doorPurchase: doorPurchase(now)
        case .doorRepeat: doorRepeat(now)
        case .doorConflict: doorConflict(now)
        case .doorReward: doorReward(now)
        case .eventQuestion: eventQuestion(now)
        case .malformedIntake: malformedIntake(now)
        case .openWallet: openWallet(now)
        case .blockWallet: changeStatus(.walletBlock, now)
        case .unblockWallet: changeStatus(.walletUnblock, now)
        case .walletQuestion: walletQuestion(now)
        case .malformedEvent: malformedEvent(now)
        case .credit: credit(now)
        case .openHold: openHold(now)
        case .endHold: endHold(now)
        case .repeatCommand: repeatCommand(now)
        case .reuseCommandID: reuseCommandID(now)
        case .malformedCommand: malformedCommand(now)
        case .rewardRequest: rewardRequest(now)
        case .repeatRequest: repeatRequest(now)
        case .voidIssuance: voidIssuance(now)
        case .malformedRequest: malformedRequest(now)
        case .configuration: catalogue.change(&entropy)
        }
    }

    // MARK: Drawing

    mutating func below(_ bound: UInt64) -> UInt64 { entropy.below(bound) }
    mutating func chance(_ percent: UInt64) -> Bool { entropy.below(100) < percent }

    mutating func one<Element>(of elements: [Element]) -> Element {
        elements[Int(entropy.below(UInt64(elements.count)))]
    }

    mutating func recent<Element>(of elements: [Element]) -> Element? {
        elements.isEmpty ? nil : one(of: elements)
    }

    /// The hot wallet, or one of the others: the earlier, the more often.
    mutating func customer() -> String {
        if chance(plan.hotPercent) { return "w0" }
        if chance(2) { return "nobody" }
        return "w\(below(below(UInt64(plan.wallets)) + 1))"
    }

    mutating func nextNumber() -> UInt64 {
        number += 1
        return number
    }

    mutating func newKey() -> String { "k\(seed)-\(nextNumber())" }

    mutating func partition() -> PartitionIndex { PartitionIndex(Int32(below(UInt64(partitions.number)))) }

    func remember<Element>(_ element: Element, in list: inout [Element]) {
        list.append(element)
        if list.count > Self.remembered { list.removeFirst() }
    }

    // MARK: Records

    static func wallet(_ customer: String) -> WalletID {
        WalletID(programme: WorkloadCatalogue.programme, externalID: customer)
    }

    /// Headers of someone who waits, and may have got the partition wrong.
    mutating func waiter() -> [(name: String, value: String)] {
        guard chance(plan.waitingPercent) else { return [] }
        let isWrong = chance(plan.misaddressedPercent)
        let place = isWrong ? partitions.number + 3 : partition().number
        return [
            ("reply-partition", String(place)), ("correlation-id", String(nextNumber(), radix: 16)),
        ]
    }

    /// The same with the address of someone else who waits, or of nobody.
    mutating func asked(anew record: SubmittedRecord) -> SubmittedRecord {
        var again = record
        again.headers.removeAll { $0.name == "reply-partition" || $0.name == "correlation-id" }
        again.headers += waiter()
        return again
    }

    func envelope(
        _ type: MessageType, _ id: String, _ source: String, _ time: Timestamp
    ) -> [(name: String, value: String)] {
        [
            ("ce_specversion", "1.0"), ("ce_id", id), ("ce_source", source), ("ce_type", type.rawValue),
            ("ce_time", time.description), ("content-type", "application/json"),
        ]
    }

    func json(_ encode: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter(capacity: 256)
        encode(&writer)
        return writer.bytes
    }
}
