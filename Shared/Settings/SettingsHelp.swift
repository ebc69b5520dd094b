// The text of `--help`, written from the table of settings, so that it cannot lack one. Printed by Main.

/// The help of one process.
public struct SettingsHelp: Sendable, CustomStringConvertible {
    private let process: String
    private let summary: String

    /// - Parameter summary: what the process does, in one line.
    public init(process: String, summary: String) {
        self.process = process
        self.summary = summary
    }

    public var description: String {
        """
        \(process): \(summary)

        Usage: \(process) [--settings FILE] [--help]

        \(settingsText)
        Exit codes:

        \(exitCodes)

        """
    }

    private var exitCodes: String {
        ExitCode.allCases.map { code in
            let number = "  " + String(code.rawValue) + (code.rawValue < 10 ? "   " : "  ")
            return number + wrapped(code.meaning, width: 92, indent: "      ").dropFirst(6)
        }.joined(separator: "\n")
    }

    /// The part that describes the settings, for processes that have a usage text of their own.
    public var settingsText: String {
        let entries = Setting.all.filter { $0.isUsed(by: process) }.map(entry).joined(separator: "\n")
        return """
            Settings are environment variables, or lines NAME=VALUE of the settings file. The environment
            wins.

            \(entries)
              \(ClientProperties.prefix)<PROPERTY>
                  A property of librdkafka in capitals with '_' for '.', except those the platform sets.

            """
    }

    private func entry(_ setting: Setting) -> String {
        let fallback = setting.fallback(of: process).map { "default \($0)" } ?? "required"
        let purpose = wrapped(setting.purpose, width: 92, indent: "      ")
        return "  \(setting.name)  (\(setting.unit); \(fallback); \(setting.bounds))\n\(purpose)"
    }
}

/// Lines of at most `width` characters behind the indent.
private func wrapped(_ text: String, width: Int, indent: String) -> String {
    var lines = [""]
    for word in text.split(separator: " ") {
        let last = lines[lines.count - 1]
        if last.isEmpty {
            lines[lines.count - 1] = String(word)
        } else if last.count + 1 + word.count <= width {
            lines[lines.count - 1] = "\(last) \(word)"
        } else {
            lines.append(String(word))
        }
    }
    return lines.map { indent + $0 }.joined(separator: "\n")
}
