// One JSON line for each event worth an operator's attention. Used by every service; the line is built here
// and handed to a sink whole. It takes names and numbers, never bodies: what callers put into fields is
// written as it is, so card numbers, secrets and payloads must not be passed in. Nothing here can tell them
// from other text.

import Primitives

/// How much an event matters; a logger leaves out what is below its own level.
public enum LogLevel: Int, Sendable, Comparable, CaseIterable {
    case debug, info, warning, error

    public var name: String {
        switch self {
        case .debug: "debug"
        case .info: "info"
        case .warning: "warning"
        case .error: "error"
        }
    }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A name and a value on a log line, for example `.string("topic", topic)`, `.number("partition", 3)`.
public struct LogField: Sendable {
    enum Value: Sendable {
        case string(String)
        case number(Int64)
        case flag(Bool)
    }

    let name: String
    let value: Value

    /// Cut at ``Logger/maximumValueBytes``.
    public static func string(_ name: String, _ value: String) -> LogField {
        LogField(name: name, value: .string(value))
    }

    public static func number(_ name: String, _ value: some BinaryInteger) -> LogField {
        LogField(name: name, value: .number(Int64(clamping: value)))
    }

    public static func flag(_ name: String, _ value: Bool) -> LogField {
        LogField(name: name, value: .flag(value))
    }
}

/// Writes log lines for one service. Cheap to copy; may be used from any thread.
public struct Logger: Sendable {
    /// A value on a line: long enough for an error's text or a broker's list, short enough that a line stays
    /// well below what log shippers cut (16 KiB) with a handful of fields.
    public static let maximumValueBytes = 2_048
    /// Fields on a line: more than this is a payload, not an event.
    public static let maximumFields = 24

    private let service: String
    private let clock: any WallClock
    private let sink: any LogSink
    private let level: LogLevel

    public init(service: String, clock: any WallClock, sink: any LogSink, level: LogLevel = .info) {
        self.service = service
        self.clock = clock
        self.sink = sink
        self.level = level
    }

    /// - Parameter event: a fixed dotted name, such as `partition.restored`; what varies goes into fields.
    public func debug(_ event: String, _ fields: LogField...) { log(.debug, event, fields) }
    public func info(_ event: String, _ fields: LogField...) { log(.info, event, fields) }
    public func warning(_ event: String, _ fields: LogField...) { log(.warning, event, fields) }
    public func error(_ event: String, _ fields: LogField...) { log(.error, event, fields) }

    /// Field names that repeat `time`, `level`, `service` or `event`, or each other, are the caller's to
    /// avoid.
    public func log(_ level: LogLevel, _ event: String, _ fields: [LogField]) {
        guard level >= self.level else { return }
        var line = JSONLine()
        line.append("time", .string(clock.now().description))
        line.append("level", .string(level.name))
        line.append("service", .string(service))
        line.append("event", .string(event))
        for field in fields.prefix(Self.maximumFields) { line.append(field.name, field.value) }
        if fields.count > Self.maximumFields { line.append("fieldsDropped", .flag(true)) }
        sink.write(line.finished())
    }
}
