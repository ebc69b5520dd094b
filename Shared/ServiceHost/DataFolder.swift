// A process's folder: the stores, the port files, and who it is. Locked for as long as the process
// lives, so that no two processes take each other for the same member of the group.

import Foundation
import Primitives

/// Why a folder cannot be used.
public struct DataFolderFailure: Error, Sendable, CustomStringConvertible {
    public let path: String
    public let detail: String
    public var description: String { "POINTSTREAM_DATA: \(path): \(detail)" }
}

/// An existing folder that this process alone uses.
public final class DataFolder: Sendable {
    public let path: String
    /// Names this folder's process in its group and as a transactional producer; drawn once, kept
    /// in the folder.
    public let instance: String
    private let lock: Int32

    /// Creates the folder if need be, and locks it.
    public init(path: String, entropy: inout some Entropy) throws(DataFolderFailure) {
        self.path = path
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw DataFolderFailure(path: path, detail: "cannot be created: \(error.localizedDescription)")
        }
        lock = unsafe open(path + "/lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
        guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            throw DataFolderFailure(path: path, detail: "is used by another process, or cannot be written")
        }
        instance = try Self.instance(in: path, &entropy)
    }

    deinit { close(lock) }

    private static func instance(
        in path: String, _ entropy: inout some Entropy
    ) throws(DataFolderFailure) -> String {
        let file = path + "/instance"
        do {
            if let kept = FileManager.default.contents(atPath: file),
                let text = String(validating: kept, as: UTF8.self)?.split(separator: "\n").first, !text.isEmpty
            {
                return String(text)
            }
            let drawn = String(hexDigits(UInt128(entropy.next())).suffix(12).map { Character(Unicode.Scalar($0)) })
            try Data((drawn + "\n").utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
            return drawn
        } catch {
            throw DataFolderFailure(path: file, detail: "cannot be written: \(error.localizedDescription)")
        }
    }

    /// Tells other programs a port that was chosen.
    public func write(port: UInt16, to name: String) throws(DataFolderFailure) {
        do {
            let url = URL(fileURLWithPath: path + "/" + name)
            try Data("\(port)\n".utf8).write(to: url, options: .atomic)
        } catch {
            throw DataFolderFailure(path: path, detail: "\(name) cannot be written: \(error.localizedDescription)")
        }
    }
}
