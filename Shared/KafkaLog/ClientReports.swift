// What librdkafka says about a client beside the messages: that a topic has gone, that credentials are refused.
// Without a callback it would only be printed, and a consumer whose topic was deleted would look idle. Noted by
// the callback, thrown by the next call that can fail.

import CRDKafka
import EventLog
import Synchronization

/// The newest report of one client that has to be acted on. Written and read by whatever thread polls it.
final class ClientReports: Sendable {
    private let newest = Mutex<LogFailure?>(nil)

    /// Keeps what a worker can act on; brokers that come and go are librdkafka's business.
    func note(_ error: KafkaError) {
        switch error.code.cause {
        case .topicMissing, .notAuthorised: newest.withLock { $0 = error.failure("watch") }
        default: break
        }
    }

    func take() -> LogFailure? {
        newest.withLock { report in
            defer { report = nil }
            return report
        }
    }
}

/// Runs inside a poll, on its thread.
func noteError(
    _ client: OpaquePointer?, _ code: CInt, _ reason: UnsafePointer<CChar>?, _ opaque: UnsafeMutableRawPointer?
) {
    guard let client = unsafe client, let callbacks = unsafe ClientCallbacks.of(opaque) else { return }
    let text = unsafe reason.map { unsafe String(cString: $0) } ?? ""
    callbacks.reports.note(KafkaError(rd_kafka_resp_err_t(code), text: text))
    let name = unsafe String(cString: rd_kafka_name(client))
    callbacks.log(KafkaLogLine(level: 3, facility: "\(name) ERROR", text: text))
}
