// The shell that runs a broker and ends it with the test process. It is the leader of its own process group,
// so that it can kill everything the broker's scripts started without touching the test process.

import Foundation
import Synchronization

struct Watcher: Sendable {
    private static let running = Mutex<[Watcher]>([])
    private static let stopLimitMilliseconds = 10_000
    private static let pauseMicroseconds: UInt32 = 20_000

    /// Closing one that is not open does no harm.
    private static let descriptorsToClose: Int32 = 256

    private let process: pid_t
    /// Closing this end tells the shell to stop the broker.
    private let leash: Int32
    private let folder: String

    /// $1 is Kafka's folder, $2 the settings file, $3 the folder to remove. Descriptor 3 is the leash. If the
    /// broker ends by itself, the folder stays until the leash is let go, so that its log can be read; if a file
    /// `keep` lies in it, it stays for the next start.
    private static let script = """
        trap : TERM INT HUP
        export LOG_DIR="$3/logs" KAFKA_HEAP_OPTS="-Xms64m -Xmx400m"
        export KAFKA_JVM_PERFORMANCE_OPTS="-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
        exec 3<&0
        rm -f "$3/keep"
        (
            [ -e "$3/data" ] ||
                "$1/bin/kafka-storage.sh" format --cluster-id cG9pbnRzdHJlYW0tdGVzdA --config "$2" &&
                exec "$1/bin/kafka-server-start.sh" "$2"
        ) >>"$3/server.log" 2>&1 </dev/null 3<&- &
        broker=$!
        echo "$broker" >"$3/pid"
        (
            read -r _ <&3
            kill -TERM "$broker"
            kill -CONT "$broker"
            sleep 5
            kill -KILL "$broker"
        ) 2>/dev/null &
        wait "$broker"
        : >"$3/ended"
        read -r _ <&3
        [ -e "$3/keep" ] || rm -rf "$3"
        kill -KILL 0
        """

    static func launch(home: String, settings: BrokerSettings) throws(BrokerFailure) -> Watcher {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw BrokerFailure(reason: "no pipe") }
        // No other child of this process may hold the leash.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[0]) }
        let arguments = ["/bin/sh", "-c", script, "watcher", home, settings.file, settings.folder]
        guard let process = spawn(arguments, input: ends[0]) else {
            close(ends[1])
            throw BrokerFailure(reason: "cannot start /bin/sh")
        }
        let watcher = Watcher(process: process, leash: ends[1], folder: settings.folder)
        running.withLock { $0.append(watcher) }
        return watcher
    }

    /// The broker's own process; the shell that started it replaced itself with it.
    var broker: pid_t? {
        let text = FileManager.default.contents(atPath: "\(folder)/pid").map { String(decoding: $0, as: UTF8.self) }
        return text.flatMap { pid_t($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }

    var isRunning: Bool { !FileManager.default.fileExists(atPath: "\(folder)/ended") }

    /// Waits until the shell has ended, for it ends last.
    func stop() {
        let isMine = Self.running.withLock { list in
            let before = list.count
            list.removeAll { $0.process == process }
            return list.count < before
        }
        guard isMine else { return }
        close(leash)
        for _ in 0..<(Self.stopLimitMilliseconds * 1_000 / Int(Self.pauseMicroseconds)) {
            if waitpid(process, nil, WNOHANG) != 0 { return }
            usleep(Self.pauseMicroseconds)
        }
        kill(-process, SIGKILL)
    }

    /// Whoever starts a broker looks at this once.
    static let stopAllAtExit: Void = { _ = atexit { Watcher.stopAll() } }()

    static func stopAll() {
        for watcher in running.withLock({ $0 }) { watcher.stop() }
    }

    private static func spawn(_ arguments: [String], input: Int32) -> pid_t? {
        var attributes = posix_spawnattr_t()
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawnattr_init(&attributes)
        unsafe posix_spawn_file_actions_init(&actions)
        defer {
            unsafe posix_spawnattr_destroy(&attributes)
            unsafe posix_spawn_file_actions_destroy(&actions)
        }
        // Threads of the test process block signals; the shell needs them to notice that the broker ended.
        var noSignals = sigset_t()
        unsafe sigemptyset(&noSignals)
        unsafe posix_spawnattr_setsigmask(&attributes, &noSignals)
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
        // Nothing else is inherited: a pipe held open would keep whoever reads this process's output waiting.
        unsafe posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        for output in [STDOUT_FILENO, STDERR_FILENO] {
            unsafe posix_spawn_file_actions_addopen(&actions, output, "/dev/null", O_WRONLY, 0)
        }
        for descriptor in (STDERR_FILENO + 1)..<descriptorsToClose {
            unsafe posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        var words = unsafe arguments.map { unsafe strdup($0) } + [nil]
        defer { unsafe words.forEach { unsafe free($0) } }
        var process = pid_t()
        let result = unsafe posix_spawn(&process, arguments[0], &actions, &attributes, &words, environ)
        return result == 0 ? process : nil
    }
}
