import Foundation
import Testing

/// The rules of the house that a compiler does not check.
@Suite("Layout")
struct LayoutTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private struct SourceFile {
        let path: String
        let text: String
        var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
        var imports: [String] {
            lines.filter { $0.hasPrefix("import ") || $0.hasPrefix("@testable import ") }
                .compactMap { $0.split(separator: " ").last.map(String.init) }
        }
    }

    private static func sources(in folder: String) throws -> [SourceFile] {
        let base = root.appendingPathComponent(folder)
        let names = try #require(FileManager.default.enumerator(atPath: base.path)).compactMap { $0 as? String }
        return try names.filter { $0.hasSuffix(".swift") }.sorted().map { name in
            let text = try String(contentsOf: base.appendingPathComponent(name), encoding: .utf8)
            return SourceFile(path: "\(folder)/\(name)", text: text)
        }
    }

    private static func allSources() throws -> [SourceFile] {
        try sources(in: "Services") + sources(in: "Shared") + sources(in: "Tests")
    }

    @Test func `no file is longer than 500 lines or wider than 120 characters`() throws {
        for file in try Self.allSources() {
            #expect(file.lines.count <= 500, "\(file.path)")
            for (number, line) in file.lines.enumerated() {
                #expect(line.count <= 120, "\(file.path):\(number + 1)")
            }
        }
    }

    @Test func `nothing crashes by shortcut`() throws {
        // Put together here, so that this file does not find itself.
        let words = ["try" + "!", "as" + "!", "fatal" + "Error(", "TO" + "DO", "FIX" + "ME"]
        for file in try Self.allSources() {
            for word in words { #expect(!file.text.contains(word), "\(word) in \(file.path)") }
        }
    }

    @Test func `each C library has one importer`() throws {
        let homes = [
            "CRDKafka": "Shared/KafkaLog/", "CSQLite": "Shared/StateStore/", "CMicroHTTPD": "Shared/HTTPGate/",
            "CCrypto": "Shared/Digests/", "CTLS": "Shared/Webhooks/", "CEpoll": "Shared/Webhooks/",
        ]
        for file in try Self.sources(in: "Services") + Self.sources(in: "Shared") {
            for name in file.imports {
                guard let home = homes[name] else { continue }
                #expect(file.path.hasPrefix(home), "\(file.path) imports \(name)")
            }
        }
    }

    @Test func `no service imports another, and no domain imports what has effects`() throws {
        let services = ["IngressGateway", "RuleEvaluator", "WalletLedger", "RewardsIssuer", "Notifier"]
        let effects: Set = ["EventLog", "StateStore", "StreamRuntime", "KafkaLog", "HTTPGate", "Telemetry"]
        for file in try Self.sources(in: "Services") {
            let own = file.path.split(separator: "/").dropFirst().first.map(String.init) ?? ""
            for other in services where other != own {
                #expect(!file.imports.contains { $0.hasPrefix(other) }, "\(file.path) imports \(other)")
            }
            guard file.path.contains("/Domain/") else { continue }
            #expect(effects.isDisjoint(with: file.imports), "\(file.path)")
            for call in ["Date()", "UUID()", "SystemRandomNumberGenerator"] {
                #expect(!file.text.contains(call), "\(call) in \(file.path)")
            }
        }
    }

    @Test func `the hops that README names exist`() throws {
        let readme = try String(contentsOf: Self.root.appendingPathComponent("README.md"), encoding: .utf8)
        let hops = readme.matches(of: /`([A-Za-z\/+]+\.swift)` -> `(\w+)`/)
        #expect(hops.count >= 7)
        for hop in hops {
            let file = Self.root.appendingPathComponent(String(hop.output.1))
            let text = try String(contentsOf: file, encoding: .utf8)
            #expect(text.contains("func \(hop.output.2)"), "\(hop.output.1) has no \(hop.output.2)")
        }
    }

    /// The first cells of a table in README, from the row below the one that starts with `heading`.
    private static func codes(below heading: String) throws -> [String] {
        let readme = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
        let lines = readme.split(separator: "\n", omittingEmptySubsequences: false)
        let start = try #require(lines.firstIndex { $0.hasPrefix("| \(heading) |") })
        return lines[(start + 2)...].prefix { $0.hasPrefix("|") }.map { line in
            let cell = line.split(separator: "|").first ?? ""
            return cell.trimmingCharacters(in: CharacterSet(charactersIn: " `"))
        }
    }

    private static func cases(in file: String) throws -> [String] {
        let text = try String(contentsOf: root.appendingPathComponent(file), encoding: .utf8)
        return text.matches(of: /case \w+ = "?([a-z0-9-]+)"?\n/).map { String($0.output.1) }
    }

    @Test func `README's runbook and exit codes are those of the code`() throws {
        let stops = try Self.cases(in: "Shared/StreamRuntime/StopCode.swift")
        #expect(stops.count >= 19)
        #expect(try Self.codes(below: "Code") == stops, "in the order of StopCode")
        let exits = try Self.cases(in: "Shared/Settings/ExitCode.swift")
        #expect(exits.count == 5)
        #expect(try Self.codes(below: "Exit code") == exits)
    }
}
