// What is wrong with the settings of a process: every fault at once, each by its name, so that one look at
// the output is enough to mend them. Shown by Main before anything is started. Never carries the value of a
// secret.

/// One fault.
public struct SettingProblem: Sendable, Equatable, CustomStringConvertible {
    public enum Code: String, Sendable {
        case unknown, missing, outOfBounds = "out-of-bounds", malformed, reserved, repeated
    }

    /// The setting's whole name, or where in the file the fault is.
    public let name: String
    public let code: Code
    public let detail: String

    public var description: String { "\(name): \(detail)" }
}

/// All faults of the settings, ordered by name.
public struct SettingsFailure: Error, Sendable, Equatable, CustomStringConvertible {
    public let problems: [SettingProblem]

    public var description: String { problems.map(\.description).joined(separator: "\n") }
}
