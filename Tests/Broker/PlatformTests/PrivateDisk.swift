// A small disk that one process under test has for itself: a tmpfs in a mount namespace of its own, gone with the
// process. Tests reach the files through /proc. Needs the right to make such a namespace.

import Foundation

struct PrivateDisk {
    static let launcher = "/usr/bin/unshare"
    static let howToEnable = "needs unshare with the right to mount: root, or user namespaces"
    /// Nil: this user may not mount anything.
    static let way: [String]? = [["--mount"], ["--user", "--map-root-user", "--mount"]].first { way in
        let trial = Process()
        trial.executableURL = URL(fileURLWithPath: launcher)
        trial.arguments = way + ["sh", "-c", "mount -t tmpfs tmpfs /mnt"]
        trial.standardError = FileHandle.nullDevice
        guard (try? trial.run()) != nil else { return false }
        trial.waitUntilExit()
        return trial.terminationStatus == 0
    }

    let megabytes: Int

    /// Every step replaces the one before, so the process keeps its id.
    func arguments(running executable: String, over folder: String) -> [String] {
        let script = "mount -t tmpfs -o size=\(megabytes)m tmpfs \"$1\" && exec \"$0\""
        return (Self.way ?? []) + ["sh", "-c", script, executable, folder]
    }

    /// Takes all the room there is.
    static func fill(_ run: ServiceRun) throws {
        let file = run.files + "/filler"
        let descriptor = unsafe open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw PlatformFailure("\(file) cannot be written") }
        defer { close(descriptor) }
        for size in [1 << 20, 4_096, 1] {
            let bytes = [UInt8](repeating: 1, count: size)
            while unsafe bytes.withUnsafeBytes({ unsafe Foundation.write(descriptor, $0.baseAddress, size) }) > 0 {}
        }
    }

    static func makeRoom(_ run: ServiceRun) throws { try FileManager.default.removeItem(atPath: run.files + "/filler") }
}
