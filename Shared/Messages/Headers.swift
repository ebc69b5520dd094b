// Record headers: CloudEvents 1.0 in Kafka's binary mode, and the platform's own. The stages
// between the door and the decision read headers only, and pass them and the body's bytes on
// unchanged.

import EventLog
import JSONText
import Primitives

/// Names of headers.
public enum HeaderName {
    public static let specVersion: StaticString = "ce_specversion"
    public static let id: StaticString = "ce_id"
    /// The source's name from the configuration on what comes from outside; a service's name on what it wrote.
    public static let source: StaticString = "ce_source"
    public static let type: StaticString = "ce_type"
    public static let time: StaticString = "ce_time"
    public static let contentType: StaticString = "content-type"
    public static let idempotencyKey: StaticString = "idempotency-key"
    public static let traceparent: StaticString = "traceparent"
    public static let correlationID: StaticString = "correlation-id"
    public static let replyPartition: StaticString = "reply-partition"
    /// The wallet's id, 32 hex digits: where the event goes once its key is decided.
    public static let wallet: StaticString = "wallet"
    public static let externalID: StaticString = "external-id"
    /// 32 hex digits over the canonical body: same key, other fingerprint is a conflict.
    public static let fingerprint: StaticString = "fingerprint"
    /// `1` where the source's settings let an event open its wallet.
    public static let opensWallet: StaticString = "opens-wallet"
    /// On outcomes: `applied` or `refused`. On replies: a ``ReplyOutcome``.
    public static let outcome: StaticString = "outcome"
    /// On replies: `1` if the outcome is that of an earlier request with the same key.
    public static let replayed: StaticString = "replayed"

    /// What a stage passes on with an event's unchanged bytes.
    public static let passedOn: [StaticString] = [
        specVersion, id, source, type, time, contentType, idempotencyKey, traceparent, correlationID, replyPartition,
        externalID, opensWallet,
    ]
}

/// What a record is. At most 15 bytes, as many as a table of words takes.
public enum MessageType: String, Sendable, CaseIterable {
    // Events and requests from outside
    case purchase
    case walletOpen = "wallet.open"
    case walletBlock = "wallet.block"
    case walletUnblock = "wallet.unblock"
    case rewardRequest = "reward.request"
    // Commands to the ledger
    case award
    case holdOpen = "hold.open"
    case holdCommit = "hold.commit"
    case holdVoid = "hold.void"
    // Questions, answered on `replies`
    case eventQuery = "event.query"
    case walletQuery = "wallet.query"
    case balanceQuery = "balance.query"
    case historyQuery = "history.query"
    case rewardQuery = "reward.query"
    // Outcomes
    case walletOpened = "wallet.opened"
    case walletBlocked = "wallet.blocked"
    case walletUnblocked = "wallet.freed"
    case awarded
    case holdOpened = "hold.opened"
    case holdCommitted = "hold.committed"
    case holdVoided = "hold.voided"
    case holdExpired = "hold.expired"
    case lotExpired = "lot.expired"
    case spent
    case rewardIssued = "reward.issued"
    case rewardRefused = "reward.refused"
    case evaluated
    case noticed
    case reply

    public static let words = WordTable<MessageType>()
}

/// Where the answer to a request goes: a partition of `replies`, and the number its gateway knows
/// the request by.
public struct ReplyAddress: Sendable, Hashable {
    public let partition: PartitionIndex
    public let correlation: UInt64

    public init(partition: PartitionIndex, correlation: UInt64) {
        self.partition = partition
        self.correlation = correlation
    }
}

/// How a request ended, as the gateway has to tell it.
public enum ReplyOutcome: String, Sendable {
    case done
    case created
    case notFound = "not-found"
    case refused
    case conflict
    /// Accepted, and not decided yet.
    case pending
}

extension Record {
    /// Nil if the header is missing or names no known type.
    public var messageType: MessageType? { header(HeaderName.type).flatMap { MessageType.words[$0.span] } }

    public var eventID: EventID? { header(HeaderName.id).flatMap { EventID(hex: $0) } }

    /// The wallet that a record on a wallet-keyed topic belongs to.
    public var walletKey: WalletID? { key.flatMap { WalletID(hex: $0) } }

    /// Whether its envelope names this service as its source.
    public func isWritten(by service: ServiceName) -> Bool {
        header(HeaderName.source)?.elementsEqual(service.rawValue.utf8) ?? false
    }

    /// The envelope's external id, held to the rules of a body's: outcomes show it, and whoever reads them back
    /// refuses any other. Nil if there is none.
    public func externalID() throws(MessageFailure) -> String? {
        guard let value = header(HeaderName.externalID) else { return nil }
        do throws(FieldProblem) {
            return try identifier(value, maximum: Purchase.maximumExternalIDBytes, name: "external-id")
        } catch {
            throw .fields([error])
        }
    }

    /// Where a waiting caller is answered; nil if nobody waits, or at a partition that `replies` does not have: a
    /// record for it would stop the whole batch.
    public func callerAddress(_ partitions: PartitionCount) -> ReplyAddress? {
        replyAddress.flatMap { $0.partition.number < partitions.number ? $0 : nil }
    }

    public var replyAddress: ReplyAddress? {
        guard let partition = headerText(HeaderName.replyPartition).flatMap({ Int32($0) }), partition >= 0,
            let correlation = headerText(HeaderName.correlationID).flatMap({ UInt64($0, radix: 16) })
        else { return nil }
        return ReplyAddress(partition: PartitionIndex(partition), correlation: correlation)
    }
}

extension RecordBatch {
    /// Adds the CloudEvents headers of a record that a service writes.
    public func addEnvelope(_ type: MessageType, id: UInt128, source: ServiceName, time: Timestamp) {
        addHeader(HeaderName.specVersion, "1.0")
        addHeader(HeaderName.id, hex: id)
        addHeader(HeaderName.source, source.rawValue)
        addHeader(HeaderName.type, type.rawValue)
        addHeader(HeaderName.time, time)
        addHeader(HeaderName.contentType, "application/json")
    }

    /// Copies those headers of a record that it has.
    public func addHeaders(_ names: [StaticString], of record: Record) {
        for name in names {
            if let value = record.header(name) { addHeader(name, value) }
        }
    }

    public func addReplyAddress(_ address: ReplyAddress?) {
        guard let address else { return }
        addHeader(HeaderName.replyPartition, String(address.partition.number))
        addHeader(HeaderName.correlationID, String(address.correlation, radix: 16))
    }

    /// Answers a waiting request; nothing is written if nobody waits.
    public func reply(
        to address: ReplyAddress?, _ outcome: ReplyOutcome, replayed: Bool = false, body: [UInt8]
    ) {
        guard let address else { return }
        append(to: TopicPartition(.replies, address.partition), key: [UInt8]?.none)
        addHeader(HeaderName.correlationID, String(address.correlation, radix: 16))
        addHeader(HeaderName.outcome, outcome.rawValue)
        if replayed { addHeader(HeaderName.replayed, "1") }
        setValue(body)
    }
}
