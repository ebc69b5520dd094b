// The purchases of a benchmark through the gateway, the evaluator and the ledger, one after the other in this
// process, with real workers and store files and without Kafka. `compose/bench --only instructions` runs it under
// callgrind and takes differences: of stages, and of numbers of purchases. Prints what each stage took and wrote.
//
//   chain CONFIGURATION PURCHASES STAGES FOLDER
//
// CONFIGURATION: a document a line, kind/id, a tab, JSON. PURCHASES: a record of `ingress` a line, key, a tab, JSON.
// STAGES: 0 to 3. FOLDER: for the stores; empty.

import EventLog
import Foundation
import IngressGatewayService
import Messages
import Primitives
import RuleEvaluatorService
import StreamRuntime
import Telemetry
import WalletLedgerService

let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count == 4, let stages = Int(arguments[2]) else {
    FileHandle.standardError.write(Data("usage: chain CONFIGURATION PURCHASES STAGES FOLDER\n".utf8))
    exit(2)
}
let registry = MetricsRegistry()
let chain = try Chain(configuration: arguments[0], purchases: arguments[1])
let topologies = [
    ingressGatewayTopology(registry: registry), ruleEvaluatorTopology(registry: registry), walletLedgerTopology(),
]
for topology in topologies.prefix(stages) {
    let took = try chain.run(topology, registry, in: "\(arguments[3])/\(topology.service.rawValue)")
    print(
        topology.service.rawValue, "records", took.records, "batches", took.batches, "written", took.written, "bytes",
        took.bytes, "microseconds", Int(took.microseconds))
}
print("awards", chain.awards)
