// Runs the public API as a part of the gateway's process, and tells other programs its port.

import EventLog
import IngressGatewayService
import KafkaLog
import Primitives
import ServiceHost
import Settings

final class DoorAttachment: Attachment {
    /// Between two attempts to reach the broker.
    private static let pauseMilliseconds = 500

    private let door: GatewayDoor<KafkaLog>
    private let folder: DataFolder

    init(_ parts: ServiceParts) {
        let settings = GatewaySettings(parts.values)
        let partitions = PartitionCount(Int32(parts.settings.partitions))
        // Two gateways may share a partition of the replies; each ignores the other's numbers.
        let replies = partitions.partition(of: Array(parts.folder.instance.utf8))
        let doorSettings = DoorSettings(
            partitions: partitions, replyPartition: replies, waitMaximumSeconds: settings.waitMaximumSeconds,
            maximumWaits: settings.maximumWaits)
        let log = parts.log
        var entropy = SystemEntropy()
        folder = parts.folder
        door = GatewayDoor(
            GatewayDoorSettings(doorSettings, port: UInt16(settings.httpPort), threads: settings.httpThreads),
            log: log, clock: parts.clock, entropy: &entropy, logger: parts.logger, registry: parts.registry
        ) { () throws(LogFailure) in KafkaIntakePublisher(try log.makePublisher(to: Door.topics)) }
    }

    var waitingFor: [String] { door.waitingFor }

    func start(until stop: StopRequest) throws(ServiceFailure) {
        while !stop.isRequested {
            if let port = try open() { return try folder.write(port: port, to: "http.port") }
            stop.wait(milliseconds: Self.pauseMilliseconds)
        }
    }

    /// Nil if the broker was away.
    private func open() throws(ServiceFailure) -> UInt16? {
        do throws(GatewayDoorFailure) {
            return try door.start()
        } catch {
            switch error {
            case .server(let cause): throw ServiceFailure(.portUnavailable, "the door: \(cause)")
            case .log(let cause):
                guard cause.consequence == .stop else { return nil }
                throw ServiceFailure(cause)
            }
        }
    }

    func stop() { door.stop() }
}
