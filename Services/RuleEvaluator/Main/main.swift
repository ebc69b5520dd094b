// Starts the service as a process; everything else is in Service and Domain.

import Foundation
import RuleEvaluatorService
import ServiceHost

let process = ServiceProcess(.ruleEvaluator, summary: "decides what each event is awarded")
exit(process.run { ServiceDefinition(topology: ruleEvaluatorTopology(registry: $0.registry)) })
