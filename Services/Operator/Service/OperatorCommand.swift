// What the arguments of `pointstream` ask for, and its help. Options are settings of this one run: they win
// over the environment and the settings file, and have the same bounds.

import Configuration
import Settings

/// One thing an operator asks for.
public enum OperatorCommand: Sendable, Equatable {
    case help
    case topics
    case apply(paths: [String])
    case remove(ConfigurationKind, id: String)
    case config
}

/// Why the arguments were not understood.
struct UsageFailure: Error, Equatable {
    let message: String
}

/// A command and the settings given with it.
struct OperatorArguments: Equatable {
    let command: OperatorCommand
    /// By the setting's whole name.
    let settings: [String: String]
    let settingsFile: String?

    private static let options: [String: Setting] = [
        "--brokers": .brokers, "--prefix": .topicPrefix, "--partitions": .partitions,
        "--replication": .replication,
    ]

    /// - Parameter arguments: without the name of the executable.
    init(_ arguments: [String]) throws(UsageFailure) {
        var words: [String] = []
        var settings: [String: String] = [:]
        var file: String?
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--help" || argument == "-h" {
                (command, self.settings, settingsFile) = (.help, [:], nil)
                return
            }
            guard argument.hasPrefix("-") else {
                words.append(argument)
                continue
            }
            let parts = argument.split(separator: "=", maxSplits: 1).map { String($0) }
            guard let name = parts.first, Self.options[name] != nil || name == "--settings" else {
                throw UsageFailure(message: "\(argument) is not a known option")
            }
            guard let value = parts.count == 2 ? parts[1] : rest.popFirst() else {
                throw UsageFailure(message: "\(name) needs a value")
            }
            if let setting = Self.options[name] { settings[setting.name] = value } else { file = value }
        }
        command = try Self.command(words)
        self.settings = settings
        settingsFile = file
    }

    private static func command(_ words: [String]) throws(UsageFailure) -> OperatorCommand {
        let operands = Array(words.dropFirst())
        switch words.first {
        case nil: throw UsageFailure(message: "a command is due: topics, apply, remove or config")
        case "topics" where operands.isEmpty: return .topics
        case "config" where operands.isEmpty: return .config
        case "topics", "config":
            throw UsageFailure(message: "\(words[0]) takes options only, not \(operands[0])")
        case "apply":
            guard !operands.isEmpty else { throw UsageFailure(message: "apply needs files or folders") }
            return .apply(paths: operands)
        case "remove":
            guard operands.count == 2, !operands[1].isEmpty else {
                throw UsageFailure(message: "remove needs a kind and an id")
            }
            guard let kind = ConfigurationKind(rawValue: operands[0]) else {
                let kinds = ConfigurationKind.allCases.map(\.rawValue).joined(separator: ", ")
                throw UsageFailure(message: "\(operands[0]) is not a kind; the kinds are \(kinds)")
            }
            return .remove(kind, id: operands[1])
        case .some(let other):
            throw UsageFailure(message: "\(other) is not a command: topics, apply, remove or config")
        }
    }

    static var help: String {
        """
        pointstream: sets up Kafka's topics and the configuration that the five services follow.

        Usage: pointstream topics [OPTIONS]           create the topics that do not exist yet
               pointstream apply PATH... [OPTIONS]    check and publish documents: files, or folders' *.json
               pointstream remove KIND ID [OPTIONS]   take a document out of force
               pointstream config [OPTIONS]           print the documents in force, secrets hidden

        Nothing is published if any document of an apply is wrong. Each file holds one document or an array.
        Exit codes: 0 done, 1 failed, 2 not understood.

        Options, each for the setting of that name:
          --brokers A   --prefix P   --partitions N   --replication R   --settings FILE   --help

        \(SettingsHelp(process: Setting.operatorCommand, summary: "").settingsText)
        """
    }
}
