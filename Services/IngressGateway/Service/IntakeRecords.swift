// The records of the gateway's worker half: how an event that was just mapped is written, how one on `intake`
// is read from its headers, and questions about events that were decided before. Used by the processor and,
// for the form of a record on `intake`, by the door.

import Configuration
import EventLog
import IngressGatewayDomain
import JSONText
import Messages
import Primitives
import StreamRuntime

/// An event as it came through a door, with everything that the stages behind it read from headers.
struct Arrival {
    let item: IntakeItem
    let key: IdempotencyKey
    let externalID: String
    let source: String
    let opensWallet: Bool
    let body: [UInt8]

    init(_ event: CanonicalEvent, key: IdempotencyKey, source: Source, programme: String) {
        item = IntakeItem(
            event: EventID(source: source.id, idempotencyKey: key.bytes), type: event.type,
            wallet: WalletID(programme: programme, externalID: event.externalID),
            fingerprint: event.fingerprint(),
            occurredAt: event.occurredAt)
        self.key = key
        externalID = event.externalID
        self.source = source.id
        opensWallet = source.openWallets
        body = event.body
    }

    /// What every stage gets (``HeaderName/passedOn``), but for trace and reply address.
    func forEachHeader(_ add: (StaticString, Span<UInt8>) -> Void) {
        add(HeaderName.specVersion, "1.0".utf8.span)
        add(HeaderName.id, item.event.hex.span)
        add(HeaderName.source, source.utf8.span)
        add(HeaderName.type, item.type.rawValue.utf8.span)
        add(HeaderName.time, item.occurredAt.rfc3339.span)
        add(HeaderName.contentType, "application/json".utf8.span)
        add(HeaderName.idempotencyKey, key.bytes.span)
        add(HeaderName.externalID, externalID.utf8.span)
        if opensWallet { add(HeaderName.opensWallet, "1".utf8.span) }
    }

    /// What deciding on the key needs besides.
    func forEachIntakeHeader(_ add: (StaticString, Span<UInt8>) -> Void) {
        forEachHeader(add)
        add(HeaderName.wallet, item.wallet.hex.span)
        add(HeaderName.fingerprint, hexDigits(item.fingerprint).span)
    }
}

extension IntakeItem {
    /// Reads a record of `intake` from its headers.
    init(_ record: Record, at partition: PartitionIndex, of partitions: PartitionCount) throws(RecordFailure)
    {
        guard let type = record.messageType, type == .purchase || type == .rewardRequest else {
            throw .unprocessable(
                code: "unknown-type", detail: "\(HeaderName.type): purchase or reward.request is due")
        }
        func required<Value>(_ name: StaticString, _ value: Value?) throws(RecordFailure) -> Value {
            if let value { return value }
            let isMissing = record.header(name) == nil
            throw .unprocessable(
                code: isMissing ? "header-missing" : "header-invalid",
                detail: "header \(name) is \(isMissing ? "missing" : "malformed")")
        }
        let event = try required(
            HeaderName.id, record.eventID.flatMap { $0.caused(.event).cause == $0 ? $0 : nil })
        guard partitions.partition(ofHash: event.keyHash) == partition else {
            throw .unprocessable(
                code: "wrong-partition",
                detail: "the key belongs to partition \(partitions.partition(ofHash: event.keyHash))")
        }
        self.init(
            event: event, type: type,
            wallet: try required(
                HeaderName.wallet, record.header(HeaderName.wallet).flatMap { WalletID(hex: $0) }),
            fingerprint: try required(
                HeaderName.fingerprint, record.header(HeaderName.fingerprint).flatMap { parseHex($0) }),
            occurredAt: try required(
                HeaderName.time, record.header(HeaderName.time).flatMap { Timestamp(rfc3339: $0) }))
    }

    /// Where the first of a key goes.
    func destination(_ partitions: PartitionCount) -> TopicPartition {
        TopicPartition(
            type == .purchase ? .customerEvents : .rewardRequests, partitions.partition(of: wallet.hex))
    }
}

extension RecordBatch {
    /// Hands an event to the worker that owns its key.
    func append(_ arrival: Arrival, toIntakeOf partitions: PartitionCount, traceparentOf record: Record) {
        let place = TopicPartition(.intake, partitions.partition(ofHash: arrival.item.event.keyHash))
        append(to: place, key: arrival.key.bytes)
        arrival.forEachIntakeHeader { addHeader($0, $1) }
        addHeaders([HeaderName.traceparent], of: record)
        setValue(arrival.body)
    }

    /// Passes the first of its key on to its wallet.
    func append(_ arrival: Arrival, of partitions: PartitionCount, traceparentOf record: Record) {
        append(to: arrival.item.destination(partitions), key: arrival.item.wallet.hex)
        arrival.forEachHeader { addHeader($0, $1) }
        addHeaders([HeaderName.traceparent], of: record)
        setValue(arrival.body)
    }

    /// Asks the owner of an event's outcome to answer; what it says has the first time's bytes.
    func appendQuestion(
        about event: EventID, _ known: KnownKey, replyTo address: ReplyAddress, replayed: Bool,
        traceparent: ArraySlice<UInt8>?, _ batch: BatchContext
    ) {
        let isPurchase = known.type == .purchase
        let place = TopicPartition(
            isPurchase ? .customerEvents : .rewardRequests, batch.partitions.partition(of: known.wallet.hex))
        append(to: place, key: known.wallet.hex)
        addEnvelope(
            isPurchase ? .eventQuery : .rewardQuery, id: event.value, source: .ingressGateway, time: batch.now
        )
        if let traceparent { addHeader(HeaderName.traceparent, traceparent) }
        addReplyAddress(address)
        if replayed { addHeader(HeaderName.replayed, "1") }
        setValue(Array("{}".utf8))
    }
}

extension JSONWriter {
    /// An answer of the gateway itself about an event.
    mutating func event(_ event: EventID?, reason: String? = nil, detail: String? = nil) {
        beginObject()
        if let event { field("event", event) }
        if let reason { field("reason", reason) }
        if let detail { field("detail", detail) }
        endObject()
    }
}
