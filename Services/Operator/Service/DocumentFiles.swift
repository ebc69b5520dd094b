// The configuration documents in the files and folders that an operator names, all read and checked before
// anything is published. Every problem of every file is collected. Plain secrets are hashed here and go no
// further.

import Configuration
import Foundation
import JSONText
import Primitives

/// A problem of one file.
struct FileProblem: Equatable, CustomStringConvertible {
    let file: String
    /// Empty for the file as a whole.
    let pointer: String
    let code: String
    let detail: String

    var description: String { "\(file): \(pointer.isEmpty ? "" : pointer + ": ")\(code): \(detail)" }
}

/// A document and where it was read.
struct DocumentInFile {
    let file: String
    let document: ConfigurationDocument
}

/// Reads documents from files.
struct DocumentFiles {
    /// A file of a thousand documents of common size.
    static let maximumFileBytes = 16 << 20
    /// A key, not a document.
    private static let maximumSecretBytes = 4_096

    private(set) var documents: [DocumentInFile] = []
    private(set) var problems: [FileProblem] = []
    private var fileOfKey: [[UInt8]: String] = [:]
    private var builder = ConfigurationBuilder()

    /// Reads files, and the `*.json` files that lie directly in folders, in the order of their names.
    init(paths: [String], entropy: inout some Entropy) {
        for path in paths {
            for file in files(at: path) { read(file, &entropy) }
        }
        if documents.isEmpty, problems.isEmpty, let path = paths.first {
            note(path, code: "empty", detail: "no document was found")
        }
    }

    private mutating func files(at path: String) -> [String] {
        guard isFolder(path) else { return [path] }
        do {
            let names = try FileManager.default.contentsOfDirectory(atPath: path)
            return names.filter { $0.hasSuffix(".json") }.sorted().map {
                (path as NSString).appendingPathComponent($0)
            }
        } catch {
            note(path, code: "unreadable", detail: error.localizedDescription)
            return []
        }
    }

    private mutating func read(_ file: String, _ entropy: inout some Entropy) {
        guard let bytes = contents(of: file, maximum: Self.maximumFileBytes) else {
            note(
                file, code: "unreadable",
                detail: "cannot be read, or is larger than \(Self.maximumFileBytes) bytes")
            return
        }
        var limits = JSONLimits()
        limits.bytes = Self.maximumFileBytes
        limits.nodes = 1_000_000
        let root: JSONValue
        do throws(JSONError) {
            root = try JSONDocument(parsing: bytes, limits: limits).root
        } catch {
            let detail = "\(error.detail) at line \(error.line), column \(error.column)"
            note(file, error.pointer, code: error.code.rawValue, detail: detail)
            return
        }
        for value in root.kind == .array ? Array(root.items) : [root] {
            take(value, of: file, salt: freshSalt(&entropy))
        }
    }

    private mutating func take(_ value: JSONValue, of file: String, salt: [UInt8]) {
        let folder = (file as NSString).deletingLastPathComponent
        let secrets = PlainSecrets(salt: salt) { path in
            let beside = path.hasPrefix("/") ? path : (folder as NSString).appendingPathComponent(path)
            return contents(of: beside, maximum: Self.maximumSecretBytes)
        }
        do throws(ConfigurationFailure) {
            let document = try ConfigurationDocument(reading: value, secrets: secrets)
            if let former = fileOfKey.updateValue(file, forKey: document.key) {
                let name = "\(document.kind.rawValue)/\(document.id)"
                note(file, value.pointer, code: "duplicate", detail: "\(name) stands in \(former) too")
                return
            }
            /// What the services will do with it, their bounds included.
            try builder.apply(key: document.key[...], value: document.encoded()[...], offset: 0)
            documents.append(DocumentInFile(file: file, document: document))
        } catch {
            for problem in error.problems {
                note(file, problem.pointer, code: problem.code, detail: problem.detail)
            }
        }
    }

    private mutating func note(_ file: String, _ pointer: String = "", code: String, detail: String) {
        problems.append(FileProblem(file: file, pointer: pointer, code: code, detail: detail))
    }
}

private func freshSalt(_ entropy: inout some Entropy) -> [UInt8] {
    var salt: [UInt8] = []
    while salt.count < SecretHash.saltBytes {
        let number = entropy.next()
        salt += stride(from: UInt64(0), to: 64, by: 8).map { UInt8(truncatingIfNeeded: number >> $0) }
    }
    return salt
}

/// False also for what is not there, which reading it then reports.
private func isFolder(_ path: String) -> Bool {
    do {
        return try URL(fileURLWithPath: path).resourceValues(forKeys: [.isDirectoryKey]).isDirectory ?? false
    } catch {
        return false
    }
}

/// A file's bytes, or nil if it cannot be read or is longer than `maximum`.
private func contents(of path: String, maximum: Int) -> [UInt8]? {
    do {
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        let data = try file.read(upToCount: maximum + 1) ?? Data()
        try file.close()
        return data.count <= maximum ? Array(data) : nil
    } catch {
        return nil
    }
}
