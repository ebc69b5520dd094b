// A process at work: the operator's port first, so that it can be asked what it waits for; then the
// broker's topics, the attachments, a thread for each worker, and a watchdog; and all of it back in
// the other order.

import EventLog
import Foundation
import HTTPGate
import KafkaLog
import Primitives
import StreamRuntime
import Telemetry

struct RunningService {
    private static let workerStackBytes = 4 << 20
    private static let watchMilliseconds = 1_000

    private let parts: ServiceParts
    private let definition: ServiceDefinition
    private let stop = StopRequest()
    private let statuses: [WorkerStatus]
    private let board = AttachmentBoard()

    init(_ parts: ServiceParts, _ definition: ServiceDefinition) {
        self.parts = parts
        self.definition = definition
        statuses = (0..<parts.settings.workers).map { _ in WorkerStatus() }
    }

    func run(stopLimit: Int) throws -> Int32 {
        let logger = parts.logger
        let signals = SignalWatch(stop) { logger.info("service.stopping", .string("signal", $0)) }
        defer { withExtendedLifetime(signals) {} }
        let port = OperatorPort(
            workers: statuses, attachments: board, registry: parts.registry, clock: parts.clock)
        let server = try port.serve(port: UInt16(parts.settings.operatorPort))
        defer { server.stop() }
        try parts.folder.write(port: server.port, to: "operator.port")
        logger.info("operator.listening", .number("port", server.port))
        let check = TopicCheck(log: parts.log, partitions: Int32(parts.settings.partitions), logger: logger)
        guard try check.wait(for: definition.topology.allTopics + [.config], until: stop) else { return 0 }
        for attachment in definition.attachments {
            try attachment.start()
            board.add(attachment)
        }
        let finished = startWorkers()
        watch(port)
        return end(finished, stopLimit)
    }

    // MARK: Workers

    private func startWorkers() -> DispatchGroup {
        let finished = DispatchGroup()
        for (index, status) in statuses.enumerated() {
            finished.enter()
            let loop = workerLoop(index, status, finished)
            let thread = Thread(block: loop)
            thread.name = "worker-\(index)"
            thread.stackSize = Self.workerStackBytes
            thread.start()
        }
        return finished
    }

    /// Everything a worker owns is made inside its thread.
    private func workerLoop(
        _ index: Int, _ status: WorkerStatus, _ finished: DispatchGroup
    ) -> @Sendable () -> Void {
        let settings = workerSettings(index)
        let (log, clock, logger, registry) = (parts.log, parts.clock, parts.logger, parts.registry)
        let (topology, stop) = (definition.topology, stop)
        return {
            defer { finished.leave() }
            let worker = Worker(
                log: log, topology: topology, settings: settings, clock: clock, logger: logger, registry: registry,
                status: status)
            do throws(WorkerStop) {
                while !stop.isRequested {
                    let pause = try worker.step()
                    if pause > 0 { stop.wait(milliseconds: Int(pause)) }
                }
                worker.close()
            } catch {
                logger.error("worker.stopped", .string("code", error.code), .string("detail", error.detail))
                status.stop(error)
                stop.request(exitCode: 1)
            }
        }
    }

    private func workerSettings(_ index: Int) -> WorkerSettings {
        let settings = parts.settings
        return WorkerSettings(
            member: "\(parts.folder.instance)-\(index)", stores: .folder(parts.folder.path),
            partitions: PartitionCount(Int32(settings.partitions)),
            limits: BatchLimits(
                records: settings.batchRecords, bytes: settings.batchBytes,
                lingerMilliseconds: settings.batchLingerMilliseconds))
    }

    // MARK: The end

    /// Until the end is asked for; a worker that hangs in a client's call cannot be ended but by
    /// ending the process.
    private func watch(_ port: OperatorPort) {
        while !stop.wait(milliseconds: Self.watchMilliseconds) {
            guard !port.isAlive else { continue }
            parts.logger.error("worker.stuck", .number("limit_ms", OperatorPort.stuckAfter))
            _exit(70)
        }
    }

    /// Whatever hangs in a client's call by then is cut: the log makes that safe.
    private func end(_ finished: DispatchGroup, _ limit: Int) -> Int32 {
        let logger = parts.logger
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(limit)) {
            logger.error("service.stop-overdue", .number("limit_ms", limit))
            _exit(4)
        }
        board.stopAll()
        finished.wait()
        logger.info("service.stopped", .number("exit_code", stop.exitCode))
        return stop.exitCode
    }
}
