// What becomes of a delivery after an attempt: a table, and the bounds of the pauses.

import NotifierDomain
import Primitives
import Testing

@Suite("The decision after an attempt") struct DecideDeliveryTests {
    private static let now = Timestamp(milliseconds: 1_793_610_000_000)
    private static let policy = RetryPolicy(maximumAttempts: 5, firstRetryMilliseconds: 1_000)

    private static func decide(
        _ outcome: AttemptOutcome, attempt: Int = 1, policy: RetryPolicy = policy, seed: UInt64 = 1
    ) -> DeliveryDecision {
        var entropy = SeededEntropy(seed: seed)
        return decideDelivery(attempt: attempt, outcome: outcome, policy: policy, now: now, entropy: &entropy)
    }

    /// The pause of a retry in milliseconds; nil for any other decision.
    private static func pause(_ decision: DeliveryDecision) -> Int64? {
        if case .retry(let at) = decision { at.milliseconds - now.milliseconds } else { nil }
    }

    @Test(arguments: [200, 201, 204, 299]) func `an answer of 2xx delivers, also at the last attempt`(
        status: Int
    ) {
        #expect(Self.decide(.answered(status: status, retryAfterSeconds: nil), attempt: 5) == .delivered)
    }

    @Test func `410 gives up at once`() {
        #expect(Self.decide(.answered(status: 410, retryAfterSeconds: nil)) == .abandon(.gone))
    }

    @Test(arguments: [301, 302, 307, 400, 401, 404, 429, 500, 503])
    func `any other answer is tried again until the attempts are used up`(status: Int) {
        let outcome = AttemptOutcome.answered(status: status, retryAfterSeconds: nil)
        #expect(Self.pause(Self.decide(outcome, attempt: 4)) != nil)
        #expect(Self.decide(outcome, attempt: 5) == .abandon(.attemptsExhausted))
    }

    @Test(arguments: AttemptFailure.allCases) func `no answer is tried again`(failure: AttemptFailure) {
        #expect(Self.pause(Self.decide(.failed(failure))) != nil)
        #expect(Self.decide(.failed(failure), attempt: 5) == .abandon(.attemptsExhausted))
    }

    @Test(arguments: [(1, 1_000), (2, 2_000), (3, 4_000), (4, 8_000)] as [(Int, Int64)])
    func `pauses double, and chance adds up to a quarter`(attempt: Int, pause: Int64) {
        let pauses = (0..<500).compactMap { seed in
            Self.pause(Self.decide(.failed(.timeout), attempt: attempt, seed: UInt64(seed)))
        }
        #expect(pauses.count == 500)
        #expect(pauses.allSatisfy { (pause...pause * 5 / 4).contains($0) })
        #expect(Set(pauses).count > 100, "the chance is spread")
    }

    @Test func `no pause is longer than a day and a quarter`() throws {
        let patient = RetryPolicy(maximumAttempts: 100, firstRetryMilliseconds: 60_000)
        for attempt in [12, 20, 64, 99] {
            let pause = try #require(
                Self.pause(Self.decide(.failed(.timeout), attempt: attempt, policy: patient)))
            #expect((86_400_000...108_000_000).contains(pause))
        }
    }

    @Test func `a receiver may ask for a longer pause, not for a shorter one or one without end`() throws {
        func pause(_ seconds: Int64) throws -> Int64 {
            try #require(Self.pause(Self.decide(.answered(status: 429, retryAfterSeconds: seconds))))
        }
        #expect(try (60_000...75_000).contains(pause(60)))
        #expect(try (1_000...1_250).contains(pause(0)))
        #expect(try (1_000...1_250).contains(pause(-5)))
        #expect(try (3_600_000...4_500_000).contains(pause(Int64.max)))
    }
}
