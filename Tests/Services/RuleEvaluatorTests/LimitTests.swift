// Limits of a wallet: what is left of a period, where periods begin and end, and which counters a decision
// asks for.

import Configuration
import Messages
import Primitives
import Testing

@testable import RuleEvaluatorDomain

@Suite struct `A wallet's limit` {
    /// Decides one purchase after the other, as the store would: counters that change are there for the next.
    private func verdicts(_ offer: Offer, _ purchases: [Purchase]) throws -> [String] {
        var counters: [CounterKey: OfferCounter] = [:]
        return purchases.map { purchase in
            let decision = decide(purchase, wallet: .active, opensWallet: false, offers: [offer], now: .zero)
            {
                counters[$0] ?? .zero
            }
            for change in decision.counters { counters[change.key] = change.value }
            return decision.considered.map { "\($0.verdict) \($0.points)" }.joined()
        }
    }

    @Test(
        arguments: [
            (.day, "2026-11-02T23:59:59.999Z", "2026-11-03T00:00:00Z"),
            (.week, "2026-11-08T23:59:59.999Z", "2026-11-09T00:00:00Z"),
            (.month, "2026-12-31T23:59:59.999Z", "2027-01-01T00:00:00Z"),
            (.month, "2028-02-29T23:59:59.999Z", "2028-03-01T00:00:00Z"),
            (.year, "2026-12-31T23:59:59.999Z", "2027-01-01T00:00:00Z"),
        ] as [(CalendarPeriod, String, String)])
    func `counts anew when the next period begins`(_ period: CalendarPeriod, _ last: String, _ next: String)
        throws
    {
        let once = offer(limit: WalletLimit(times: 1, period: period))
        let found = try verdicts(once, [last, last, next, last, next].map { try purchase(at: $0) })
        #expect(
            found == ["fired 10", "limit-reached 0", "fired 10", "limit-reached 0", "limit-reached 0"],
            "a late event counts in the period of its own time")
        let ever = offer(limit: WalletLimit(times: 1, period: .ever))
        #expect(
            try verdicts(ever, [last, next].map { try purchase(at: $0) }) == ["fired 10", "limit-reached 0"])
    }

    @Test func `cuts an award to the points that are left, and gives nothing when none are`() throws {
        let limited = try perEuro("1", limit: WalletLimit(points: Points(25), period: .month))
        let found = try verdicts(limited, Array(repeating: purchase(), count: 4))
        #expect(found == ["fired 11", "fired 11", "fired-limited 3", "limit-reached 0"])
        let third = decide(purchase(), wallet: .active, opensWallet: false, offers: [limited], now: .zero) {
            _ in
            OfferCounter(times: 2, points: Points(22))
        }
        #expect(third.considered.first?.arithmetic == "floor(11.77 × 1) = 11, 3 left (month)")
    }

    @Test func `holds times and points at once`() throws {
        let both = try perEuro("1", limit: WalletLimit(times: 2, points: Points(100), period: .week))
        #expect(
            try verdicts(both, Array(repeating: purchase(), count: 3)) == [
                "fired 11", "fired 11", "limit-reached 0",
            ])
    }

    @Test func `is asked for only by an offer that has one and would fire`() throws {
        let offers = [
            offer("free"), offer("elsewhere", conditions: OfferConditions(units: ["x"]), limit: daily),
            try perEuro("0.01", id: "nothing", limit: daily), offer("limited", limit: daily),
        ]
        var asked: [CounterKey] = []
        let decision = decide(purchase(), wallet: .active, opensWallet: false, offers: offers, now: .zero) {
            asked.append($0)
            return .zero
        }
        let key = CounterKey(offer: "limited", period: LimitPeriod(.day, at: purchase().occurredAt))
        #expect(asked == [key])
        #expect(
            decision.counters == [CounterChange(key: key, value: OfferCounter(times: 1, points: Points(10)))])
    }

    private let daily = WalletLimit(times: 5, period: .day)

    @Test func `counts in the periods of the calendar`() throws {
        let start = try time("1967-12-25T00:00:00Z")
        for step in Int64(0)..<4_000 {
            let moment = start.adding(milliseconds: step * 7_777_777_777)
            for kind in CalendarPeriod.allCases {
                let period = LimitPeriod(kind, at: moment)
                #expect(kind == .ever || period.start <= moment)
                #expect(kind.number(at: period.start) == kind.number(at: moment))
                guard let end = period.end else { continue }
                #expect(moment < end)
                #expect(LimitPeriod(kind, at: end).start == end)
                #expect(LimitPeriod(kind, at: end.adding(milliseconds: -1)) == period)
            }
        }
    }
}
