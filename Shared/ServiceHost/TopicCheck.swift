// Waits for the broker, then compares its topics with what the service needs: a missing topic or
// another partition count would send keys to the wrong stores, so the process refuses to start and
// says which.

import EventLog
import Primitives
import StreamRuntime
import Telemetry

struct TopicCheck<Log: EventLog> {
    /// Between two attempts to reach the broker, in milliseconds.
    private static var pauseMilliseconds: Int { 500 }

    let log: Log
    let partitions: Int32
    let logger: Logger

    /// - Returns: false if the process was asked to stop meanwhile.
    func wait(for topics: [TopicID], until stop: StopRequest) throws(ServiceFailure) -> Bool {
        while !stop.isRequested {
            do throws(LogFailure) {
                try check(try counts(of: topics))
                return true
            } catch {
                guard error.consequence == .retry else {
                    throw ServiceFailure(code: "topics", detail: error.description)
                }
                logger.warning("broker.unreachable", .string("failure", error.description))
                stop.wait(milliseconds: Self.pauseMilliseconds)
            }
        }
        return false
    }

    private func counts(of topics: [TopicID]) throws(LogFailure) -> [(TopicID, Int32?)] {
        var found: [(TopicID, Int32?)] = []
        for topic in topics { found.append((topic, try log.partitionCount(of: topic))) }
        return found
    }

    private func check(_ found: [(TopicID, Int32?)]) throws(LogFailure) {
        let problems = found.compactMap { topic, count in
            let name = log.catalog.name(of: topic)
            let expected = name == log.catalog.name(of: .config) ? 1 : partitions
            return switch count {
            case nil: "topic \(name) does not exist (`pointstream topics` creates it)"
            case expected?: nil
            case let count?: "topic \(name) has \(count) partitions where POINTSTREAM_PARTITIONS says \(expected)"
            } as String?
        }
        guard problems.isEmpty else {
            throw LogFailure(
                operation: "check topics", code: "wrong-topics", detail: problems.joined(separator: "; "),
                consequence: .stop)
        }
    }
}
