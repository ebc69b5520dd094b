import EventLog
import Messages
import Primitives
import Testing

@Suite("Issuing rewards")
struct RewardIssuingTests {
    @Test func `K21 a burn without a reward is refused, one with it costs its exact price once`() throws {
        let world = try IssuerWorld()
        let anna = world.wallet("anna")
        world.ledger.open(anna, balance: 1_200)
        try world.request("none", of: "anna", correlation: 1, body: #"{"externalId":"anna"}"#)
        try world.settle()
        #expect(try world.deadLetterReasons() == ["missing"])
        let refusal = try #require(try world.replies().first)
        #expect(refusal.correlation == "1")
        #expect(refusal.outcome == "refused")
        #expect(refusal.body.contains(#""reason":"missing""#) && refusal.body.contains("/reward"))
        #expect(try world.rig.records(of: .walletCommands).isEmpty)

        try world.request("some", of: "anna", correlation: 2)
        try world.settle()
        #expect(world.ledger.balance(anna) == 700)
        #expect(world.ledger.held(anna) == 0)
        let issue = try #require(try world.issues("some").first)
        #expect(try world.issues("some").count == 1)
        #expect(issue.status == .issued && issue.points == Points(500) && issue.reward == "mug")
        #expect(issue.wallet == anna && issue.externalID == "anna" && issue.decidedAt != nil)
        let reply = try #require(try world.replies().last)
        #expect(reply.correlation == "2" && reply.outcome == "done" && !reply.isReplayed)
        #expect(try world.rig.records(of: .rewardsIssued).map(\.valueText) == [reply.body])
    }

    @Test func `K22 a burn is held and checked before it is issued, other records are left alone`() throws {
        let world = try IssuerWorld()
        let anna = world.wallet("anna")
        world.ledger.open(anna, balance: 500)
        try world.request("k", of: "anna")
        world.rig.settle()
        let hold = try #require(try world.openedHolds().first)
        #expect(hold.points == Points(500) && hold.direction == .debit && hold.purpose == "reward mug")
        #expect(try world.commands("hold.commit").isEmpty)
        #expect(try world.ledger.answer() == 1)
        for type in ["awarded", "hold.opened", "hold.expired", "spent"] {
            try world.rig.append(
                .walletTransactions, key: anna.hex,
                headers: [("ce_id", world.event("other").caused(.hold).description), ("ce_type", type)],
                value: Array("not read".utf8))
        }
        world.rig.settle()
        let commit = try #require(try world.commands("hold.commit").first)
        #expect(try EndHold.decode(try #require(commit.value)) == EndHold(hold: hold.hold, reward: "mug"))
        #expect(commit.headerText("ce_id") == world.event("k").caused(.commit).description)
        #expect(commit.headerText("traceparent") == IssuerWorld.traceparent)
        #expect(try world.rig.records(of: .rewardsIssued).isEmpty)
        try world.settle()
        #expect(try world.issues("k").map(\.status) == [.issued])
        #expect(try world.deadLetterReasons().isEmpty)
    }

    private static let brokenTraces: [[UInt8]] = [
        [UInt8](repeating: 0, count: 55),
        Array("00-00000000000000000000000000000000-b7ad6b7169203331-01".utf8),
        Array(IssuerWorld.traceparent.uppercased().utf8), Array((IssuerWorld.traceparent + "-more").utf8),
    ]

    @Test(arguments: brokenTraces)
    func `what is no trace context is not carried on, and not kept either`(_ bytes: [UInt8]) throws {
        let world = try IssuerWorld()
        world.ledger.open(world.wallet("anna"), balance: 500)
        try world.request("k", of: "anna", traceparent: String(decoding: bytes, as: UTF8.self))
        world.rig.settle()
        for record in try world.rig.records(of: .changelog(of: .rewardsIssuer)) {
            #expect(record.value.map { String(decoding: $0, as: UTF8.self).contains("\\u0000") } != true)
        }
        try world.settle()
        #expect(try world.issues("k").map(\.status) == [.issued])
        let commit = try #require(try world.commands("hold.commit").first)
        #expect(commit.headerText("traceparent") == nil)
    }

    @Test(arguments: [
        (reward: "mug", wallet: "poor", reason: "insufficient-balance"), ("mug", "nobody", "unknown-wallet"),
        ("mug", "blocked", "wallet-blocked"), ("nothing", "rich", "unknown-reward"),
        ("retired", "rich", "unknown-reward"), ("autumn", "rich", "unknown-reward"),
    ])
    func `C3 what cannot be paid, or is not on offer, is refused with the reason and changes nothing`(
        _ example: (reward: String, wallet: String, reason: String)
    ) throws {
        let world = try IssuerWorld()
        world.ledger.open(world.wallet("poor"), balance: 499)
        world.ledger.open(world.wallet("blocked"), balance: 9_000, isBlocked: true)
        world.ledger.open(world.wallet("rich"), balance: 9_000)
        let wallet = world.wallet(example.wallet)
        let before = world.ledger.balance(wallet)
        try world.request("k", of: example.wallet, reward: example.reward, correlation: 5)
        try world.settle()
        let issues = try world.issues("k")
        #expect(issues.map(\.status) == [.refused])
        #expect(issues.map(\.reason) == [example.reason])
        #expect(world.ledger.balance(wallet) == before && world.ledger.held(wallet) == 0)
        #expect(try world.commands("hold.commit").isEmpty)
        #expect(try world.commands("hold.open").count == (example.reason == "unknown-reward" ? 0 : 1))
        #expect(try world.replies().map(\.outcome) == ["refused"])
    }

    @Test func `C3 the balance falls by exactly the reward's points`() throws {
        let world = try IssuerWorld()
        let anna = world.wallet("anna")
        world.ledger.open(anna, balance: 1_250)
        for number in 0..<4 { try world.request("k\(number)", of: "anna") }
        try world.settle()
        let issues = try (0..<4).flatMap { try world.issues("k\($0)") }
        #expect(issues.filter { $0.status == .issued }.count == 2)
        #expect(issues.filter { $0.reason == "insufficient-balance" }.count == 2)
        #expect(world.ledger.balance(anna) == 250)
    }

    @Test(arguments: [(balance: 800, status: RewardIssue.Status.issued, left: 300), (799, .refused, 799)])
    func `K23 a burn that leaves less than the minimum is refused, equality is allowed`(
        _ example: (balance: Int64, status: RewardIssue.Status, left: Int64)
    ) throws {
        let world = try IssuerWorld()
        let anna = world.wallet("anna")
        try world.offer("flight", points: 500, minimumAfter: 300)
        world.ledger.open(anna, balance: example.balance)
        try world.request("k", of: "anna", reward: "flight")
        try world.settle()
        #expect(try world.issues("k").map(\.status) == [example.status])
        #expect(world.ledger.balance(anna) == example.left)
    }

    @Test func `C29 the same request again gives the same issue and debits once`() throws {
        let world = try IssuerWorld()
        let anna = world.wallet("anna")
        world.ledger.open(anna, balance: 2_000)
        try world.request("k", of: "anna", correlation: 1)
        try world.request("k", of: "anna", correlation: 2)
        try world.settle()
        try world.offer("mug", points: 900)
        try world.request("k", of: "anna", correlation: 3)
        try world.query("k", of: "anna", correlation: 4, isReplayed: true)
        try world.settle()
        #expect(world.ledger.balance(anna) == 1_500)
        #expect(try world.issues("k").count == 1)
        #expect(try world.commands("hold.open").count == 1)
        let replies = try world.replies()
        #expect(replies.map(\.correlation) == ["1", "2", "3", "4"])
        #expect(replies.map(\.isReplayed) == [false, true, true, true])
        #expect(Set(replies.map(\.body)).count == 1)
        #expect(Set(replies.map(\.outcome)) == ["done"])
        #expect(world.ignored("repeated-request") == 2)
    }

    @Test func `the price is that of the time of the request`() throws {
        let world = try IssuerWorld()
        let anna = world.wallet("anna")
        world.ledger.open(anna, balance: 2_000)
        try world.request("before", of: "anna")
        world.rig.settle()
        try world.offer("mug", points: 900)
        world.rig.settle()
        try world.request("after", of: "anna")
        try world.settle()
        let (before, after) = (try world.issues("before")[0], try world.issues("after")[0])
        #expect(before.points == Points(500) && after.points == Points(900))
        #expect(try #require(before.rewardVersion) < (try #require(after.rewardVersion)))
        #expect(world.ledger.balance(anna) == 600)
    }

    @Test(arguments: [true, false])
    func `a hold that expires before its commit ends the issuance once`(_ sweepComesFirst: Bool) throws {
        let world = try IssuerWorld()
        let anna = world.wallet("anna")
        world.ledger.open(anna, balance: 2_000)
        try world.request("k", of: "anna", correlation: 1)
        world.rig.settle()
        _ = try world.ledger.answer()
        world.rig.pass(milliseconds: 16 * 60_000)
        if sweepComesFirst { try world.ledger.expireHolds() }
        try world.settle()
        try world.ledger.expireHolds()
        try world.settle()
        #expect(try world.issues("k").map(\.reason) == ["hold-expired"])
        #expect(world.ledger.balance(anna) == 2_000 && world.ledger.held(anna) == 0)
        #expect(try world.replies().map(\.outcome) == ["refused"])
        #expect(world.ignored("repeated-answer") == 1 && world.ignored("contrary-answer") == 0)
    }

    @Test func `who asks too early is told when it is decided, and the ninth that it is pending`() throws {
        let world = try IssuerWorld()
        world.ledger.open(world.wallet("anna"), balance: 2_000)
        try world.request("k", of: "anna", correlation: 1)
        for number in 2...9 { try world.query("k", of: "anna", correlation: UInt64(number)) }
        try world.query("k", of: "anna", correlation: 3)
        try world.query("never", of: "anna", correlation: 10)
        world.rig.settle()
        let early = try world.replies()
        #expect(early.map(\.correlation) == ["9", "a"])
        #expect(early.map(\.outcome) == ["pending", "not-found"])
        #expect(early[0].body.contains(#""status":"pending""#))
        try world.settle()
        let late = try world.replies().dropFirst(2)
        #expect(late.map(\.correlation) == (1...8).map { String($0) })
        #expect(late.allSatisfy { $0.outcome == "done" && !$0.isReplayed })
    }

    @Test func `what is no request of its wallet and partition ends in the dead letters`() throws {
        let world = try IssuerWorld()
        world.ledger.open(world.wallet("anna"), balance: 2_000)
        try world.request("k", of: "anna")
        try world.settle()
        let wrong = PartitionIndex(1 - world.rig.partitions.partition(of: world.wallet("anna").hex).number)
        let id = ("ce_id", world.event("x").description)
        let type = ("ce_type", "reward.request")
        let other = try #require((0...).lazy.map { "w\($0)" }.first {
            world.rig.partitions.partition(of: world.wallet($0).hex).number != wrong.number
        })
        try world.rig.append(.rewardRequests, key: Array("anna".utf8), headers: [id, type], value: [])
        try world.rig.append(
            .rewardRequests, key: world.wallet("anna").hex, headers: [id, type], value: [], partition: wrong)
        try world.rig.append(.rewardRequests, key: world.wallet("anna").hex, headers: [id], value: [])
        try world.rig.append(
            .rewardRequests, key: world.wallet("anna").hex, headers: [("ce_id", "ff"), type], value: [])
        try world.query("k", of: other, correlation: 1)
        let past = world.rig.clock.now().adding(milliseconds: -40 * Timestamp.millisecondsPerDay)
        try world.request("old", of: "anna", at: past)
        try world.settle()
        #expect(
            Set(try world.deadLetterReasons()) == [
                "key", "partition", "unknown-type", "id", "key-reuse", "too-old",
            ])
        #expect(try world.replies().map(\.outcome) == ["refused"])
        #expect(try world.commands("hold.open").count == 1)
    }
}
