// One process of the platform from its arguments to its exit code: settings, folder, broker,
// operator's port, workers, and an orderly end. Called by the Main of each service with what is its
// own. The exit codes stand in Settings (ExitCode), why it gave up in StreamRuntime (StopCode).

import CMalloc
import EventLog
import Foundation
import HTTPGate
import KafkaLog
import Messages
import Primitives
import Settings
import StreamRuntime
import Telemetry

/// What a service's own parts are built from.
public struct ServiceParts {
    public let values: SettingValues
    public let settings: ServiceSettings
    public let log: KafkaLog
    public let clock: any WallClock
    public let logger: Logger
    public let registry: MetricsRegistry
    public let folder: DataFolder
}

/// What a service is, beside what all have.
public struct ServiceDefinition {
    public let topology: ServiceTopology
    public let attachments: [any Attachment]

    public init(topology: ServiceTopology, attachments: [any Attachment] = []) {
        self.topology = topology
        self.attachments = attachments
    }
}

/// Runs a service as a process.
public struct ServiceProcess {
    /// After a request to stop: the batch at hand is done in far less; what hangs is cut, the log
    /// makes that safe.
    private static let stopLimitMilliseconds = 4_500

    private let service: ServiceName
    private let summary: String

    public init(_ service: ServiceName, summary: String) {
        self.service = service
        self.summary = summary
    }

    /// Memory that a batch gave back is kept for the next one. Otherwise the kernel takes it and clears it anew each
    /// time, a tenth of a service's time under load.
    private static let keptBytes: Int32 = 64 << 20
    /// What is larger is mapped by itself and given back; the C library knows no higher bound.
    private static let mappedBytes: Int32 = 32 << 20
    /// Separate stocks of memory for all threads, the workers' and the client's. With more of them each keeps what it
    /// once had; the ledger took a tenth more.
    private static let arenas: Int32 = 2

    /// - Returns: the exit code.
    public func run(_ define: (ServiceParts) throws(ServiceFailure) -> ServiceDefinition) -> Int32 {
        _ = mallopt(M_TRIM_THRESHOLD, Self.keptBytes)
        _ = mallopt(M_MMAP_THRESHOLD, Self.mappedBytes)
        _ = mallopt(M_ARENA_MAX, Self.arenas)
        do throws(SettingsFailure) {
            let launch = try Launch(
                process: service.rawValue, arguments: Array(CommandLine.arguments.dropFirst()),
                environment: ProcessInfo.processInfo.environment)
            switch launch {
            case .help:
                print(SettingsHelp(process: service.rawValue, summary: summary))
                return ExitCode.asked.rawValue
            case .run(let values): return run(values, try ServiceSettings(values), define)
            }
        } catch {
            complain(error.description)
            return ExitCode.wrongSettings.rawValue
        }
    }

    private func run(
        _ values: SettingValues, _ settings: ServiceSettings,
        _ define: (ServiceParts) throws(ServiceFailure) -> ServiceDefinition
    ) -> Int32 {
        let level = LogLevel.allCases.first { $0.name == settings.logLevel } ?? .info
        let clock = SystemClock()
        let logger = Logger(service: service.rawValue, clock: clock, sink: StandardErrorSink(), level: level)
        do throws(ServiceFailure) {
            var entropy = SystemEntropy()
            let folder = try DataFolder(path: settings.dataFolder, entropy: &entropy)
            logger.log(.info, "service.starting", values.effective.map { .string($0.name, $0.value) })
            let parts = ServiceParts(
                values: values, settings: settings, log: try connect(settings, folder, logger), clock: clock,
                logger: logger, registry: MetricsRegistry(), folder: folder)
            let definition = try define(parts)
            do throws(SettingsFailure) {
                try ResumePoint.check(
                    settings.resumeAt, inputs: definition.topology.inputs.map(parts.log.catalog.name(of:)),
                    partitions: settings.partitions)
            } catch {
                complain(error.description)
                return ExitCode.wrongSettings.rawValue
            }
            return try RunningService(parts, definition).run(stopLimit: Self.stopLimitMilliseconds)
        } catch {
            logger.error("service.gave-up", .string("code", error.code.rawValue), .string("found", error.detail))
            return ExitCode.gaveUp.rawValue
        }
    }

    private func connect(
        _ settings: ServiceSettings, _ folder: DataFolder, _ logger: Logger
    ) throws(ServiceFailure) -> KafkaLog {
        do throws(LogFailure) {
            return try KafkaLog(
                settings: kafkaSettings(settings, folder, logger),
                catalog: .pointstream(prefix: settings.topicPrefix))
        } catch {
            throw ServiceFailure(error)
        }
    }

    private func kafkaSettings(
        _ settings: ServiceSettings, _ folder: DataFolder, _ logger: Logger
    ) -> KafkaSettings {
        var kafka = KafkaSettings(
            bootstrapServers: settings.brokers, clientID: "\(service.rawValue)-\(folder.instance)"
        ) { line in
            // Below a warning (4) the client talks to its own developers.
            guard line.level <= 4 else { return }
            logger.warning("kafka.client", .string("facility", line.facility), .string("text", line.text))
        }
        kafka.sessionTimeoutMilliseconds = settings.sessionTimeoutMilliseconds
        kafka.transactionTimeoutMilliseconds = settings.transactionTimeoutMilliseconds
        kafka.properties = settings.clientProperties
        return kafka
    }

    private func complain(_ text: String) {
        FileHandle.standardError.write(Data("\(service.rawValue): \(text)\n".utf8))
    }
}
