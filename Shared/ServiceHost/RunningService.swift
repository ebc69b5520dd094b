// A process at work: the operator's port first, so that it can be asked what it waits for; then the
// broker's topics, the attachments, a thread for each worker, and a watchdog; and all of it back in
// the other order. A process that gave up says why in one line, and stays for a moment with its port
// open, so that a probe can read the reason and a supervisor does not start it again in a tight loop.

import EventLog
import Foundation
import HTTPGate
import KafkaLog
import Primitives
import Settings
import StreamRuntime
import Telemetry

struct RunningService {
    private static let workerStackBytes = 4 << 20
    private static let watchMilliseconds = 1_000
    /// Longer than the usual pause between two probes.
    private static let farewellMilliseconds = 10_000

    private let parts: ServiceParts
    private let definition: ServiceDefinition
    private let stop = StopRequest()
    private let ending: Ending
    private let statuses: [WorkerStatus]
    private let board = AttachmentBoard()
    private let workers = DispatchGroup()

    init(_ parts: ServiceParts, _ definition: ServiceDefinition) {
        self.parts = parts
        self.definition = definition
        statuses = (0..<parts.settings.workers).map { _ in WorkerStatus() }
        ending = Ending(stop: stop, statuses: statuses, logger: parts.logger)
    }

    /// - Returns: the exit code.
    func run(stopLimit: Int) throws(ServiceFailure) -> Int32 {
        let logger = parts.logger
        ending.limit(milliseconds: stopLimit)
        let signals = SignalWatch(stop) { logger.info("service.stopping", .string("signal", $0)) }
        defer { withExtendedLifetime(signals) {} }
        let port = OperatorPort(
            workers: statuses, attachments: board, registry: parts.registry, clock: parts.clock)
        let server = try serve(port)
        defer { server.stop() }
        do throws(ServiceFailure) {
            try runParts(port)
        } catch {
            ending.giveUp(error)
        }
        board.stopAll()
        workers.wait()
        stop.finish()
        if stop.exitCode != 0 { stop.waitForDismissal(milliseconds: Self.farewellMilliseconds) }
        logger.info("service.stopped", .number("exit_code", stop.exitCode))
        return stop.exitCode
    }

    private func serve(_ port: OperatorPort) throws(ServiceFailure) -> HTTPServer {
        let server: HTTPServer
        do throws(HTTPGateFailure) {
            server = try port.serve(port: UInt16(parts.settings.operatorPort))
        } catch {
            throw ServiceFailure(.portUnavailable, "POINTSTREAM_OPERATOR_PORT: \(error)")
        }
        try parts.folder.write(port: server.port, to: "operator.port")
        parts.logger.info("operator.listening", .number("port", server.port))
        return server
    }

    /// Starts everything and returns when the end is asked for.
    private func runParts(_ port: OperatorPort) throws(ServiceFailure) {
        let partitions = PartitionCount(Int32(parts.settings.partitions))
        var patrol = TopicPatrol(
            TopicWatch(parts.log, topology: definition.topology, partitions: partitions), clock: parts.clock,
            logger: parts.logger)
        guard try patrol.waitForTopics(until: stop, waiting: { for status in statuses { status.wait(for: $0) } })
        else { return }
        for attachment in definition.attachments {
            try attachment.start(until: stop)
            board.add(attachment)
        }
        patrol.start(until: stop) { [ending] in ending.giveUp($0) }
        startWorkers()
        watch(port)
    }

    // MARK: Workers

    private func startWorkers() {
        for (index, status) in statuses.enumerated() {
            workers.enter()
            let thread = Thread(block: workerLoop(index, status))
            thread.name = "worker-\(index)"
            thread.stackSize = Self.workerStackBytes
            thread.start()
        }
    }

    /// Everything a worker owns is made inside its thread.
    private func workerLoop(_ index: Int, _ status: WorkerStatus) -> @Sendable () -> Void {
        let settings = workerSettings(index)
        let (log, clock, logger, registry) = (parts.log, parts.clock, parts.logger, parts.registry)
        let (topology, stop, workers, ending) = (definition.topology, stop, workers, ending)
        return {
            defer { workers.leave() }
            let worker = Worker(
                log: log, topology: topology, settings: settings, clock: clock, logger: logger, registry: registry,
                status: status)
            do throws(WorkerStop) {
                while !stop.isRequested {
                    let pause = try worker.step()
                    if pause > 0 { stop.wait(milliseconds: Int(pause)) }
                }
            } catch {
                ending.giveUp(error)
            }
            worker.close()
        }
    }

    private func workerSettings(_ index: Int) -> WorkerSettings {
        let settings = parts.settings
        return WorkerSettings(
            member: "\(parts.folder.instance)-\(index)", workers: settings.workers,
            stores: .folder(parts.folder.path), partitions: PartitionCount(Int32(settings.partitions)),
            limits: BatchLimits(
                records: settings.batchRecords, bytes: settings.batchBytes,
                lingerMilliseconds: settings.batchLingerMilliseconds),
            batchIntervalMilliseconds: settings.batchIntervalMilliseconds,
            resumeAt: resumePlaces)
    }

    private var resumePlaces: [TopicPartition: Offset] {
        var places: [TopicPartition: Offset] = [:]
        for point in parts.settings.resumeAt {
            guard let topic = parts.log.catalog.topic(named: point.topic) else { continue }
            places[TopicPartition(topic, PartitionIndex(point.partition))] = Offset(point.offset)
        }
        return places
    }

    // MARK: The end

    /// Until the end is asked for; a worker that hangs in a client's call cannot be ended but by
    /// ending the process.
    private func watch(_ port: OperatorPort) {
        while !stop.wait(milliseconds: Self.watchMilliseconds) {
            guard port.isStuck else { continue }
            parts.logger.error("worker.stuck", .number("limit_ms", OperatorPort.stuckAfter))
            _exit(ExitCode.hung.rawValue)
        }
    }
}
