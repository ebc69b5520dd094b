// One real service process under test: started from the executables beside the test bundle, asked
// over its operator port, ended in order or by SIGKILL. Whatever a test does, no process outlives
// it.

import Foundation
import Messages

/// Why a process could not be used.
struct PlatformFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

final class ServiceRun {
    let service: ServiceName
    let folder: String
    private let hasDisk: Bool
    private let process = Process()

    /// The folder that `swift build` puts executables and the test bundle in.
    static let executables: String = {
        let bundle = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        return ProcessInfo.processInfo.environment["POINTSTREAM_TEST_EXECUTABLES"]
            ?? bundle.deletingLastPathComponent().path
    }()

    /// - Parameter disk: a disk that the process alone sees, mounted over its folder.
    init(_ service: ServiceName, folder: String, environment: [String: String], disk: PrivateDisk? = nil) throws {
        self.service = service
        self.folder = folder
        hasDisk = disk != nil
        try? FileManager.default.removeItem(atPath: folder + "/operator.port")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let executable = Self.executables + "/" + service.rawValue
        process.executableURL = URL(fileURLWithPath: disk == nil ? executable : PrivateDisk.launcher)
        process.arguments = disk?.arguments(running: executable, over: folder) ?? []
        var environment = environment
        environment["POINTSTREAM_DATA"] = folder
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        let log = folder + "/log.jsonl"
        if !FileManager.default.fileExists(atPath: log) {
            guard FileManager.default.createFile(atPath: log, contents: nil) else {
                throw PlatformFailure("\(log) cannot be written")
            }
        }
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
        try handle.seekToEnd()
        process.standardError = handle
        try process.run()
    }

    deinit { kill() }

    /// The folder as the process sees it.
    var files: String { hasDisk ? "/proc/\(id)/root\(folder)" : folder }

    /// Stops it where it is, and lets it go on.
    func freeze() { Foundation.kill(process.processIdentifier, SIGSTOP) }
    func thaw() { Foundation.kill(process.processIdentifier, SIGCONT) }

    /// Whether its log holds a text, since the process began or in an earlier life.
    func hasLogged(_ text: String) -> Bool {
        guard let log = FileManager.default.contents(atPath: folder + "/log.jsonl") else { return false }
        return log.range(of: Data(text.utf8)) != nil
    }

    var id: Int32 { process.processIdentifier }
    var isRunning: Bool { process.isRunning }

    /// SIGKILL, and waits for the end.
    func kill() {
        guard process.isRunning else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// SIGTERM, and waits for the end.
    ///
    /// - Returns: the exit code, or nil if a signal ended it.
    func stop() -> Int32? {
        process.terminate()
        return waitForExit()
    }

    func waitForExit() -> Int32? {
        process.waitUntilExit()
        return process.terminationReason == .exit ? process.terminationStatus : nil
    }

    /// The newest lines of its log, for a failing test's message.
    var newestLog: String {
        guard let text = FileManager.default.contents(atPath: folder + "/log.jsonl") else { return "no log" }
        return String(decoding: text, as: UTF8.self).split(separator: "\n").suffix(15).joined(separator: "\n")
    }

    /// The lines of its log for an event, all runs in this folder together.
    func log(of event: String) -> [String] {
        guard let text = FileManager.default.contents(atPath: folder + "/log.jsonl") else { return [] }
        return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
            .filter { $0.contains("\"event\":\"\(event)\"") }
    }

    // MARK: Its ports

    func port(_ name: String = "operator.port") -> Int? {
        FileManager.default.contents(atPath: files + "/" + name)
            .map { String(decoding: $0, as: UTF8.self) }
            .flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }

    var isReady: Bool {
        guard let port = port() else { return false }
        return HTTPCall(port: port, path: "/readyz").answer()?.status == 200
    }

    /// What `/readyz` says; empty without an answer.
    var readiness: String {
        guard let port = port() else { return "" }
        return HTTPCall(port: port, path: "/readyz").answer()?.body ?? ""
    }

    /// A figure of its metrics, summed over the series whose line has `part`.
    func metric(_ name: String, with part: String = "") -> Int64 {
        guard let port = port(), let answer = HTTPCall(port: port, path: "/metrics").answer() else { return 0 }
        return answer.body.split(separator: "\n")
            .filter { ($0.hasPrefix(name + "{") || $0.hasPrefix(name + " ")) && (part.isEmpty || $0.contains(part)) }
            .compactMap { $0.split(separator: " ").last.flatMap { Int64($0) } }
            .reduce(0, +)
    }
}

/// Waits until a condition holds. The bound is generous: it ends a run that hangs, it measures nothing.
func eventually(
    within seconds: Double = 120, _ what: String, _ condition: () throws -> Bool
) throws {
    let deadline = Date(timeIntervalSinceNow: seconds)
    while try !condition() {
        guard Date() < deadline else { throw PlatformFailure("waited \(seconds) s in vain: \(what)") }
        Thread.sleep(forTimeInterval: 0.02)
    }
}
