// Runs the public API as a part of the gateway's process, and tells other programs its port.

import EventLog
import IngressGatewayService
import KafkaLog
import Primitives
import ServiceHost
import Settings

final class DoorAttachment: Attachment {
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
        ) { () throws(LogFailure) in KafkaIntakePublisher(try log.makePublisher()) }
    }

    var waitingFor: [String] { door.waitingFor }

    func start() throws(ServiceFailure) {
        let port: UInt16
        do throws(GatewayDoorFailure) {
            port = try door.start()
        } catch {
            throw ServiceFailure(code: "door", detail: error.description)
        }
        do throws(DataFolderFailure) {
            try folder.write(port: port, to: "http.port")
        } catch {
            throw ServiceFailure(code: "folder", detail: error.description)
        }
    }

    func stop() { door.stop() }
}
