// A process's folder: the stores, the port files, and who it is. Locked for as long as the process
// lives, so that no two processes take each other for the same member of the group.

import Foundation
import Primitives
import StreamRuntime

/// An existing folder that this process alone uses.
public final class DataFolder: Sendable {
    public let path: String
    /// Names this folder's process in its group and as a transactional producer; drawn once, kept
    /// in the folder.
    public let instance: String
    private let lock: Int32

    /// Creates the folder if need be, and locks it.
    public init(path: String, entropy: inout some Entropy) throws(ServiceFailure) {
        self.path = path
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw Self.unusable(path, "cannot be created: \(error.localizedDescription)")
        }
        lock = unsafe open(path + "/lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
        guard lock >= 0 else { throw Self.unusable(path + "/lock", "cannot be opened: \(Self.systemError())") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            guard errno == EWOULDBLOCK else {
                throw Self.unusable(path + "/lock", "cannot be locked: \(Self.systemError())")
            }
            throw ServiceFailure(.folderLocked, "POINTSTREAM_DATA: \(path): is used by another process")
        }
        instance = try Self.instance(in: path, &entropy)
    }

    deinit { close(lock) }

    private static func instance(
        in path: String, _ entropy: inout some Entropy
    ) throws(ServiceFailure) -> String {
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
            throw unusable(file, "cannot be written: \(error.localizedDescription)")
        }
    }

    private static func unusable(_ path: String, _ detail: String) -> ServiceFailure {
        ServiceFailure(.folderUnusable, "POINTSTREAM_DATA: \(path): \(detail)")
    }

    private static func systemError() -> String { unsafe String(cString: strerror(errno)) }

    /// Tells other programs a port that was chosen.
    public func write(port: UInt16, to name: String) throws(ServiceFailure) {
        do {
            let url = URL(fileURLWithPath: path + "/" + name)
            try Data("\(port)\n".utf8).write(to: url, options: .atomic)
        } catch {
            throw Self.unusable(path, "\(name) cannot be written: \(error.localizedDescription)")
        }
    }
}
