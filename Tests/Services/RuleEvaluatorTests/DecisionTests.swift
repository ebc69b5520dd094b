// The decision on a purchase as tables: conditions, arithmetic, bounds and limits, each at its edges.

import Configuration
import Messages
import Primitives
import Testing

@testable import RuleEvaluatorDomain

@Suite struct `A decision on a purchase` {
    // MARK: Conditions

    @Test(arguments: ConditionCase.all)
    func `names the first condition that is not met`(_ example: ConditionCase) {
        let decision = decided(example.bought, [example.given])
        #expect(decision.considered.map(\.verdict) == [example.verdict.rawValue])
        #expect(decision.awards.isEmpty == (example.verdict != .fired))
        #expect(decision.reason == (example.verdict == .fired ? nil : .noOfferFired))
    }

    @Test func `O31 an offer conditions on the unit and on when the purchase was made`() throws {
        let lunch = offer(
            conditions: OfferConditions(
                units: ["store-1"], daysOfWeek: [.tuesday],
                timeOfDay: DailyWindow(fromMinute: 690, toMinute: 840)))
        let cases: [(unit: String, time: String, verdict: Verdict)] = [
            ("store-1", "2026-11-03T11:30:00Z", .fired), ("store-1", "2026-11-03T13:59:59.999Z", .fired),
            ("store-1", "2026-11-03T14:00:00Z", .timeOfDay),
            ("store-1", "2026-11-03T12:30:00+02:00", .timeOfDay),
            ("store-1", "2026-11-04T12:00:00Z", .dayOfWeek), ("store-2", "2026-11-03T12:00:00Z", .unit),
        ]
        for example in cases {
            let decision = decided(try purchase(at: example.time, unit: example.unit), [lunch])
            #expect(decision.considered.first?.verdict == example.verdict.rawValue, "\(example)")
        }
    }

    // MARK: Arithmetic

    @Test(arguments: [
        (1177, "1", 11, "floor(11.77 × 1) = 11"), (99, "1", 0, "floor(0.99 × 1) = 0"),
        (100, "1", 1, "floor(1.00 × 1) = 1"), (1177, "0.5", 5, "floor(11.77 × 0.5) = 5"),
        (1177, "1.7", 20, "floor(11.77 × 1.7) = 20"), (29, "100", 29, "floor(0.29 × 100) = 29"),
        (0, "1", 0, "floor(0.00 × 1) = 0"),
    ])
    func `floors the exact product`(
        _ example: (total: Int64, ratio: String, points: Int64, text: String)
    ) throws {
        let decision = decided(purchase(total: example.total), [try perEuro(example.ratio)])
        let considered = try #require(decision.considered.first)
        #expect(considered.arithmetic == example.text)
        #expect(considered.points == Points(example.points))
        #expect(considered.verdict == (example.points > 0 ? "fired" : "no-points"))
        #expect(decision.points == Points(example.points))
        #expect(decision.awards.map(\.points) == (example.points > 0 ? [Points(example.points)] : []))
    }

    @Test func `caps an award at its maximum and at the largest amount`() throws {
        let capped = decided(purchase(total: 1177), [try perEuro("1", maximum: 10)])
        #expect(capped.considered.first?.verdict == "fired-capped")
        #expect(capped.considered.first?.arithmetic == "floor(11.77 × 1) = 11, at most 10")
        #expect(capped.points == Points(10))

        let yen = try #require(Currency("JPY"))
        let huge = Offer(
            id: "huge", version: 4, name: "huge",
            award: OfferAward(
                amount: .perCurrencyUnit(pointsPerUnit: ExactDecimal(mantissa: 1_000_000), currency: yen)))
        var largest = purchase(total: Money.maximumMinorUnits)
        largest.currency = yen
        let decision = decided(largest, [huge, offer("later")])
        #expect(decision.points == Points.maximum, "awards together never exceed the largest amount")
        #expect(decision.considered.map(\.verdict) == ["fired-capped", "no-points"])
    }

