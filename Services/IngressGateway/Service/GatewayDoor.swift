// The door as a part of the gateway's process: the HTTP server, the publisher, and the thread that takes
// replies and the configuration. Made by Main, started once the broker's topics were found right, stopped
// before the workers are.

import EventLog
import Foundation
import HTTPGate
import Primitives
import StreamRuntime
import Synchronization
import Telemetry

/// Where and how the door serves.
public struct GatewayDoorSettings: Sendable {
    public var door: DoorSettings
    /// 0 for any that is free.
    public var port: UInt16
    public var address = "127.0.0.1"
    public var threads: Int
    public var limits: HTTPLimits

    public init(_ door: DoorSettings, port: UInt16, threads: Int) {
        self.door = door
        self.port = port
        self.threads = threads
        limits = HTTPLimits()
        // The door answers everything before the server gives up on it.
        let longest = max(Int64(door.waitMaximumSeconds) * 1_000, door.patienceMilliseconds)
        limits.answerSeconds = Int(longest / 1_000) + 15
        // Waits are ended first, so that only answers under way are left.
        limits.stopSeconds = 1
    }
}

/// Why the door cannot be opened.
public enum GatewayDoorFailure: Error, Sendable, CustomStringConvertible {
    case log(LogFailure)
    case server(HTTPGateFailure)

    public var description: String {
        switch self {
        case .log(let failure): failure.description
        case .server(let failure): failure.description
        }
    }
}

/// Runs a door over a log.
public final class GatewayDoor<Log: EventLog>: Sendable {
    /// After a failure of the log, in milliseconds.
    private static var pauseMilliseconds: UInt32 { 200 }

    private struct Running {
        var door: Door
        var server: HTTPServer
        var publisher: any IntakePublisher
    }

    private let log: Log
    private let settings: GatewayDoorSettings
    private let makePublisher: @Sendable () throws(LogFailure) -> any IntakePublisher
    private let clock: any WallClock
    private let logger: Logger
    private let registry: MetricsRegistry
    private let seed: UInt64
    private let isStopping = Atomic<Bool>(false)
    private let isListening = Atomic<Bool>(false)
    private let finished = DispatchSemaphore(value: 0)
    private let running = Mutex<Running?>(nil)

    public init(
        _ settings: GatewayDoorSettings, log: Log, clock: any WallClock, entropy: inout some Entropy,
        logger: Logger,
        registry: MetricsRegistry,
        makePublisher: @escaping @Sendable () throws(LogFailure) -> any IntakePublisher
    ) {
        self.settings = settings
        self.log = log
        self.clock = clock
        self.logger = logger
        self.registry = registry
        self.makePublisher = makePublisher
        seed = entropy.next()
    }

    /// Opens the door; it answers 503 until the configuration is read.
    ///
    /// - Returns: the port that is bound.
    public func start() throws(GatewayDoorFailure) -> UInt16 {
        let publisher = try opening { () throws(LogFailure) in try makePublisher() }
        var entropy = SeededEntropy(seed: seed)
        let door = Door(
            settings.door, publisher: publisher, clock: clock, entropy: &entropy, logger: logger,
            registry: registry)
        let server: HTTPServer
        do throws(HTTPGateFailure) {
            server = try HTTPServer(
                address: settings.address, port: settings.port, threads: settings.threads,
                limits: settings.limits, refusal: { door.refusal($0) }, admit: { door.admit($0) })
        } catch {
            publisher.close()
            throw .server(error)
        }
        running.withLock { $0 = Running(door: door, server: server, publisher: publisher) }
        startReplies(door)
        logger.info("door.listening", .number("port", server.port))
        return server.port
    }

    private func opening<Value>(
        _ body: () throws(LogFailure) -> Value
    ) throws(GatewayDoorFailure) -> Value {
        do throws(LogFailure) {
            return try body()
        } catch {
            throw .log(error)
        }
    }

    private func startReplies(_ door: Door) {
        let thread = Thread { [self] in
            let loop = ReplyLoop(log, door, partition: settings.door.replyPartition, logger: logger)
            while !isStopping.load(ordering: .acquiring) {
                do throws(LogFailure) {
                    try loop.step()
                } catch {
                    logger.warning("replies.failure", .string("failure", error.description))
                    usleep(Self.pauseMilliseconds * 1_000)
                }
                isListening.store(loop.isListening, ordering: .releasing)
            }
            loop.close()
            finished.signal()
        }
        thread.name = "replies"
        thread.start()
    }

    /// What it waits for before requests are answered; empty when it is ready.
    public var waitingFor: [String] {
        let isReady = running.withLock { $0?.door.isReady ?? false }
        var reasons: [String] = []
        if !isReady { reasons.append("door: config") }
        if !isListening.load(ordering: .acquiring) { reasons.append("door: replies") }
        return reasons
    }

    /// Answers everybody who waits, then ends its threads. Later calls do nothing.
    public func stop() {
        let last = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let last else { return }
        last.door.close()
        last.server.stop()
        isStopping.store(true, ordering: .releasing)
        finished.wait()
        last.publisher.close()
        logger.info("door.stopped")
    }
}
