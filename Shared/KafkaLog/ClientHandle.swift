// One client of librdkafka: made from properties, closed within a bound. Every other file of this module
// works through it. Callbacks find their Swift objects through the client's opaque pointer, which is a
// retained ClientCallbacks.

import CRDKafka
import Dispatch
import EventLog
import Foundation

/// What the callbacks of one client reach. `log` is called from librdkafka's threads; the others only from
/// the thread that polls the client (while closing: from the closing thread, when nobody polls any more).
final class ClientCallbacks {
    let log: @Sendable (KafkaLogLine) -> Void
    let deliveries: DeliveryTally?
    let membership: Membership?
    let reports = ClientReports()

    init(
        log: @escaping @Sendable (KafkaLogLine) -> Void, deliveries: DeliveryTally? = nil,
        membership: Membership? = nil
    ) {
        self.log = log
        self.deliveries = deliveries
        self.membership = membership
    }

    static func of(_ opaque: UnsafeMutableRawPointer?) -> ClientCallbacks? {
        guard let opaque = unsafe opaque else { return nil }
        return unsafe Unmanaged<ClientCallbacks>.fromOpaque(opaque).takeUnretainedValue()
    }
}

/// Owns a librdkafka client. librdkafka's functions may be called from any thread; who owns a handle decides
/// which do.
@safe final class ClientHandle {
    enum Kind { case consumer, producer }

    /// Closing waits for broker threads and, in a consumer, for the group's coordinator; 2.0.2 can wait for
    /// ever.
    static let closeLimitMilliseconds = 5_000
    private static let textCapacity = 512

    private let pointer: OpaquePointer
    private let callbacks: ClientCallbacks
    private let credentials: (name: String, password: String)
    private(set) var isClosed = false

    /// - Parameter reportsAsEvents: delivery reports are polled from the client's main queue, not called
    ///   back.
    /// - Throws: a failure that stops the process if a property is unknown or wrong.
    init(
        _ kind: Kind, _ properties: ClientProperties, _ callbacks: ClientCallbacks,
        reportsAsEvents: Bool = false
    ) throws(LogFailure) {
        let configuration = unsafe try Self.configure(properties, callbacks)
        if reportsAsEvents { unsafe rd_kafka_conf_set_events(configuration, RD_KAFKA_EVENT_DR) }
        var text = [CChar](repeating: 0, count: Self.textCapacity)
        let opaque = unsafe Unmanaged.passRetained(callbacks).toOpaque()
        unsafe rd_kafka_conf_set_opaque(configuration, opaque)
        let type = kind == .consumer ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER
        guard let made = unsafe rd_kafka_new(type, configuration, &text, text.count) else {
            unsafe rd_kafka_conf_destroy(configuration)
            unsafe Unmanaged<ClientCallbacks>.fromOpaque(opaque).release()
            throw Self.refused(text)
        }
        if kind == .consumer { unsafe _ = rd_kafka_poll_set_consumer(made) }
        unsafe pointer = made
        self.callbacks = callbacks
        credentials = (properties.last("sasl.username") ?? "", properties.last("sasl.password") ?? "")
    }

    deinit { close() }

    /// - Precondition: not closed.
    var client: OpaquePointer {
        precondition(!isClosed, "a closed client is not used again")
        return unsafe pointer
    }

    var reports: ClientReports { callbacks.reports }

    /// Lets the threads that talk to brokers look around. 2.0.2 fetches nothing while as much waits as may wait, and
    /// taking some of it wakes nobody: the thread sleeps on for up to a second (later versions have a setting,
    /// `fetch.queue.backoff.ms`). Setting credentials wakes all threads, and those that are set already change nothing.
    func wakeThreads() {
        // Its only error is a missing text.
        if let error = unsafe rd_kafka_sasl_set_credentials(client, credentials.name, credentials.password) {
            unsafe rd_kafka_error_destroy(error)
        }
    }

    /// Ends the client and its threads. After the limit the rest is left to the end of the process, with a
    /// log line.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        let closing = unsafe ClosingClient(pointer: pointer, callbacks: callbacks)
        let done = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            closing.destroy()
            done.signal()
        }
        if done.wait(timeout: .now() + .milliseconds(Self.closeLimitMilliseconds)) == .timedOut {
            callbacks.log(
                KafkaLogLine(
                    level: 4, facility: "CLOSE",
                    text: "a client did not close within \(Self.closeLimitMilliseconds) ms and is abandoned"))
        }
    }

    /// The fatal error behind `_FATAL`, by its own code.
    func fatalCause() -> KafkaError? {
        var text = [CChar](repeating: 0, count: Self.textCapacity)
        let code = unsafe rd_kafka_fatal_error(client, &text, text.count)
        guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        var error = KafkaError(code, text: Self.string(text))
        error.isFatal = true
        return error
    }

    private static func configure(
        _ properties: ClientProperties, _ callbacks: ClientCallbacks
    ) throws(LogFailure) -> OpaquePointer {
        guard let configuration = unsafe rd_kafka_conf_new() else { throw refused([]) }
        var text = [CChar](repeating: 0, count: textCapacity)
        for (name, value) in properties.values {
            let result = unsafe rd_kafka_conf_set(configuration, name, value, &text, text.count)
            guard result == RD_KAFKA_CONF_OK else {
                unsafe rd_kafka_conf_destroy(configuration)
                throw refused(text)
            }
        }
        unsafe rd_kafka_conf_set_log_cb(configuration, forwardLogLine)
        unsafe rd_kafka_conf_set_error_cb(configuration, noteError)
        if callbacks.deliveries != nil { unsafe rd_kafka_conf_set_dr_msg_cb(configuration, noteDelivery) }
        if callbacks.membership != nil { unsafe rd_kafka_conf_set_rebalance_cb(configuration, noteRebalance) }
        return unsafe configuration
    }

    private static func refused(_ text: [CChar]) -> LogFailure {
        LogFailure(operation: "make client", code: "_INVALID_ARG", detail: string(text), consequence: .stop)
    }

    private static func string(_ text: [CChar]) -> String {
        String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

/// Hands a client over to the thread that closes it; its owner does not use it any more, so only one thread
/// does.
@safe private struct ClosingClient: @unchecked Sendable {
    let pointer: OpaquePointer
    let callbacks: ClientCallbacks

    func destroy() {
        unsafe rd_kafka_destroy(pointer)
        unsafe Unmanaged.passUnretained(callbacks).release()
    }
}

private func forwardLogLine(
    _ client: OpaquePointer?, _ level: CInt, _ facility: UnsafePointer<CChar>?, _ text: UnsafePointer<CChar>?
) {
    guard let client = unsafe client, let facility = unsafe facility, let text = unsafe text,
        let callbacks = unsafe ClientCallbacks.of(rd_kafka_opaque(client))
    else { return }
    let kind = unsafe "\(String(cString: rd_kafka_name(client))) \(String(cString: facility))"
    callbacks.log(unsafe KafkaLogLine(level: Int(level), facility: kind, text: String(cString: text)))
}
