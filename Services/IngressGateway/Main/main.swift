// Starts the service as a process; everything else is in Service and Domain.

import Foundation
import IngressGatewayService
import ServiceHost

let process = ServiceProcess(.ingressGateway, summary: "takes events and requests in, once each")
exit(
    process.run { parts in
        ServiceDefinition(
            topology: ingressGatewayTopology(registry: parts.registry), attachments: [DoorAttachment(parts)])
    })
