// Starts the service as a process; everything else is in Service and Domain.

import Foundation
import RewardsIssuerService
import ServiceHost

let process = ServiceProcess(.rewardsIssuer, summary: "issues rewards against held points")
exit(process.run { ServiceDefinition(topology: rewardsIssuerTopology(registry: $0.registry)) })
