import EventLog
import Messages
import Primitives
import ServiceRig
import SimulatedLog
import StreamRuntime
import Testing

@Suite("Topic watch")
struct TopicWatchTests {
    private let rig = ServiceRig(partitions: 2)

    private func makeWatch() -> TopicWatch<SimulatedLog> {
        TopicWatch(rig.log, topology: countingTopology(), partitions: rig.partitions)
    }

    private func name(_ topic: TopicID) -> String { rig.log.catalog.name(of: topic) }

    /// Looks as often as a process does, for so long; the last finding.
    private func look(
        _ watch: inout TopicWatch<SimulatedLog>, milliseconds: Int64
    ) -> TopicWatch<SimulatedLog>.Finding {
        var finding = watch.look(at: rig.cluster.now)
        for _ in 0..<(milliseconds / TopicWatch<SimulatedLog>.pauseMilliseconds) {
            rig.cluster.advance(milliseconds: TopicWatch<SimulatedLog>.pauseMilliseconds)
            finding = watch.look(at: rig.cluster.now)
        }
        return finding
    }

    @Test(arguments: [
        TopicID.customerEvents, .walletCommands, .config, .changelog(of: .ruleEvaluator),
        .deadLetters(of: .ruleEvaluator),
    ])
    func `a topic that stays away is missing, by name, and not at once`(_ topic: TopicID) {
        var watch = makeWatch()
        #expect(look(&watch, milliseconds: 0) == .right)
        rig.cluster.deleteTopic(name(topic))
        let stop = WorkerStop(.topicMissing, name(topic))
        #expect(look(&watch, milliseconds: 12_000) == .suspicious(stop))
        #expect(look(&watch, milliseconds: 3_000) == .wrong(stop))
    }

    @Test func `a topic that comes back in between was never missing`() {
        var watch = makeWatch()
        for _ in 0..<4 {
            rig.cluster.deleteTopic(name(.customerEvents))
            guard case .suspicious = look(&watch, milliseconds: 12_000) else {
                Issue.record("stopped too soon")
                return
            }
            rig.cluster.recreate(topic: name(.customerEvents), partitions: 2)
            #expect(look(&watch, milliseconds: 0) == .right)
        }
    }

    @Test func `a topic with other partitions is told at once, and a topic of others is none of its business`() {
        var watch = makeWatch()
        rig.cluster.extend(topic: name(.awards), to: 5)
        #expect(look(&watch, milliseconds: 0) == .right)
        rig.cluster.extend(topic: name(.walletCommands), to: 5)
        #expect(
            look(&watch, milliseconds: 0)
                == .wrong(WorkerStop(.partitionCount, "\(name(.walletCommands)) has 5 partitions, not 2")))
    }
}
