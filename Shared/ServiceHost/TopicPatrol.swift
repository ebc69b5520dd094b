// Waits for the broker and its topics before anything is started, and looks at the topics again as long as the
// process lives, in a thread of its own: a question may take long when a broker does not answer.

import EventLog
import Foundation
import Primitives
import StreamRuntime
import Telemetry

struct TopicPatrol<Log: EventLog> {
    private static var startPauseMilliseconds: Int { 500 }

    private var watch: TopicWatch<Log>
    private let clock: any WallClock
    private let logger: Logger

    init(_ watch: TopicWatch<Log>, clock: any WallClock, logger: Logger) {
        self.watch = watch
        self.clock = clock
        self.logger = logger
    }

    /// - Parameter waiting: told what is waited for, whenever it is looked.
    /// - Returns: false if the process was asked to stop meanwhile.
    mutating func waitForTopics(
        until stop: StopRequest, waiting: (String) -> Void
    ) throws(ServiceFailure) -> Bool {
        while !stop.isRequested {
            switch watch.look(at: clock.now()) {
            case .right: return true
            case .wrong(let failure): throw failure
            case .suspicious(let failure): waiting("\(failure)")
            case .unknown(let failure):
                waiting("broker: \(failure)")
                logger.warning("broker.unreachable", .string("failure", failure.description))
            }
            stop.wait(milliseconds: Self.startPauseMilliseconds)
        }
        return false
    }

    /// Looks until the end, or until something is wrong, which is told once.
    func start(until stop: StopRequest, found: @escaping @Sendable (WorkerStop) -> Void) {
        let (clock, logger) = (clock, logger)
        let first = watch
        let thread = Thread {
            var (watch, isSuspicious) = (first, false)
            while !stop.wait(milliseconds: Int(TopicWatch<Log>.pauseMilliseconds)) {
                switch watch.look(at: clock.now()) {
                case .wrong(let failure): return found(failure)
                case .suspicious(let failure):
                    if !isSuspicious { logger.warning("topics.suspicious", .string("found", "\(failure)")) }
                    isSuspicious = true
                case .right: isSuspicious = false
                case .unknown: break
                }
            }
        }
        thread.name = "topics"
        thread.start()
    }
}
