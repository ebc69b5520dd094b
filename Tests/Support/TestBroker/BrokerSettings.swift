// The folder and the settings of a broker for tests: one node that is broker and controller, few internal
// partitions, no waiting for further members of a group, and transactions that time out soon after they
// should.

import Foundation

struct BrokerSettings {
    let folder: String
    let port: UInt16
    let file: String

    /// Chooses ports, makes the folder and writes the file.
    static func make() throws(BrokerFailure) -> BrokerSettings {
        let (port, controller) = try LoopbackPort.twoFree()
        var template = Array("\(NSTemporaryDirectory())pointstream-broker-XXXXXX".utf8CString)
        guard let path = unsafe mkdtemp(&template) else { throw BrokerFailure(reason: "no temporary folder") }
        let folder = unsafe String(cString: path)
        let settings = BrokerSettings(folder: folder, port: port, file: "\(folder)/server.properties")
        do {
            try settings.text(controller: controller).write(
                toFile: settings.file, atomically: false, encoding: .utf8)
        } catch {
            throw BrokerFailure(reason: "\(settings.file): \(error)")
        }
        return settings
    }

    func logTail() -> String {
        guard let log = FileManager.default.contents(atPath: "\(folder)/server.log") else {
            return "(no log)"
        }
        return String(decoding: log.suffix(2_000), as: UTF8.self)
    }

    private func text(controller: UInt16) -> String {
        """
        process.roles=broker,controller
        node.id=1
        controller.quorum.voters=1@127.0.0.1:\(controller)
        controller.listener.names=CONTROLLER
        listeners=PLAINTEXT://127.0.0.1:\(port),CONTROLLER://127.0.0.1:\(controller)
        advertised.listeners=PLAINTEXT://127.0.0.1:\(port)
        listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
        inter.broker.listener.name=PLAINTEXT
        log.dirs=\(folder)/data
        auto.create.topics.enable=false
        default.replication.factor=1
        min.insync.replicas=1
        offsets.topic.replication.factor=1
        offsets.topic.num.partitions=4
        transaction.state.log.replication.factor=1
        transaction.state.log.min.isr=1
        transaction.state.log.num.partitions=4
        transaction.abort.timed.out.transaction.cleanup.interval.ms=500
        authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
        allow.everyone.if.no.acl.found=true
        share.coordinator.state.topic.replication.factor=1
        share.coordinator.state.topic.num.partitions=1
        group.initial.rebalance.delay.ms=0
        group.min.session.timeout.ms=1000
        num.network.threads=2
        num.io.threads=2
        num.recovery.threads.per.data.dir=1
        log.cleaner.dedupe.buffer.size=8388608
        log.segment.bytes=67108864

        """
    }
}
