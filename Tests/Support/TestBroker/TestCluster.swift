// Brokers that a test has for itself, because it stops, kills or pauses them: one node, or three that keep three
// copies of everything. Needs KAFKA_HOME. Gone with the test, and with the test process at the latest.

import Foundation

/// Real brokers of one test. Nodes are numbered from 1.
public final class TestCluster {
    /// Whether brokers can be started here.
    public static let isAvailable = TestBroker.home != nil
    public static let howToEnable = "needs brokers of its own: set KAFKA_HOME to an Apache Kafka folder"
    private static let stopLimitMilliseconds = 60_000
    private static let pauseMicroseconds: UInt32 = 20_000
    private static let attempts = 3

    private let home: String
    private let nodes: [BrokerSettings]
    private var watchers: [Watcher]

    /// Returns when all nodes accept connections.
    public init(nodes count: Int) throws {
        guard let home = TestBroker.home else { throw BrokerFailure(reason: Self.howToEnable) }
        self.home = home
        var reason = ""
        for _ in 0..<Self.attempts {
            let nodes = try BrokerSettings.make(nodes: count)
            var watchers: [Watcher] = []
            for node in nodes { watchers.append(try Watcher.launch(home: home, settings: node)) }
            Watcher.stopAllAtExit
            let failed = zip(nodes, watchers).first { !BrokerProcess.waitUntilListening($0.port, $1) }
            guard let failed else {
                self.nodes = nodes
                self.watchers = watchers
                return
            }
            reason = failed.0.logTail()
            for watcher in watchers { watcher.stop() }
        }
        throw BrokerFailure(reason: "the brokers did not start; the end of a log:\n\(reason)")
    }

    deinit { for watcher in watchers { watcher.stop() } }

    public var bootstrapServers: String { nodes.map { "127.0.0.1:\($0.port)" }.joined(separator: ",") }
    public var replication: Int { min(nodes.count, 3) }

    /// Asks a node to end and waits until it has.
    public func stop(_ number: Int) throws { try end(number, SIGTERM) }
    public func kill(_ number: Int) throws { try end(number, SIGKILL) }
    public func pause(_ number: Int) throws { try send(SIGSTOP, to: number) }
    public func resume(_ number: Int) throws { try send(SIGCONT, to: number) }

    /// Starts a node that has ended, on its old data.
    public func start(_ number: Int) throws {
        let node = nodes[number - 1]
        guard FileManager.default.createFile(atPath: "\(node.folder)/keep", contents: nil) else {
            throw BrokerFailure(reason: "\(node.folder) cannot be written")
        }
        watchers[number - 1].stop()
        try FileManager.default.removeItem(atPath: "\(node.folder)/ended")
        watchers[number - 1] = try Watcher.launch(home: home, settings: node)
        guard BrokerProcess.waitUntilListening(node.port, watchers[number - 1]) else {
            throw BrokerFailure(reason: "node \(number) did not come back; the end of its log:\n\(node.logTail())")
        }
    }

    /// Whether every partition has all its copies, as kcat, which is not our code, sees it.
    public func isWhole() throws -> Bool {
        let kcat = Process()
        kcat.executableURL = URL(fileURLWithPath: "/usr/bin/kcat")
        kcat.arguments = ["-L", "-J", "-m", "5", "-b", bootstrapServers]
        let output = Pipe()
        kcat.standardOutput = output
        kcat.standardError = FileHandle.nullDevice
        try kcat.run()
        let listing = output.fileHandleForReading.readDataToEndOfFile()
        kcat.waitUntilExit()
        guard kcat.terminationStatus == 0 else { return false }
        let partitions = try JSONDecoder().decode(Listing.self, from: listing).topics.flatMap(\.partitions)
        return !partitions.isEmpty && partitions.allSatisfy { $0.leader >= 0 && $0.isrs.count == $0.replicas.count }
    }

    private struct Listing: Decodable {
        struct Topic: Decodable { let partitions: [Partition] }
        struct Partition: Decodable {
            struct Replica: Decodable { let id: Int }
            let leader: Int
            let replicas: [Replica]
            let isrs: [Replica]
        }
        let topics: [Topic]
    }

    private func end(_ number: Int, _ signal: Int32) throws {
        try send(signal, to: number)
        for _ in 0..<(Self.stopLimitMilliseconds * 1_000 / Int(Self.pauseMicroseconds)) {
            if !watchers[number - 1].isRunning { return }
            usleep(Self.pauseMicroseconds)
        }
        throw BrokerFailure(reason: "node \(number) did not end")
    }

    private func send(_ signal: Int32, to number: Int) throws {
        guard let broker = watchers[number - 1].broker, Foundation.kill(broker, signal) == 0 else {
            throw BrokerFailure(reason: "node \(number) has no process")
        }
    }
}
