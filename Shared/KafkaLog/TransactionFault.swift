// Why a transaction did not commit, and how it has to end. librdkafka marks its errors as fatal or as
// requiring an abort; what carries neither mark, and every time-out, leaves the outcome open. Used by
// KafkaTransactionalProducer.

import CRDKafka
import EventLog

struct TransactionFault: Error {
    enum Ending {
        /// Abort; the same producer may go on.
        case abort
        /// Abort, but the partitions are not this member's any more.
        case abortAsFenced
        /// A newer producer has aborted it already.
        case fenced
        /// Nothing is known; only a new producer brings order.
        case unknown
    }

    let failure: LogFailure
    let ending: Ending

    init(_ failure: LogFailure, _ ending: Ending) {
        self.failure = failure
        self.ending = ending
    }

    /// An error of a step before the commit. A delayed request of a call that timed out could count toward
    /// the producer's next transaction (KAFKA-17754), so a time-out is never answered with an abort alone.
    ///
    /// - Parameter duringProduce: the error concerns one record that was not queued; nothing of it is on its
    ///   way.
    init(_ error: KafkaError, _ operation: String, at place: String? = nil, duringProduce: Bool = false) {
        if error.code.isFencedProducer {
            self.init(error.failure(operation, at: place, consequence: .discardProducer), .fenced)
        } else if error.code.isLostMembership {
            self.init(
                error.failure(operation, at: place, consequence: .dropPartitions),
                error.isFatal ? .fenced : .abortAsFenced)
        } else if error.isFatal || error.code.isTimeOut || !(error.requiresAbort || duringProduce) {
            self.init(error.failure(operation, at: place, consequence: .discardProducer), .unknown)
        } else {
            self.init(error.failure(operation, at: place), .abort)
        }
    }

    /// An error of the commit itself: only one that asks for an abort proves that nothing was committed.
    /// Fenced here may mean that the commit was done and only its answer lost.
    init(committing error: KafkaError, cause: KafkaError) {
        if error.requiresAbort, !error.isFatal {
            self.init(
                cause.failure("commit transaction"), cause.code.isLostMembership ? .abortAsFenced : .abort)
        } else {
            self.init(error.failure("commit transaction", consequence: .discardProducer), .unknown)
        }
    }
}
