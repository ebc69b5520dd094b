// What the door writes for a request: one record, where it goes, and what the caller is told when its outcome
// comes. Bodies are read, checked and brought into their canonical form here; nothing behind the door sees
// what a caller wrote.

import EventLog
import HTTPGate
import IngressGatewayDomain
import JSONText
import Messages
import Primitives

/// A request, ready to be published.
struct DoorOrder {
    /// Transactions that one answer lists.
    static let pageSizes: ClosedRange<Int64> = 1...100
    static let standardPageSize: Int64 = 20
    /// The source that wallets are opened by: an external id names one wallet, whoever asks for it.
    static let walletSource = "wallets"

    var record: DoorRecord
    let question: Question

    /// - Parameter number: tells questions apart that have no id of their own.
    init(
        _ request: HTTPRequest, _ admission: Admission, number: UInt64, partitions: PartitionCount,
        now: Timestamp
    ) throws(Problem) {
        let programme = admission.configuration.programme.name
        func ask(_ type: MessageType, _ externalID: String, _ body: [UInt8]) -> DoorRecord {
            let wallet = WalletID(programme: programme, externalID: externalID)
            let id = EventID(UInt128(number) << 8)
            return DoorRecord(
                .walletCommands, wallet, externalID, type, id, source: "ingress-gateway", now, body,
                partitions)
        }
        switch admission.route {
        case .openWallet:
            let wanted = try Self.reading { () throws(MessageFailure) in try readOpenWallet(request.body) }
            record = DoorRecord(
                .customerEvents, WalletID(programme: programme, externalID: wanted.externalID),
                wanted.externalID,
                .walletOpen,
                EventID(source: Self.walletSource, idempotencyKey: Array(wanted.externalID.utf8)),
                source: Self.walletSource, now, encoded(wanted.encode), partitions)
            question = .openWallet(externalID: wanted.externalID)
        case .wallet(let externalID):
            (record, question) = (ask(.walletQuery, externalID, emptyObject), .wallet)
        case .balance(let externalID):
            (record, question) = (ask(.balanceQuery, externalID, emptyObject), .wallet)
        case .transactions(let externalID):
            (record, question) = (ask(.historyQuery, externalID, try Self.page(request)), .wallet)
        case .event(let event):
            record = DoorRecord(askingFor: event, now, partitions)
            question = .outcome(of: event)
        case .postEvent, .issueReward:
            let arrival = try Self.arrival(request, admission, now)
            record = DoorRecord(arrival, partitions)
            question = .accept(arrival.item.event)
        }
    }

    /// An event or a request for a reward, as `intake` has it.
    private static func arrival(
        _ request: HTTPRequest, _ admission: Admission, _ now: Timestamp
    ) throws(Problem) -> Arrival {
        let source = try admission.source()
        guard let key = admission.key else {
            throw Problem(400, "key-required", "an idempotency key is required")
        }
        var writer = JSONWriter()
        let event: CanonicalEvent
        if admission.route == .postEvent {
            let purchase = try reading { () throws(MessageFailure) in try readCanonicalPurchase(request.body)
            }
            event = CanonicalEvent(purchase, &writer)
        } else {
            let wanted = try reading { () throws(MessageFailure) in try RewardRequest.decode(request.body) }
            event = CanonicalEvent(wanted, now: now, &writer)
        }
        // A caller who waits is told by the worker, who knows whether the key was accepted in time before.
        if admission.wait == nil, let refusal = TimeRefusal(of: event.occurredAt, source: source, now: now) {
            let detail = refusal.detail(for: source)
            var problem = Problem(422, refusal.rawValue, detail)
            problem.errors = [FieldProblem(pointer: "/occurredAt", code: refusal.rawValue, detail: detail)]
            throw problem
        }
        return Arrival(event, key: key, source: source, programme: admission.configuration.programme.name)
    }

