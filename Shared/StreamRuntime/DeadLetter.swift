// Writes a record that cannot be processed to the service's dead letters: key, value and headers as
// received, and headers that say where it came from and why it is there. Written in the batch's
// transaction, so it is there once.

import EventLog
import JSONText
import Messages
import Primitives

/// Headers that a dead letter has besides its own.
public enum DeadLetterHeader {
    public static let reason: StaticString = "dead-letter-reason"
    public static let detail: StaticString = "dead-letter-detail"
    public static let topic: StaticString = "dead-letter-topic"
    public static let partition: StaticString = "dead-letter-partition"
    public static let offset: StaticString = "dead-letter-offset"
    public static let time: StaticString = "dead-letter-time"

    /// On a record whose value had to be cut: how many bytes it had.
    public static let originalBytes: StaticString = "dead-letter-original-bytes"

    /// A detail is for people; longer ones would crowd out the record.
    static let maximumDetailBytes = 1_024
    /// Of a value that is kept whole. Brokers take records of one mebibyte unless they are told otherwise,
    /// and dead letters' topics take twice that, so a value is only cut where a broker took larger ones.
    static let maximumValueBytes = 1_900_000
}

extension BatchContext {
    /// Tells whoever waits for a record's answer that it is a dead letter, and why: without that they wait in vain
    /// until their time is up. Nothing is written if nobody waits, or on a partition that is not there.
    public func replyRefused(_ record: Record, code: String, detail: String) {
        guard let address = record.callerAddress(partitions) else { return }
        let body = encoded { writer in
            writer.beginObject()
            if let event = record.eventID { writer.field("event", event) }
            writer.field("reason", code)
            writer.field("detail", detail)
            writer.endObject()
        }
        output.reply(to: address, .refused, body: body)
    }
}

extension RecordBatch {
    public func appendDeadLetter(
        _ record: Record, to topic: TopicID, sourceName: String, code: String, detail: String, now: Timestamp
    ) {
        append(to: TopicPartition(topic, record.partition), key: record.key)
        for number in 0..<record.headerCount {
            let header = record.header(at: number)
            addHeader(header.name, header.value)
        }
        addHeader(DeadLetterHeader.reason, code)
        addHeader(DeadLetterHeader.detail, detail.utf8.prefix(DeadLetterHeader.maximumDetailBytes))
        addHeader(DeadLetterHeader.topic, sourceName)
        addHeader(DeadLetterHeader.partition, String(record.partition.number))
        addHeader(DeadLetterHeader.offset, String(record.offset.number))
        addHeader(DeadLetterHeader.time, now.rfc3339)
        guard let value = record.value else { return }
        if value.count > DeadLetterHeader.maximumValueBytes {
            addHeader(DeadLetterHeader.originalBytes, String(value.count))
        }
        setValue(value.prefix(DeadLetterHeader.maximumValueBytes))
    }
}
