// Starts one Kafka broker (KRaft, loopback, temporary folder) and makes sure that it never outlives the test
// process: a small shell watches over it in a process group of its own. It reads from a pipe that only this
// process holds open; when this process ends, in whatever way, the read ends, and the shell stops the broker
// and removes the folder.

import Foundation

/// The broker of this process. Started once, by TestBroker.
enum BrokerProcess {
    private static let startLimitMilliseconds = 60_000
    private static let pauseMicroseconds: UInt32 = 50_000
    /// Another process may take a free port before the broker does.
    private static let attempts = 3

    /// - Returns: the bootstrap servers, once the broker accepts connections.
    static func start(home: String) throws(BrokerFailure) -> String {
        let script = "\(home)/bin/kafka-server-start.sh"
        guard FileManager.default.isExecutableFile(atPath: script) else {
            throw BrokerFailure(reason: "KAFKA_HOME has no \(script)")
        }
        var reason = ""
        for _ in 0..<attempts {
            let settings = try BrokerSettings.make()[0]
            let watcher = try Watcher.launch(home: home, settings: settings)
            if waitUntilListening(settings.port, watcher) {
                Watcher.stopAllAtExit
                return "127.0.0.1:\(settings.port)"
            }
            reason = settings.logTail()
            watcher.stop()
        }
        throw BrokerFailure(reason: "the broker did not start; the end of its log:\n\(reason)")
    }

    static func waitUntilListening(_ port: UInt16, _ watcher: Watcher) -> Bool {
        for _ in 0..<(startLimitMilliseconds * 1_000 / Int(pauseMicroseconds)) {
            if LoopbackPort.accepts(port) { return true }
            if !watcher.isRunning { return false }
            usleep(pauseMicroseconds)
        }
        return false
    }
}
