// Holds the evidence of a run against the model and all invariants. Called by the run, during and after it, and
// by tests. It takes any evidence without failing: what it cannot make sense of is a violation too.

import EventLog
import Messages
import Primitives

/// What is wrong with a run; empty if nothing is. While a run is not settled, only what is there is held against
/// the model; once it is settled, what is missing is wrong too.
public func violations(in evidence: Evidence) -> [Violation] {
    let run = ModelRun(evidence)
    checkInputs(run)
    let replies = ModelReplies(run)
    let passed = ModelPassedOn(run)
    let stores = ModelStores(run: run)
    var events: Set<EventID> = []
    for partition in run.partitions.all {
        let gateway = ModelGateway(run, partition, replies, passed)
        gateway.check()
        events.formUnion(gateway.events)
        stores.check(gateway, partition)
    }
    passed.finish(known: events)
    var isComplete = true
    for partition in run.partitions.all {
        let evaluator = ModelEvaluator(run, partition, replies)
        evaluator.check()
        stores.check(evaluator, partition)
        let ledger = ModelLedger(run, partition, replies)
        ledger.check()
        stores.check(ledger, partition)
        let issuer = ModelIssuer(run, partition, replies)
        issuer.check()
        stores.check(issuer, partition)
        isComplete = isComplete && evaluator.isComplete && ledger.isComplete
    }
    ModelBooks(run: run).check()
    ModelNotifier(run).check()
    DoorCheck(run).check()
    replies.check(isComplete: isComplete)
    return run.findings.violations
}

/// What was acknowledged lies where it was written.
private func checkInputs(_ run: ModelRun) {
    var byPlace: [ModelPlace: ModelRecord] = [:]
    for topic in [TopicID.config, .ingress, .intake, .customerEvents, .walletCommands, .rewardRequests] {
        for partition in topic == .config ? [PartitionIndex(0)] : run.partitions.all {
            for record in run.records(topic, partition) {
                byPlace[ModelPlace(topic: topic, partition: partition, offset: record.offset)] = record
            }
        }
    }
    for submitted in run.evidence.submitted {
        let sent: SubmittedRecord
        switch submitted.submission {
        case .record(let record): sent = record
        case .document(let kind, let id, let json):
            sent = SubmittedRecord(
                topic: .config, key: Array("\(kind)/\(id)".utf8), value: json.map { Array($0.utf8) },
                partition: PartitionIndex(0))
        }
        let partition = sent.place(run.partitions)
        let place = ModelPlace(topic: sent.topic, partition: partition, offset: submitted.offset)
        guard let record = byPlace[place] else {
            run.reportMissing(.inputKept, "\(name(of: sent.topic))/\(partition)@\(submitted.offset): is not there")
            continue
        }
        if record.record.key != sent.key || record.value != sent.value {
            run.report(.inputKept, "\(record.label): is not what was written")
        }
    }
}
