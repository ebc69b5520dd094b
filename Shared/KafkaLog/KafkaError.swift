// Errors of librdkafka as values, and what they mean for the worker. The only place that knows the meaning of
// a code; every error object of librdkafka is read and destroyed here in one step.

import CRDKafka
import EventLog

/// An error of librdkafka with the flags of its transactional calls.
struct KafkaError {
    let code: rd_kafka_resp_err_t
    let text: String
    var isFatal = false
    var requiresAbort = false

    init(_ code: rd_kafka_resp_err_t, text: String) {
        self.code = code
        self.text = text
    }

    init(_ code: rd_kafka_resp_err_t) {
        self.init(code, text: unsafe String(cString: rd_kafka_err2str(code)))
    }

    /// Reads and destroys an error object; nil stands for success.
    init?(taking object: OpaquePointer?) {
        guard let object = unsafe object else { return nil }
        code = unsafe rd_kafka_error_code(object)
        text = unsafe String(cString: rd_kafka_error_string(object))
        isFatal = unsafe rd_kafka_error_is_fatal(object) != 0
        requiresAbort = unsafe rd_kafka_error_txn_requires_abort(object) != 0
        unsafe rd_kafka_error_destroy(object)
    }

    /// librdkafka's name without its prefix, for example `_TIMED_OUT`.
    var name: String { unsafe String(cString: rd_kafka_err2name(code)) }

    /// - Parameter consequence: replaces what the code alone would mean, unless that is to stop for want of rights
    ///   or for a setting that is refused: another producer would be refused the same.
    func failure(
        _ operation: String, at place: String? = nil, consequence: LogFailure.Consequence? = nil
    ) -> LogFailure {
        LogFailure(
            operation: operation, code: name, detail: place.map { "\($0): \(text)" } ?? text,
            consequence: code.isRefusal ? .stop : consequence ?? code.consequence, cause: code.cause)
    }
}

extension rd_kafka_resp_err_t {
    var isTimeOut: Bool { Self.timeOuts.contains(self) }
    /// The group says that the partitions belong to somebody else.
    var isLostMembership: Bool { Self.lostMembership.contains(self) }
    /// A newer producer with the same transactional id exists.
    var isFencedProducer: Bool { Self.fencedProducer.contains(self) }

    /// What no list names is a disturbance that passes.
    var consequence: LogFailure.Consequence {
        if Self.unmendable.contains(self) { return .stop }
        if Self.lostMembership.contains(self) { return .dropPartitions }
        if Self.fencedProducer.contains(self) || Self.spoiledProducer.contains(self) {
            return .discardProducer
        }
        return .retry
    }

    /// Whoever asks again is told the same.
    var isRefusal: Bool { cause == .notAuthorised || self == RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT }

    /// Which page of the runbook it belongs to.
    var cause: LogFailure.Cause {
        switch self {
        case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
            RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
            .topicMissing
        case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET: .outOfRange
        case RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
            RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
            .notAuthorised
        case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID: .memberTaken
        case RD_KAFKA_RESP_ERR__BAD_MSG, RD_KAFKA_RESP_ERR__BAD_COMPRESSION, RD_KAFKA_RESP_ERR_INVALID_MSG:
            .unreadableRecord
        default: .other
        }
    }

    private static let timeOuts: Set<Self> = [
        RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        RD_KAFKA_RESP_ERR__TRANSPORT,
    ]

    private static let lostMembership: Set<Self> = [
        RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
        RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
        RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED, RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST,
    ]

    private static let fencedProducer: Set<Self> = [
        RD_KAFKA_RESP_ERR__FENCED, RD_KAFKA_RESP_ERR_PRODUCER_FENCED,
        RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
    ]

    private static let spoiledProducer: Set<Self> = [
        RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING, RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID,
        RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE,
        RD_KAFKA_RESP_ERR__INCONSISTENT, RD_KAFKA_RESP_ERR__FATAL, RD_KAFKA_RESP_ERR__STATE,
    ]

    /// Wrong credentials or settings, missing topics, and records that cannot be read: librdkafka would skip
    /// a damaged one, which is a loss.
    private static let unmendable: Set<Self> = [
        RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR__INVALID_ARG,
        RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE,
        RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED, RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT,
        RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT, RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL,
        RD_KAFKA_RESP_ERR_INVALID_GROUP_ID, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
        RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
        RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE,
        RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, RD_KAFKA_RESP_ERR__BAD_MSG, RD_KAFKA_RESP_ERR__BAD_COMPRESSION,
        RD_KAFKA_RESP_ERR_INVALID_MSG, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
    ]
}

extension rd_kafka_resp_err_t: @retroactive Hashable {}
