// Reads the settings of one process from its environment and a settings file, checks them against the table,
// and reports everything that is wrong at once. Called by Main only; nothing behind it reads the environment
// again. The environment wins over the file: a file is what one installation shares, a variable is what this
// process differs in.

/// Where the values come from; ``resolve()`` makes them ``SettingValues``.
public struct SettingsReader: Sendable {
    /// A settings file is a page or two; a longer one is some other file.
    public static let maximumFileBytes = 65_536
    /// A variable's or a line's value.
    static let maximumValueBytes = 65_536

    private let process: String
    private var values: [String: String] = [:]
    private var problems: [SettingProblem] = []

    /// - Parameters:
    ///   - process: the name of the executable.   - environment: all variables; those without the prefix are
    /// not looked at.   - file: the text of the settings file: lines `NAME=VALUE`, blank lines, and comments
    /// that begin with `#`.
    public init(process: String, environment: [String: String], file: String? = nil) {
        self.process = process
        if let file { take(file: file) }
        for (name, value) in environment where name.hasPrefix(Setting.prefix) { values[name] = value }
    }

    /// - Throws: every unknown name, missing setting and wrong value, ordered by name.
    public func resolve() throws(SettingsFailure) -> SettingValues {
        var problems = problems
        var resolved: [String: SettingValues.Value] = [:]
        for setting in Setting.all where setting.isUsed(by: process) {
            let text = values[setting.name] ?? setting.fallback(of: process)
            guard let text else {
                problems.append(
                    SettingProblem(
                        name: setting.name, code: .missing, detail: "is required (\(setting.unit))"))
                continue
            }
            switch setting.value(of: text) {
            case .success(let value): resolved[setting.name] = value
            case .failure(let problem): problems.append(problem)
            }
        }
        var client = ClientProperties()
        let known = Set(Setting.all.map(\.name))
        for (name, value) in values where !known.contains(name) {
            if let problem = client.take(name, value) { problems.append(problem) }
        }
        guard problems.isEmpty else {
            throw SettingsFailure(problems: problems.sorted { ($0.name, $0.detail) < ($1.name, $1.detail) })
        }
        return SettingValues(process: process, values: resolved, clientProperties: client.properties)
    }

    private mutating func take(file: String) {
        guard file.utf8.count <= Self.maximumFileBytes else {
            problems.append(
                SettingProblem(
                    name: "settings file", code: .outOfBounds,
                    detail: "is longer than \(Self.maximumFileBytes) bytes"))
            return
        }
        /// Carriage return and line feed are one Character.
        let lines = file.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        for (index, line) in lines.enumerated() {
            let line = trimmed(line)
            if line.isEmpty || line.hasPrefix("#") { continue }
            guard let equals = line.firstIndex(of: "=") else {
                problems.append(
                    SettingProblem(
                        name: "settings file, line \(index + 1)", code: .malformed,
                        detail: "is not NAME=VALUE"))
                continue
            }
            let name = trimmed(line[..<equals])
            if values.updateValue(trimmed(line[line.index(after: equals)...]), forKey: name) != nil {
                problems.append(
                    SettingProblem(name: name, code: .repeated, detail: "stands in the file twice"))
            }
        }
    }
}

/// Without spaces and tabs at either end.
private func trimmed(_ text: Substring) -> String {
    let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    let start = text.drop(while: isSpace)
    guard let last = start.lastIndex(where: { !isSpace($0) }) else { return "" }
    return String(start[...last])
}
