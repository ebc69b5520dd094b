// How a process comes to its end: by giving up, with one line and a code, and within a time, because what hangs
// in a client's call must not hang the process. Shared by the threads of a process.

import Foundation
import Settings
import StreamRuntime
import Telemetry

struct Ending: Sendable {
    let stop: StopRequest
    let statuses: [WorkerStatus]
    let logger: Logger

    /// Ends the process with its reason. The first reason is told; later ones follow from it or repeat it.
    func giveUp(_ reason: WorkerStop) {
        for status in statuses { status.stop(reason) }
        guard stop.request(exitCode: ExitCode.gaveUp.rawValue) else { return }
        logger.error("service.gave-up", .string("code", reason.code.rawValue), .string("found", reason.detail))
    }

    /// From the request to stop on, the process has so long. Whatever hangs in a client's call then is cut: the
    /// log makes that safe.
    func limit(milliseconds: Int) {
        stop.whenRequested { [stop, logger] code in
            DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(milliseconds)) {
                guard !stop.isFinished else { return }
                logger.error("service.stop-overdue", .number("limit_ms", milliseconds))
                _exit(code == ExitCode.asked.rawValue ? ExitCode.cutOff.rawValue : code)
            }
        }
    }
}
