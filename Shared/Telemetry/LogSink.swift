// Where log lines go. Chosen by Main (standard error) and by tests (memory). A sink takes whole lines, never
// splits or mixes them, and never fails its caller: a service must not stop because nobody reads its log.

import Glibc
import Synchronization

/// Takes one line at a time, its newline included, from any thread.
public protocol LogSink: Sendable {
    func write(_ line: [UInt8])
}

/// The process's standard error, one `write(2)` for each line, so that lines of several threads do not mix.
public struct StandardErrorSink: LogSink {
    public init() {}

    public func write(_ line: [UInt8]) {
        // A line that cannot be written has nowhere to be reported; it is dropped rather than retried.
        _ = unsafe Glibc.write(STDERR_FILENO, line, line.count)
    }
}

/// Keeps lines for a test to read. Keeps all of them, so it is not for anything that runs for long.
public final class InMemorySink: LogSink {
    private let kept = Mutex<[[UInt8]]>([])
    public init() {}

    public func write(_ line: [UInt8]) { kept.withLock { $0.append(line) } }

    /// What was written so far, in order, without the newlines.
    public var lines: [String] {
        kept.withLock { $0.map { String(decoding: $0.dropLast(), as: UTF8.self) } }
    }
}
