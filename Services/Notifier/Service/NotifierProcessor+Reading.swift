// Reads a notice from an outcome's record. A record that no subscriber could be told of, because it is not
// what the topic's contract says, goes to the dead letters.

import EventLog
import JSONText
import Messages
import NotifierDomain
import Primitives
import StreamRuntime

extension NotifierProcessor {
    func readNotice(_ record: Record, partitions: PartitionCount) throws(RecordFailure) -> Notice {
        guard let type = record.messageType else {
            throw Self.refused("no-type", "header ce_type names no known type")
        }
        guard let id = record.header(HeaderName.id).flatMap({ MessageID(hex: $0) }) else {
            throw Self.refused("no-id", "header ce_id is not 32 hex digits")
        }
        guard let key = record.key, let wallet = WalletID(hex: key),
            partitions.partition(of: key) == partition
        else {
            throw Self.refused("wrong-key", "the key is not a wallet of this partition")
        }
        let outcome = try readOutcome(record)
        let award = outcome["outcome"]?.string().flatMap(WalletTransaction.AwardOutcome.init(rawValue:))
        guard let noticeType = noticeType(of: type, awardOutcome: award) else {
            throw Self.refused("unexpected-type", "\(type.rawValue) with this outcome is no notice")
        }
        let occurredAt = record.header(HeaderName.time).flatMap { Timestamp(rfc3339: $0) } ?? record.timestamp
        return Notice(
            id: id, wallet: wallet, type: noticeType, number: Self.number(of: type, outcome),
            occurredAt: occurredAt, data: NoticeBody.data(of: outcome))
    }

    private func readOutcome(_ record: Record) throws(RecordFailure) -> JSONValue {
        guard let range = record.valueRange else { throw Self.refused("no-value", "an outcome has a body") }
        let root = try decoding { () throws(MessageFailure) -> JSONValue in
            do throws(JSONError) {
                return try JSONDocument(parsing: record.bytes, in: range).root
            } catch {
                throw .document(error)
            }
        }
        guard root.kind == .object else { throw Self.refused("type", "an outcome's body is an object") }
        return root
    }

    /// Rewards have no number, nor has a refusal on a wallet that does not exist.
    private static func number(of type: MessageType, _ outcome: JSONValue) -> SequenceNumber? {
        guard let value = outcome["sequence"]?.int64, value > 0 else { return nil }
        return switch type {
        case .awarded: SequenceNumber(.awards, value)
        case .spent: SequenceNumber(.spends, value)
        default: nil
        }
    }

    private static func refused(_ code: String, _ detail: String) -> RecordFailure {
        .unprocessable(code: code, detail: detail)
    }
}
