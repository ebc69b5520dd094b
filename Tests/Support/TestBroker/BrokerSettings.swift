// The folder and the settings of a broker for tests: a node that is broker and controller, few internal
// partitions, no waiting for further members of a group, and transactions and brokers that time out soon after
// they should.

import Foundation

struct BrokerSettings {
    let folder: String
    let number: Int
    let port: UInt16
    let controller: UInt16
    let file: String

    /// Chooses ports, makes a folder for each node and writes the files. Three nodes keep three copies of
    /// everything and write to two at least.
    static func make(nodes: Int = 1) throws(BrokerFailure) -> [BrokerSettings] {
        let ports = try LoopbackPort.free(2 * nodes)
        var all: [BrokerSettings] = []
        for index in 0..<nodes {
            let folder = try makeFolder()
            all.append(
                BrokerSettings(
                    folder: folder, number: index + 1, port: ports[2 * index], controller: ports[2 * index + 1],
                    file: "\(folder)/server.properties"))
        }
        let voters = all.map { "\($0.number)@127.0.0.1:\($0.controller)" }.joined(separator: ",")
        for settings in all {
            do {
                try settings.text(voters: voters, replicas: min(nodes, 3))
                    .write(toFile: settings.file, atomically: false, encoding: .utf8)
            } catch {
                throw BrokerFailure(reason: "\(settings.file): \(error)")
            }
        }
        return all
    }

    private static func makeFolder() throws(BrokerFailure) -> String {
        let manager = FileManager.default
        let path = manager.temporaryDirectory.path + "/pointstream-broker-\(UUID().uuidString)"
        do {
            try manager.createDirectory(atPath: path, withIntermediateDirectories: false)
        } catch {
            throw BrokerFailure(reason: "\(path): \(error)")
        }
        return path
    }

    func logTail() -> String {
        guard let log = FileManager.default.contents(atPath: "\(folder)/server.log") else {
            return "(no log)"
        }
        return String(decoding: log.suffix(2_000), as: UTF8.self)
    }

    /// For tests of what is refused. Only where a broker is alone: among several it would have to let the others in
    /// before it has read whom it may let in.
    private func authorizer(_ replicas: Int) -> String {
        guard replicas == 1 else { return "" }
        return """
            authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
            allow.everyone.if.no.acl.found=true
            """
    }

    /// Nobody can take the partitions of a single broker, so it must not lose them: where a partition has no leader,
    /// Kafka 4.3 notes a decided transaction as complete without its marker, and readers of committed records stop
    /// there for ever. It loses them when it is stopped in order, and when it wakes after its own session. A new start
    /// waits for the end of that session.
    private func leadership(_ replicas: Int) -> String {
        guard replicas == 1 else { return "broker.session.timeout.ms=3000" }
        return """
            controlled.shutdown.enable=false
            broker.session.timeout.ms=20000
            """
    }

    private func text(voters: String, replicas: Int) -> String {
        let enough = replicas < 3 ? 1 : 2
        return """
        process.roles=broker,controller
        node.id=\(number)
        controller.quorum.voters=\(voters)
        controller.listener.names=CONTROLLER
        listeners=PLAINTEXT://127.0.0.1:\(port),CONTROLLER://127.0.0.1:\(controller)
        advertised.listeners=PLAINTEXT://127.0.0.1:\(port)
        listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
        inter.broker.listener.name=PLAINTEXT
        log.dirs=\(folder)/data
        auto.create.topics.enable=false
        default.replication.factor=\(replicas)
        min.insync.replicas=\(enough)
        offsets.topic.replication.factor=\(replicas)
        offsets.topic.num.partitions=4
        transaction.state.log.replication.factor=\(replicas)
        transaction.state.log.min.isr=\(enough)
        transaction.state.log.num.partitions=4
        transaction.abort.timed.out.transaction.cleanup.interval.ms=500
        \(authorizer(replicas))
        \(leadership(replicas))
        share.coordinator.state.topic.replication.factor=\(replicas)
        share.coordinator.state.topic.min.isr=\(enough)
        share.coordinator.state.topic.num.partitions=1
        group.initial.rebalance.delay.ms=0
        group.min.session.timeout.ms=1000
        broker.heartbeat.interval.ms=500
        num.network.threads=2
        num.io.threads=2
        num.recovery.threads.per.data.dir=1
        log.cleaner.dedupe.buffer.size=8388608
        log.segment.bytes=67108864

        """
    }
}
