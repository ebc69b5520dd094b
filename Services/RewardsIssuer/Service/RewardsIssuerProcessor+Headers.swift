// What the processor reads from a request's headers before it looks at the body.

import EventLog
import Messages
import Primitives
import RewardsIssuerDomain
import StreamRuntime
import Telemetry

extension RewardsIssuerProcessor {
    /// A trace context of version 00 has exactly this length (W3C Trace Context 3.2); longer ones of later versions
    /// are not carried on.
    private static let traceparentBytes = 55

    /// Whom a record on `reward-requests` is about. The partition must be the key's: the ledger's answer
    /// comes back there.
    func subject(
        of record: Record, _ batch: BatchContext
    ) throws(RecordFailure) -> (id: EventID, wallet: WalletID) {
        guard let key = record.key, let wallet = WalletID(hex: key) else {
            throw .unprocessable(code: "key", detail: "the key is no wallet, 32 lower-case hex digits")
        }
        guard batch.partitions.partition(of: key) == partition else {
            throw .unprocessable(code: "partition", detail: "the key belongs to another partition")
        }
        guard let id = record.eventID, MessageID(id.value).cause == id else {
            throw .unprocessable(code: "id", detail: "ce_id is no event, 32 hex digits ending in 00")
        }
        return (id, wallet)
    }

    /// An id belongs to one wallet: what became of it is not told to another.
    func check(_ owner: WalletID, is wallet: WalletID) throws(RecordFailure) {
        guard owner == wallet else {
            throw .unprocessable(code: "key-reuse", detail: "the id is that of another wallet's request")
        }
    }

    /// When it was requested; without the header, when it was written.
    func time(of record: Record) throws(RecordFailure) -> Timestamp {
        guard let text = record.header(HeaderName.time) else { return record.timestamp }
        guard let time = Timestamp(rfc3339: text) else {
            throw .unprocessable(code: "time", detail: "ce_time is no RFC 3339 time")
        }
        return time
    }

    func waiter(of record: Record, _ batch: BatchContext, isRepeat: Bool) -> Waiter? {
        record.callerAddress(batch.partitions).map { Waiter($0, isRepeat: isRepeat) }
    }

    /// It is kept until the reward is issued, so it must be one: anybody may write any bytes into a header.
    func traceparent(of record: Record) -> String? {
        guard let bytes = record.header(HeaderName.traceparent), bytes.count == Self.traceparentBytes,
            TraceContext(traceparent: bytes) != nil
        else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
