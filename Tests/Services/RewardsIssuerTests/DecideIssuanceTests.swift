import Configuration
import Messages
import Primitives
import RewardsIssuerDomain
import ServiceRig
import Testing

@Suite("Deciding on issuances")
struct DecideIssuanceTests {
    private static let refusal = "insufficient-balance"
    private static let answers: [LedgerAnswer] = [
        .holdOpened, .holdRefused(reason: refusal), .holdCommitted, .commitRefused(reason: refusal),
        .holdExpired, .holdVoided,
    ]
    private let now = ServiceRig.start

    @Test(
        arguments: zip(
            [IssuanceState.holding, .committing, .issued, .refused],
            [
                [.to(.committing), .to(.refused), .to(.issued), .contrary, .to(.refused), .to(.refused)],
                [.repeated, .contrary, .to(.issued), .to(.refused), .to(.refused), .to(.refused)],
                [.repeated, .contrary, .repeated, .contrary, .contrary, .contrary],
                [.repeated, .repeated, .contrary, .repeated, .repeated, .repeated],
            ] as [[IssuanceState.Move]]))
    func `every answer moves every state as the table says`(
        _ state: IssuanceState, _ moves: [IssuanceState.Move]
    ) {
        #expect(Self.answers.map { state.move(on: $0) } == moves)
    }

    @Test func `no sequence of answers decides twice or undoes a decision`() {
        for first in Self.answers {
            for second in Self.answers {
                for third in Self.answers {
                    var state = IssuanceState.holding
                    var decisions = 0
                    for answer in [first, second, third] {
                        guard case .to(let next) = state.move(on: answer) else { continue }
                        if next == .issued || next == .refused { decisions += 1 }
                        state = next
                    }
                    #expect(decisions <= 1)
                }
            }
        }
    }

    private func configuration(_ documents: [String]) throws -> Configuration {
        var builder = ConfigurationBuilder()
        for (offset, document) in documents.enumerated() {
            let bytes = Array(document.utf8)
            let parsed = try ConfigurationDocument(parsing: bytes)
            try builder.apply(key: parsed.key[...], value: bytes[...], offset: Int64(offset))
        }
        return builder.snapshot()
    }

    private func request(_ reward: String) -> IncomingRequest {
        IncomingRequest(
            id: EventID(source: "app", idempotencyKey: Array("k".utf8)), wallet: WalletID(7),
            body: RewardRequest(externalID: "anna", reward: reward), requestedAt: now)
    }

    @Test(arguments: [(reward: 0, programme: 300, due: 300), (200, 100, 200), (100, 200, 200), (0, 0, 0)])
    func `K23 the hold asks for the greater of the reward's and the programme's minimum`(
        _ minimum: (reward: Int64, programme: Int64, due: Int64)
    ) throws {
        let configuration = try configuration([
            #"{"kind":"programme","id":"default","minimumBalanceAfterSpend":\#(minimum.programme)}"#,
            """
            {"kind":"reward","id":"mug","name":"Mug","paymentMode":"POINTS","points":500,"holdMinutes":20,\
            "minimumBalanceAfter":\(minimum.reward)}
            """,
        ])
        let decision = DecideIssuance.decide(request("mug"), configuration, now: now)
        guard case .hold(let issuance, let command) = decision
        else {
            Issue.record("a hold is due")
            return
        }
        #expect(command.minimumRemaining == Points(minimum.due))
        #expect(command.points == Points(500))
        #expect(command.expiresAt == now.adding(milliseconds: 20 * 60_000))
        #expect(command.hold == issuance.id.caused(.hold))
        #expect(issuance.state == .holding)
        #expect(issuance.issue.points == Points(500))
        #expect(issuance.issue.rewardVersion == 1)
        #expect(issuance.issue.paymentMode == "POINTS")
    }

    @Test(arguments: [
        (ageDays: 0, problem: nil), (28, nil), (29, "too-old"), (-1, nil), (-2, "in-the-future"),
    ] as [(ageDays: Int64, problem: String?)])
    func `a request that may be forgotten already is not taken`(
        _ example: (ageDays: Int64, problem: String?)
    ) {
        let requestedAt = now.adding(milliseconds: -example.ageDays * Timestamp.millisecondsPerDay)
        #expect(RequestWindow.problem(requestedAt: requestedAt, now: now) == example.problem)
        #expect(RequestWindow.rememberedDays > RequestWindow.acceptedDays + RequestWindow.acceptedDaysAhead)
    }
}
