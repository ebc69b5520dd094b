import EventLog
import Messages
import Primitives
import SimulatedLog
import Testing

@Suite("Issuing rewards: crashes and repeats")
struct RecoveryTests {
    /// How many of the ledger's answers the issuer has seen when it is killed.
    @Test(arguments: [0, 1, 2], ["kept", "deleted"])
    func `a saga that is interrupted by a crash finishes once`(_ answered: Int, _ files: String) throws {
        let world = try IssuerWorld(files: "crash-\(answered)-\(files)")
        let anna = world.wallet("anna")
        world.ledger.open(anna, balance: 1_200)
        try world.request("k", of: "anna", correlation: 1)
        world.rig.settle()
        for _ in 0..<answered {
            _ = try world.ledger.answer()
            world.rig.settle()
        }
        world.killIssuer()
        if files == "deleted" { try world.deleteStores() }
        _ = try world.ledger.answer()
        world.startIssuer()
        try world.settle()
        #expect(try world.issues("k").map(\.status) == [.issued])
        #expect(try world.commands("hold.open").count == 1 && world.commands("hold.commit").count == 1)
        #expect(world.ledger.balance(anna) == 700)
        #expect(try world.replies().map(\.outcome) == ["done"])
        try world.request("k", of: "anna", correlation: 2)
        try world.settle()
        #expect(try world.issues("k").count == 1 && world.ledger.balance(anna) == 700)
        #expect(try world.replies().last?.isReplayed == true)
    }

    @Test(arguments: [Fault.answerLost, .requestLost, .abort, .fence], [0, 1, 2, 3])
    func `a commit that fails at any step, or has no known end, issues once`(
        _ fault: Fault, _ after: Int
    ) throws {
        let world = try IssuerWorld()
        let anna = world.wallet("anna")
        world.ledger.open(anna, balance: 1_200)
        world.rig.settle()
        world.rig.cluster.inject(fault, at: .commit, after: after)
        for key in ["k", "l"] {
            try world.request(key, of: "anna", correlation: 1)
            try world.settle()
            world.rig.pass(milliseconds: 15_000)
            try world.settle()
        }
        #expect(try (world.issues("k") + world.issues("l")).map(\.status) == [.issued, .issued])
        #expect(try world.rig.records(of: .walletCommands).count == 4)
        #expect(world.ledger.balance(anna) == 200)
    }

    /// How many commands and outcomes.
    private func written(_ world: IssuerWorld) throws -> [Int] {
        try [.walletCommands, .rewardsIssued].map { try world.rig.records(of: $0).count }
    }

    @Test(arguments: ["kept", "deleted"])
    func `P4 reading every input once more changes nothing`(_ files: String) throws {
        let world = try IssuerWorld(files: "repeat-\(files)")
        let (anna, poor) = (world.wallet("anna"), world.wallet("poor"))
        world.ledger.open(anna, balance: 5_000)
        world.ledger.open(poor, balance: 10)
        try world.request("k", of: "anna", correlation: 1)
        try world.request("l", of: "anna")
        try world.request("m", of: "poor")
        try world.request("n", of: "anna", reward: "nothing")
        try world.settle()
        let before = try written(world)
        #expect(before == [5, 4])
        if files == "deleted" {
            world.killIssuer()
            try world.deleteStores()
            world.startIssuer()
        }
        for topic in [TopicID.rewardRequests, .walletTransactions, .rewardRequests] {
            try world.repeatAll(of: topic)
            try world.settle()
        }
        #expect(try written(world) == before)
        #expect(world.ledger.balance(anna) == 4_000 && world.ledger.balance(poor) == 10)
        #expect(try world.deadLetterReasons().isEmpty)
        #expect(world.ignored("contrary-answer") == 0 && world.ignored("repeated-answer") == 5)
    }

    @Test func `P4 repeats in the middle of a saga change nothing`() throws {
        let world = try IssuerWorld()
        let anna = world.wallet("anna")
        world.ledger.open(anna, balance: 1_200)
        try world.request("k", of: "anna")
        for _ in 0..<3 {
            world.rig.settle()
            try world.repeatAll(of: .rewardRequests)
            try world.repeatAll(of: .walletTransactions)
            world.rig.settle()
            _ = try world.ledger.answer()
        }
        try world.settle()
        #expect(try world.issues("k").map(\.status) == [.issued])
        #expect(try world.rig.records(of: .walletCommands).count == 2)
        #expect(world.ledger.balance(anna) == 700)
    }

    @Test func `P4 a request that comes again when its issuance is forgotten is not carried out`() throws {
        let world = try IssuerWorld()
        let anna = world.wallet("anna")
        world.ledger.open(anna, balance: 1_200)
        try world.request("k", of: "anna")
        try world.settle()
        world.rig.pass(milliseconds: 36 * Timestamp.millisecondsPerDay)
        try world.request("l", of: "anna")
        try world.settle()
        try world.query("k", of: "anna", correlation: 1)
        try world.repeatAll(of: .rewardRequests)
        try world.settle()
        #expect(try world.replies().map(\.outcome) == ["not-found", "not-found"])
        #expect(try world.deadLetterReasons() == ["too-old"])
        #expect(try world.rig.records(of: .walletCommands).count == 4)
        #expect(world.ledger.balance(anna) == 200)
    }
}
