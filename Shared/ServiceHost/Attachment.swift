// What a process runs beside its workers: the gateway's HTTP door is the one that exists. Started
// once the broker's topics were found right, stopped before the workers are.

import StreamRuntime
import Synchronization

/// A part of a process with threads of its own.
public protocol Attachment: Sendable {
    /// Starts, or says why it never can. A broker that is away is waited for, until the end is asked for.
    func start(until stop: StopRequest) throws(ServiceFailure)
    /// What it waits for before it is ready; empty when it is.
    var waitingFor: [String] { get }
    /// Finishes what is at hand, within a bound.
    func stop()
}

/// Why a process ends before it began; the same codes as a worker's.
public typealias ServiceFailure = WorkerStop

/// The attachments that run, as the operator's port sees them.
final class AttachmentBoard: Sendable {
    private let running = Mutex<[any Attachment]>([])

    func add(_ attachment: any Attachment) { running.withLock { $0.append(attachment) } }

    var waitingFor: [String] { running.withLock { $0 }.flatMap(\.waitingFor) }

    func stopAll() {
        for attachment in running.withLock({ $0 }) { attachment.stop() }
    }
}
