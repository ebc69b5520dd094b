// What every record on `customer-events` must have, read from its key and headers. Called by the processor;
// what is missing or wrong sends the record to the dead letters, because no retry mends it.

import EventLog
import Messages
import Primitives
import StreamRuntime

/// The wallet a record belongs to. A record on another partition than its key's would give the wallet two
/// writers.
func walletID(of record: Record, _ partitions: PartitionCount) throws(RecordFailure) -> WalletID {
    guard let key = record.key, let wallet = record.walletKey else {
        throw .unprocessable(
            code: "malformed-key", detail: "the key must be a wallet's id, 32 lower-case hex digits")
    }
    let due = partitions.partition(of: key)
    guard due == record.partition else {
        throw .unprocessable(code: "wrong-partition", detail: "the wallet belongs to partition \(due)")
    }
    return wallet
}

/// The event's id; its last byte counts the steps that it causes, so it must be zero.
func eventID(of record: Record) throws(RecordFailure) -> EventID {
    guard let event = record.eventID, event.caused(.event).step == 0 else {
        throw .unprocessable(
            code: "malformed-id", detail: "ce_id: 32 lower-case hex digits ending in 00 are due")
    }
    return event
}

/// The source that sent the event.
func sourceName(of record: Record) throws(RecordFailure) -> String {
    guard let source = record.headerText(HeaderName.source), !source.isEmpty,
        source.utf8.count <= Purchase.maximumTextBytes
    else {
        throw .unprocessable(
            code: "malformed-source",
            detail: "ce_source: 1 to \(Purchase.maximumTextBytes) bytes of UTF-8 are due")
    }
    return source
}

/// Where the body lies in the record's bytes.
func bodyRange(of record: Record) throws(RecordFailure) -> Range<Int> {
    guard let range = record.valueRange else {
        throw .unprocessable(code: "empty-body", detail: "the record has no value")
    }
    return range
}
