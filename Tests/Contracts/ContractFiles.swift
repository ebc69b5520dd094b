// Finds and reads the files of Shared/Contracts, and sources that a contract has to agree with. For this
// folder's tests; reads only.

import Foundation
import JSONText

/// The repository, as seen from this file.
enum ContractFiles {
    static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    static let folder = repository.appendingPathComponent("Shared/Contracts")

    static func text(_ path: String) throws -> String {
        try String(contentsOf: repository.appendingPathComponent(path), encoding: .utf8)
    }

    static func asyncAPI() throws -> String { try text("Shared/Contracts/asyncapi.yaml") }
    static func openAPI() throws -> String { try text("Shared/Contracts/openapi.yaml") }

    /// The names of a folder's JSON files without their ending, in order.
    static func names(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: self.folder.appendingPathComponent(folder).path)
            .filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
    }

    static func document(_ folder: String, _ name: String) throws -> JSONDocument {
        let file = self.folder.appendingPathComponent(folder).appendingPathComponent(name + ".json")
        return try JSONDocument(parsing: Array(try Data(contentsOf: file)))
    }

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: repository.appendingPathComponent(path).path)
    }

    /// What the first group of a pattern matches in the sources of some folders or files.
    static func matches(_ pattern: Regex<(Substring, Substring)>, in paths: [String]) throws -> Set<String> {
        var found: Set<String> = []
        for path in paths {
            var files = [path]
            if !path.hasSuffix(".swift") {
                let folder = repository.appendingPathComponent(path).path
                files = try FileManager.default.contentsOfDirectory(atPath: folder)
                    .filter { $0.hasSuffix(".swift") }.map { "\(path)/\($0)" }
            }
            for file in files { found.formUnion(try text(file).matches(of: pattern).map { String($0.1) }) }
        }
        return found
    }
}
