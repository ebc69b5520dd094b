// One row of the table of process settings: its name, what values it may have, and what for. The table is the
// only place where a setting is described: reading, bounds, the help text and the start log line all come
// from it. Never holds a value that was read.

/// A setting of a process.
public struct Setting: Sendable, Equatable {
    /// Every name begins with this, in the environment and in a settings file alike.
    public static let prefix = "POINTSTREAM_"

    /// What a value may be.
    public enum Bounds: Sendable, Equatable {
        case integer(ClosedRange<Int>)
        /// Visible characters without spaces at either end, at most so many bytes.
        case text(maximumBytes: Int)
        /// Part of a topic's name: letters, digits, '.', '_' and '-', at most so many.
        case name(maximumBytes: Int)
        case choice([String])
    }

    /// Which processes read it; to the others its name is known and its value is nothing to them.
    public enum Users: Sendable, Equatable {
        /// The five services and the operator's command.
        case everyProcess
        /// The five services.
        case services
        /// One process, by the name of its executable.
        case process(String)
    }

    /// The whole name, prefix included.
    public let name: String
    /// What a number counts, or the form of a text.
    public let unit: String
    /// Of every process that has none of its own. Without one the setting is required. `<process>` in it stands for
    /// the name of the executable.
    let fallback: String?
    /// By the name of the executable.
    let ownFallbacks: [String: String]
    public let bounds: Bounds
    public let usedBy: Users
    /// What it is for, and why it has its bounds.
    public let purpose: String

    /// - Parameter suffix: the name without ``prefix``.
    init(
        _ suffix: String, unit: String, fallback: String?, ownFallbacks: [String: String] = [:], bounds: Bounds,
        usedBy: Users = .services, purpose: String
    ) {
        name = Self.prefix + suffix
        self.unit = unit
        self.fallback = fallback
        self.ownFallbacks = ownFallbacks
        self.bounds = bounds
        self.usedBy = usedBy
        self.purpose = purpose
    }

    /// The name of the operator's command among the processes.
    public static let operatorCommand = "pointstream"

    /// What the process of that executable takes where nothing else is said; nil where something must be.
    public func fallback(of process: String) -> String? {
        ownFallbacks[process] ?? fallback?.replacing("<process>", with: process)
    }

    /// Whether the process of that executable reads this setting.
    public func isUsed(by process: String) -> Bool {
        switch usedBy {
        case .everyProcess: true
        case .services: process != Self.operatorCommand
        case .process(let name): name == process
        }
    }
}

extension Setting.Bounds: CustomStringConvertible {
    public var description: String {
        switch self {
        case .integer(let range): "\(range.lowerBound)...\(range.upperBound)"
        case .text(let maximum): "1...\(maximum) bytes without control characters"
        case .name(let maximum): "1...\(maximum) letters, digits, '.', '_' or '-'"
        case .choice(let values): values.joined(separator: ", ")
        }
    }
}