    /// The body of a question for a wallet's history.
    private static func page(_ request: HTTPRequest) throws(Problem) -> [UInt8] {
        var problems: [FieldProblem] = []
        func number(_ name: String, in range: ClosedRange<Int64>) -> Int64? {
            let values = request.query.filter { $0.name == name }.map(\.value)
            guard let text = values.first else { return nil }
            let digits = text.utf8.allSatisfy { (0x30...0x39).contains($0) }
            guard values.count == 1, digits, let number = Int64(text), range.contains(number) else {
                problems.append(
                    FieldProblem(
                        pointer: "?\(name)", code: "range",
                        detail: "once, a whole number from \(range.lowerBound) to \(range.upperBound)"))
                return nil
            }
            return number
        }
        let limit = number("limit", in: pageSizes)
        let before = number("before", in: 1...Int64.max)
        if let first = problems.first {
            var problem = Problem(400, "parameter-invalid", "\(first.pointer): \(first.detail)")
            problem.errors = problems
            throw problem
        }
        return encoded { writer in
            writer.beginObject()
            writer.field("limit", limit ?? standardPageSize)
            if let before { writer.field("before", before) }
            writer.endObject()
        }
    }

    private static func reading<Message>(
        _ body: () throws(MessageFailure) -> Message
    ) throws(Problem) -> Message {
        do throws(MessageFailure) {
            return try body()
        } catch {
            throw Problem(error)
        }
    }
}

/// Both fields are due at this door (K4); the message itself can do without a name.
private func readOpenWallet(_ bytes: [UInt8]) throws(MessageFailure) -> OpenWallet {
    try decode(bytes) { (fields: inout FieldReader) in
        let externalID = fields.identifier("externalId", maximum: Purchase.maximumExternalIDBytes)
        let name = fields.text("name", maximum: OpenWallet.maximumNameBytes)
        return externalID.map { OpenWallet(externalID: $0, name: name) }
    }
}

extension DoorRecord {
    /// A record on a topic keyed by wallet.
    fileprivate init(
        _ topic: TopicID, _ wallet: WalletID, _ externalID: String, _ type: MessageType, _ id: EventID,
        source: String, _ now: Timestamp, _ body: [UInt8], _ partitions: PartitionCount
    ) {
        self.init(
            TopicPartition(topic, partitions.partition(of: wallet.hex)), key: wallet.hex, value: body)
        addEnvelope(type, id, source, now)
        headers.add(HeaderName.externalID, externalID)
    }

    /// The question for an event's outcome goes to the owner of its key, who knows where the event went.
    fileprivate init(askingFor event: EventID, _ now: Timestamp, _ partitions: PartitionCount) {
        self.init(
            TopicPartition(.intake, partitions.partition(ofHash: event.keyHash)), key: event.hex,
            value: emptyObject)
        addEnvelope(.eventQuery, event, "ingress-gateway", now)
    }

    /// The same form as the worker's own (``RecordBatch/append(_:toIntakeOf:traceparentOf:)``).
    fileprivate init(_ arrival: Arrival, _ partitions: PartitionCount) {
        self.init(
            TopicPartition(.intake, partitions.partition(ofHash: arrival.item.event.keyHash)),
            key: arrival.key.bytes, value: arrival.body)
        arrival.forEachIntakeHeader { headers.add($0, $1) }
    }

    private mutating func addEnvelope(_ type: MessageType, _ id: EventID, _ source: String, _ now: Timestamp)
    {
        headers.add(HeaderName.specVersion, "1.0")
        headers.add(HeaderName.id, id.hex)
        headers.add(HeaderName.source, source)
        headers.add(HeaderName.type, type.rawValue)
        headers.add(HeaderName.time, now.rfc3339)
        headers.add(HeaderName.contentType, "application/json")
    }

    mutating func addReplyAddress(_ address: ReplyAddress) {
        headers.add(HeaderName.replyPartition, String(address.partition.number))
        headers.add(HeaderName.correlationID, String(address.correlation, radix: 16))
    }
}

private let emptyObject = Array("{}".utf8)

private func encoded(_ encode: (inout JSONWriter) -> Void) -> [UInt8] {
    var writer = JSONWriter(capacity: 256)
    encode(&writer)
    return writer.bytes
}
