// What the arguments of a service ask for: its help, or to run with the settings found. The first thing Main
// calls.

import Foundation

/// How a service was started.
public enum Launch: Sendable {
    case help
    case run(SettingValues)

    /// Reads `[--settings FILE] [--help]`, the file, and the environment.
    ///
    /// - Parameter arguments: without the name of the executable.
    /// - Throws: everything that is wrong with arguments and settings.
    public init(
        process: String, arguments: [String], environment: [String: String]
    ) throws(SettingsFailure) {
        var file: String?
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--help", "-h":
                self = .help
                return
            case "--settings":
                guard let path = rest.popFirst() else {
                    throw SettingsFailure(argument, .missing, "needs the path of a file")
                }
                file = try SettingsFile.text(at: path)
            default:
                throw SettingsFailure(argument, .unknown, "is not a known argument; --help lists them")
            }
        }
        let reader = SettingsReader(process: process, environment: environment, file: file)
        self = .run(try reader.resolve())
    }
}

/// Reads the file that `--settings` names.
public enum SettingsFile {
    /// - Throws: if it cannot be read or is no UTF-8.
    public static func text(at path: String) throws(SettingsFailure) -> String {
        let bytes: Data
        do {
            bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw SettingsFailure(path, .missing, "cannot be read: \(error.localizedDescription)")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw SettingsFailure(path, .malformed, "is not UTF-8 text")
        }
        return text
    }
}

extension SettingsFailure {
    fileprivate init(_ name: String, _ code: SettingProblem.Code, _ detail: String) {
        self.init(problems: [SettingProblem(name: name, code: code, detail: detail)])
    }
}
