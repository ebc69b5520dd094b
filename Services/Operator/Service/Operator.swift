// Runs one command of the operator against a cluster. Called by Main; each command's work is in its own file.

import Configuration
import EventLog
import KafkaLog
import Messages
import Primitives
import Settings

/// The `pointstream` command.
public enum Operator {
    /// - Parameters:
    ///   - arguments: without the name of the executable.
    ///   - entropy: where salts come from.
    public static func run(
        arguments: [String], environment: [String: String], console: Console, entropy: inout some Entropy
    ) -> ExitCode {
        let parsed: OperatorArguments
        do throws(UsageFailure) {
            parsed = try OperatorArguments(arguments)
        } catch {
            console.problem("pointstream: \(error.message); --help tells more")
            return .usage
        }
        if parsed.command == .help {
            console.line(OperatorArguments.help)
            return .done
        }
        let values: SettingValues
        do throws(SettingsFailure) {
            values = try settings(parsed, environment)
        } catch {
            for problem in error.problems { console.problem("pointstream: \(problem)") }
            return .usage
        }
        do throws(LogFailure) {
            return try run(parsed.command, values, console, &entropy)
        } catch {
            console.problem("pointstream: \(error)")
            return .failed
        }
    }

    private static func settings(
        _ parsed: OperatorArguments, _ environment: [String: String]
    ) throws(SettingsFailure) -> SettingValues {
        var file: String?
        if let path = parsed.settingsFile { file = try SettingsFile.text(at: path) }
        let merged = environment.merging(parsed.settings) { _, option in option }
        return try SettingsReader(process: Setting.operatorCommand, environment: merged, file: file).resolve()
    }

    private static func run(
        _ command: OperatorCommand, _ values: SettingValues, _ console: Console, _ entropy: inout some Entropy
    ) throws(LogFailure) -> ExitCode {
        switch command {
        case .help: return .done
        case .topics:
            let plans = TopicPlan.pointstream(
                prefix: values.text(.topicPrefix), partitions: values.integer(.partitions),
                replication: values.integer(.replication))
            let administrator = try connect(values, console).makeAdministrator()
            return try TopicCreation(administration: administrator, console: console).run(plans)
        case .apply(let paths):
            let files = DocumentFiles(paths: paths, entropy: &entropy)
            let publisher = KafkaConfigurationPublisher(log: try connect(values, console))
            return try DocumentApplication(publisher: publisher, console: console).run(files)
        case .remove(let kind, let id):
            let publisher = KafkaConfigurationPublisher(log: try connect(values, console))
            try publisher.publish([ConfigurationRecord(key: ConfigurationDocument.key(kind, id), value: nil)])
            console.line("removed \(kind.rawValue)/\(id)")
            return .done
        case .config:
            try ConfigurationListing(reading: try connect(values, console)).print(to: console)
            return .done
        }
    }

    /// Warnings and errors of the client, as numbered by syslog.
    private static let shownLevels = 0...4

    private static func connect(_ values: SettingValues, _ console: Console) throws(LogFailure) -> KafkaLog {
        var settings = KafkaSettings(
            bootstrapServers: values.text(.brokers), clientID: Setting.operatorCommand
        ) { line in
            if shownLevels.contains(line.level) { console.problem("\(line.facility): \(line.text)") }
        }
        settings.properties = values.clientProperties
        return try KafkaLog(settings: settings, catalog: .pointstream(prefix: values.text(.topicPrefix)))
    }
}