    @Test func `keeps the configuration's order and fires at most as many offers as an event may`() {
        let many = (0..<70).map { offer("offer-\($0)") }
        let decision = decided(purchase(), many)
        #expect(decision.awards.map(\.offer) == many.prefix(Step.maximumAwards).map(\.id))
        #expect(decision.considered.map(\.offer) == many.map(\.id))
        #expect(
            decision.considered.suffix(6).allSatisfy { $0.verdict == "not-considered" && $0.points == .zero })
    }

    @Test func `counts the days until points expire from the award`() throws {
        let expiring = Offer(
            id: "welcome", version: 9, name: "welcome",
            award: OfferAward(
                amount: .fixed(Points(5)), asset: AssetCode("stars"), expiresAfterDays: 30, inflight: true))
        let now = try time("2026-11-10T08:00:00Z")
        let decision = decided(try purchase(at: "2026-11-02T23:59:59Z"), [expiring], now: now)
        let due = AwardCommand.Line(
            offer: "welcome", offerVersion: 9, asset: AssetCode("stars"), points: Points(5),
            expiresAt: try time("2026-12-10T08:00:00Z"), inflight: true)
        #expect(decision.awards == [due])
    }

    // MARK: Wallets

    @Test(
        arguments: [
            (WalletStanding.active, false, nil, 1, false), (.active, true, nil, 1, false),
            (.blocked, true, .walletBlocked, 0, false), (.unknown, false, .unknownWallet, 0, false),
            (.unknown, true, nil, 1, true),
        ] as [(WalletStanding, Bool, AwardCommand.Reason?, Int, Bool)])
    func `gives nothing to a wallet that may not earn`(
        _ standing: WalletStanding, _ opensWallet: Bool, _ reason: AwardCommand.Reason?, _ awards: Int,
        _ opens: Bool
    ) throws {
        let limited = offer(limit: WalletLimit(times: 1, period: .ever))
        let decision = decide(
            purchase(), wallet: standing, opensWallet: opensWallet, offers: [limited], now: .zero
        ) { _ in .zero }
        #expect(decision.reason == reason)
        #expect(decision.awards.count == awards)
        #expect(decision.considered.count == awards)
        #expect(decision.counters.count == awards, "a wallet that may not earn uses no limit")
        #expect(decision.opensWallet == opens)
    }
}

// MARK: Examples

/// One offer, one purchase, and what comes of it.
struct ConditionCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let given: Offer
    let bought: Purchase
    let verdict: Verdict

    static let all: [ConditionCase] = {
        let from = Timestamp(milliseconds: noon)
        let bounded = ValidityPeriod(from: from, to: from.adding(milliseconds: 1_000))
        let night = OfferConditions(timeOfDay: DailyWindow(fromMinute: 1_320, toMinute: 360))
        let weekend = OfferConditions(daysOfWeek: [.saturday, .sunday])
        let fuel = OfferConditions(classifications: ["fuel", "wash"])
        let minimum = Currency("EUR").map {
            OfferConditions(minimumTotal: Money(minorUnits: 1_000, currency: $0))
        }
        let dollars = Currency("USD").map {
            OfferConditions(minimumTotal: Money(minorUnits: 1, currency: $0))
        }
        let perDollar = Currency("USD").map {
            OfferAward(amount: .perCurrencyUnit(pointsPerUnit: ExactDecimal(mantissa: 1), currency: $0))
        }
        func at(_ offset: Int64) -> Purchase { purchase(at: from.adding(milliseconds: offset)) }
        let hour: Int64 = 3_600_000
        return [
            make("no conditions", offer(), purchase(), .fired),
            make("switched off", offer(active: false), purchase(), .inactive),
            make("just before it is valid", offer(validity: bounded), at(-1), .notYetValid),
            make("when it becomes valid", offer(validity: bounded), at(0), .fired),
            make("the last valid moment", offer(validity: bounded), at(999), .fired),
            make("when its validity ends", offer(validity: bounded), at(1_000), .validityOver),
            make(
                "another unit", offer(conditions: OfferConditions(units: ["a", "b"])), purchase(unit: "c"),
                .unit),
            make(
                "one of the units", offer(conditions: OfferConditions(units: ["a", "b"])),
                purchase(unit: "b"), .fired),
            make("no classification", offer(conditions: fuel), purchase(), .classification),
            make(
                "other classification", offer(conditions: fuel), purchase(classified: "food"), .classification
            ),
            make("one of the classifications", offer(conditions: fuel), purchase(classified: "wash"), .fired),
            make("Sunday's last millisecond", offer(conditions: weekend), at(-12 * hour - 1), .fired),
            make("Monday's first millisecond", offer(conditions: weekend), at(-12 * hour), .dayOfWeek),
            make("before the night begins", offer(conditions: night), at(10 * hour - 1), .timeOfDay),
            make("when the night begins", offer(conditions: night), at(10 * hour), .fired),
            make("after midnight", offer(conditions: night), at(12 * hour), .fired),
            make("the night's last moment", offer(conditions: night), at(18 * hour - 1), .fired),
            make("when the night ends", offer(conditions: night), at(18 * hour), .timeOfDay),
            make("a cent below the minimum", offer(conditions: minimum), purchase(total: 999), .minimumTotal),
            make("the minimum itself", offer(conditions: minimum), purchase(total: 1_000), .fired),
            make("a minimum in another currency", offer(conditions: dollars), purchase(), .currency),
            make("an award per other currency", offer(award: perDollar), purchase(), .currency),
        ]
    }()

    /// 2026-11-02, a Monday, 12:00 UTC.
    private static let noon: Int64 = 1_793_620_800_000

    private static func make(
        _ name: String, _ given: Offer, _ bought: Purchase, _ verdict: Verdict
    ) -> ConditionCase {
        ConditionCase(testDescription: name, given: given, bought: bought, verdict: verdict)
    }
}
