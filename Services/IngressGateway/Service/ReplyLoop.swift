// What reaches the door from the log: answers on this instance's partition of `replies`, and the
// configuration. One thread runs it; between records it ends the waits whose time is up. Answers written
// before it began are for nobody who still waits, so it reads from the end, which it fixes before the first
// request can be published.

import EventLog
import Messages
import Primitives
import StreamRuntime
import Telemetry

/// Feeds a door. Belongs to one thread.
public final class ReplyLoop<Log: EventLog> {
    private static var limits: BatchLimits {
        BatchLimits(records: 1_000, bytes: 4 << 20, lingerMilliseconds: 0)
    }
    /// Records end a poll at once; without any, deadlines are looked at this often.
    private static var waitMilliseconds: Int { 20 }
    private static var configurationWaitMilliseconds: Int { 50 }

    private let log: Log
    private let door: Door
    private let place: TopicPartition
    private let logger: Logger
    private let batch = RecordBatch()
    private var reader: Log.Reader?
    private var follower: ConfigurationFollower<Log>?
    /// Where to go on, so that answers that come while the log cannot be read are not lost.
    private var next: Offset?

    public init(_ log: Log, _ door: Door, partition: PartitionIndex, logger: Logger) {
        self.log = log
        self.door = door
        place = TopicPartition(.replies, partition)
        self.logger = logger
    }

    /// Whether answers reach the door.
    public var isListening: Bool { reader != nil }

    /// One turn: waits at most some hundredths of a second for something to do.
    ///
    /// - Throws: after letting go of its readers; the next turn makes new ones.
    public func step() throws(LogFailure) {
        do throws(LogFailure) {
            try listen()
            try follow()
            try takeReplies()
        } catch {
            close()
            // The position may be gone: whoever waits for an answer before it gets none in time.
            if error.consequence == .stop { next = nil }
            door.sweep()
            throw error
        }
        door.sweep()
    }

    /// Not `.end`: the real log would find out what that is only when it fetches first, and an answer could
    /// come before.
    private func listen() throws(LogFailure) {
        guard reader == nil else { return }
        let made = try log.makeReader(.following)
        do throws(LogFailure) {
            let start = if let next { next } else { try made.endOffset(of: place) }
            try made.read(from: [FetchPosition(place, from: .offset(start))])
            next = start
        } catch {
            made.close()
            throw error
        }
        reader = made
    }

    private func follow() throws(LogFailure) {
        if follower == nil { follower = try ConfigurationFollower(log, logger: logger) }
        guard let follower else { return }
        let wait = follower.isComplete ? 0 : Self.configurationWaitMilliseconds
        if let news = try follower.follow(waitMilliseconds: wait), follower.isComplete { door.use(news) }
    }

    private func takeReplies() throws(LogFailure) {
        batch.clear()
        _ = try reader?.poll(into: batch, limits: Self.limits, waitMilliseconds: Self.waitMilliseconds)
        for record in batch {
            next = record.offset.next
            if let reply = GatewayReply(record) { door.take(reply) }
        }
    }

    public func close() {
        reader?.close()
        reader = nil
        follower?.close()
        follower = nil
    }
}

extension GatewayReply {
    /// Nil for a record that is no answer.
    init?(_ record: Record) {
        guard
            let correlation = record.headerText(HeaderName.correlationID).flatMap({ UInt64($0, radix: 16) }),
            let outcome = record.headerText(HeaderName.outcome).flatMap(ReplyOutcome.init(rawValue:)),
            let body = record.value
        else { return nil }
        self.init(
            correlation: correlation, outcome: outcome, replayed: record.header(HeaderName.replayed) != nil,
            body: Array(body))
    }
}
