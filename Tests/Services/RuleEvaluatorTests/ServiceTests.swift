// The running evaluator: what goes to the ledger and what is recorded, for events of every kind.

import Messages
import Primitives
import ServiceRig
import Testing

@testable import RuleEvaluatorService

private let perEuro = #""award":{"kind":"perCurrencyUnit","pointsPerUnit":1,"currency":"EUR"}"#
private let waiting: EvaluatorScene.Headers = [("reply-partition", "1"), ("correlation-id", "2a")]

@Suite struct `The rule evaluator` {
    private func scene(_ offers: [(String, String)] = [("earn", perEuro)]) throws -> EvaluatorScene {
        let scene = try EvaluatorScene()
        for (id, rest) in offers { try scene.offer(id, rest) }
        scene.start()
        return scene
    }

    // MARK: Awards

    @Test func `K8 an award is the sum that the rules give`() throws {
        let scene = try scene([
            ("earn", perEuro + #","priority":5"#),
            ("fuel", #""conditions":{"classifications":["fuel"]},"award":{"kind":"fixed","points":3}"#),
            ("week", perEuro.replacing("1,", with: "2,") + #","limit":{"points":30,"period":"week"}"#),
        ])
        try scene.openWallet("customer-1")
        try scene.buy("a", purchase(total: 1_177, classified: "fuel"))
        try scene.buy("b", purchase(total: 99))
        try scene.buy("c", purchase(total: 1_000))
        scene.rig.settle()

        #expect(
            try scene.award("a").awards.map { "\($0.offer) \($0.points)" } == [
                "earn 11", "fuel 3", "week 23",
            ])
        #expect(try scene.award("b").awards.map { "\($0.offer) \($0.points)" } == ["week 1"])
        #expect(try scene.award("c").awards.map { "\($0.offer) \($0.points)" } == ["earn 10", "week 6"])
        for evaluation in try scene.evaluations() {
            let command = try #require(try scene.awards().first { $0.event == evaluation.event })
            let fired = evaluation.offers.filter { $0.points > .zero }
            #expect(fired.map(\.points) == command.awards.map(\.points))
            #expect(evaluation.points == command.awards.map(\.points).reduce(.zero, +))
        }
    }

    @Test func `K16 every event has an evaluation and one that matches no rule says so`() throws {
        let scene = try scene([("fuel", #""conditions":{"classifications":["fuel"]},"# + perEuro)])
        try scene.openWallet("customer-1")
        try scene.buy("matching", purchase(classified: "fuel"))
        try scene.buy("other", purchase(classified: "food"))
        try scene.buy("stranger", purchase(by: "customer-2"))
        scene.rig.settle()

        let evaluated = Set(try scene.evaluations().map(\.event))
        #expect(
            Set(try scene.awards().map(\.event)) == evaluated,
            "no credit without a decision, no decision untold")
        #expect(evaluated.count == 3)
        let other = try scene.evaluation("other")
        #expect(other.points == .zero)
        #expect(other.reason == .noOfferFired)
        #expect(other.offers.map { "\($0.offer): \($0.verdict)" } == ["fuel: classification"])
        #expect(try scene.award("other").reason == .noOfferFired)
        #expect(try scene.evaluation("stranger").reason == .unknownWallet)
        #expect(
            scene.rig.registry.value(
                of: "pointstream_evaluations_total", labels: [("outcome", "no-offer-fired")]) == 1)
    }

    @Test func `O2 an award names its event and its offer`() throws {
        let scene = try scene()
        try scene.openWallet("customer-1")
        try scene.buy("a", purchase(), waiting + [("traceparent", "00-trace-01")])
        scene.rig.settle()

        let record = try #require(try scene.commands(.award).first)
        #expect(record.headerText("ce_id") == scene.event("a").description)
        #expect(record.key == scene.wallet("customer-1").hex)
        #expect(record.headerText("ce_source") == "rule-evaluator")
        #expect(record.headerText("reply-partition") == "1")
        #expect(record.headerText("correlation-id") == "2a")
        #expect(record.headerText("traceparent") == "00-trace-01")
        let command = try scene.award("a")
        #expect(command.source == "till")
        #expect(command.awards.map(\.offer) == ["earn"])
        #expect(
            command.awards.map(\.offerVersion) == [0], "the offer's record is the first of the configuration")
        let evaluation = try scene.evaluation("a")
        #expect(evaluation.offers.map(\.version) == [0])
        #expect(evaluation.offers.first?.arithmetic == "floor(11.77 × 1) = 11")
    }

    @Test func `a changed configuration holds for later events only, and evaluations name their version`()
        throws
    {
        let scene = try scene()
        try scene.openWallet("customer-1")
        try scene.buy("before", purchase())
        scene.rig.settle()
        try scene.offer("earn", perEuro.replacing("1,", with: "3,"))
        scene.rig.settle()
        try scene.buy("after", purchase())
        scene.rig.settle()

        let (before, after) = (try scene.evaluation("before"), try scene.evaluation("after"))
        #expect((before.points.units, after.points.units) == (11, 35))
        #expect((before.configurationVersion, after.configurationVersion) == (1, 2))
        #expect((before.offers.first?.version, after.offers.first?.version) == (0, 1))
    }

    // MARK: Wallets

    @Test func `an event opens its wallet only if its source may`() throws {
        let scene = try scene()
        try scene.buy("refused", purchase())
        try scene.buy("first", purchase(), [("opens-wallet", "1")])
        try scene.buy("second", purchase(), [("opens-wallet", "1")])
        scene.rig.settle()
        let found = try ["refused", "first", "second"].map { key in
            let command = try scene.award(key)
            return "\(command.reason?.rawValue ?? "awarded") \(command.opensWallet)"
        }
        #expect(found == ["unknown-wallet false", "awarded true", "awarded false"])
    }

    @Test func `whoever waits for a record that goes to the dead letters is told at once, and why`() throws {
        let scene = try scene()
        let wrong: [(MessageType, String, String)] = [
            (.purchase, scene.event("a").description, "missing"),
            (.award, scene.event("b").description, "unknown-type"), (.walletBlock, "none", "malformed-id"),
        ]
        for (type, id, _) in wrong {
            try scene.send(type, id: id, to: "customer-1", waiting)
            try scene.send(type, id: id, to: "customer-1")
        }
        scene.rig.settle()

        #expect(try scene.deadLetterReasons().count == 2 * wrong.count)
        let replies = try scene.rig.records(of: .replies)
        #expect(replies.map { $0.headerText("outcome") } == Array(repeating: "refused", count: wrong.count))
        #expect(replies.allSatisfy { $0.headerText("correlation-id") == "2a" })
        let bodies = try scene.rig.bodies(of: .replies)
        #expect(bodies.map { $0["reason"]?.string() } == wrong.map(\.2))
        #expect(bodies.map { $0["event"]?.string() } == [wrong[0].1, wrong[1].1, nil])
    }

    @Test func `a change of a wallet that the ledger would refuse for its external id counts for nothing`() throws {
        let scene = try scene()
        try scene.openWallet("customer-1")
        let wrong = [(name: "external-id", value: "customer 1")]
        try scene.send(
            .walletBlock, id: scene.event("block").description, to: "customer-1", wrong, body: #"{"reason":"fraud"}"#)
        try scene.send(
            .walletOpen, id: scene.event("open").description, to: "customer-2", wrong,
            body: #"{"externalId":"customer-2"}"#)
        try scene.buy("a", purchase())
        try scene.buy("b", purchase(by: "customer-2"))
        scene.rig.settle()

        #expect(try scene.deadLetterReasons() == ["charset", "charset"])
        #expect(try scene.commands(.walletBlock).isEmpty)
        #expect(try scene.award("a").reason == nil, "the wallet is not blocked")
        #expect(try scene.award("b").reason == .unknownWallet)
    }

    @Test func `a blocked wallet gets nothing and uses no limit until it is freed`() throws {
        let scene = try scene([
            ("once", #""award":{"kind":"fixed","points":5},"limit":{"times":1,"period":"ever"}"#)
        ])
        let (block, unblock) = (scene.event("block").description, scene.event("unblock").description)
        let why = #"{"reason":"lost card"}"#
        try scene.openWallet("customer-1")
        try scene.send(.walletBlock, id: block, to: "customer-1", waiting, body: why)
        try scene.buy("blocked", purchase())
        try scene.send(.walletUnblock, id: unblock, to: "customer-1", body: why)
        try scene.buy("freed", purchase())
        try scene.send(.walletBlock, id: block, to: "customer-1", body: why)
        try scene.buy("after a repeated block", purchase())
        scene.rig.settle()

        #expect(try scene.award("blocked").reason == .walletBlocked)
        #expect(try scene.award("freed").awards.map(\.points) == [Points(5)])
        #expect(
            try scene.award("after a repeated block").reason == .noOfferFired, "the block was undone before")
        let passed = try #require(try scene.commands(.walletBlock).first)
        let given = try #require(
            try scene.rig.records(of: .customerEvents).first { $0.headerText("ce_id") == block })
        #expect(passed.headers == given.headers && passed.value == given.value && passed.key == given.key)
    }

    // MARK: Repeats and questions

    @Test func `a repeat is answered by the ledger and changes nothing`() throws {
        let scene = try scene()
        try scene.openWallet("customer-1")
        try scene.buy("a", purchase())
        try scene.buy("a", purchase())
        try scene.buy("a", purchase(), waiting + [("replayed", "1")])
        try scene.send(.eventQuery, id: scene.event("b").description, to: "customer-1", waiting)
        scene.rig.settle()

        #expect(try scene.awards().count == 1)
        #expect(try scene.evaluations().count == 1)
        let queries = try scene.commands(.eventQuery)
        #expect(
            queries.map { $0.headerText("ce_id") } == [scene.event("a"), scene.event("b")].map(\.description))
        #expect(queries.map { $0.headerText("replayed") } == ["1", nil])
        #expect(queries.allSatisfy { $0.headerText("correlation-id") == "2a" })
        #expect(scene.rig.registry.value(of: "pointstream_evaluation_repeats_total") == 2)
    }

    @Test func `what no code could process goes to the dead letters and stops nothing`() throws {
        let scene = try scene()
        let id = scene.event("x").description
        try scene.openWallet("customer-1")
        try scene.send(.rewardRequest, id: id, to: "customer-1")
        try scene.send(.purchase, id: id, to: "customer-1", body: #"{"externalId":"customer-1"}"#)
        try scene.send(.purchase, id: id, to: "customer-1", body: nil)
        let stranger = scene.body(purchase(by: "customer-2"))
        try scene.send(.purchase, id: id, to: "customer-1", body: stranger)
        try scene.send(.purchase, id: String(id.dropLast(2)) + "01", to: "customer-1")
        try scene.send(.walletBlock, id: id, to: "customer-1")
        try scene.rig.append(.customerEvents, key: Array("no wallet".utf8), value: Array("{}".utf8))
        try scene.rig.append(.customerEvents, key: scene.wallet("customer-1").hex, value: Array("{}".utf8))
        let own = scene.rig.partitions.partition(of: scene.wallet("customer-1").hex)
        try scene.rig.append(
            .customerEvents, key: scene.wallet("customer-1").hex, headers: [("ce_type", "purchase")],
            value: nil,
            partition: PartitionIndex(1 - own.number))
        try scene.buy("good", purchase())
        scene.rig.settle()

        #expect(
            try scene.deadLetterReasons().sorted() == [
                "empty-body", "malformed-id", "malformed-key", "missing", "missing", "unknown-type",
                "unknown-type", "wrong-partition", "wrong-wallet",
            ])
        #expect(try scene.awards().map(\.event) == [scene.event("good")])
        #expect(try scene.commands(.walletBlock).isEmpty, "what is not carried out is not passed on")
    }
}
