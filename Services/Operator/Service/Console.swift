// Where the operator's command writes, and how it ends. Main gives it the process's streams, tests give it
// arrays.

/// The two streams of a command.
public struct Console: Sendable {
    /// Writes one line of the result.
    public let line: @Sendable (String) -> Void
    /// Writes one line about what is wrong.
    public let problem: @Sendable (String) -> Void

    public init(line: @escaping @Sendable (String) -> Void, problem: @escaping @Sendable (String) -> Void) {
        self.line = line
        self.problem = problem
    }
}

/// The exit codes of the command.
public enum ExitCode: Int32, Sendable {
    case done = 0
    /// Something was refused or did not work; it is described on the error stream.
    case failed = 1
    /// The command was not understood, or a setting is wrong; nothing was tried.
    case usage = 2
}
