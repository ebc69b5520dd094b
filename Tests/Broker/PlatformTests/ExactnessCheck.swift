// What downstream systems saw, compared with what was published, without a look at any store: every
// purchase one award of the right amount, every wallet's history without a gap or a repeat, and all
// accounts in balance.

import Foundation
import Messages
import Testing

struct ExactnessCheck {
    /// Points by idempotency key's event are not known here; by customer they are.
    var expectedPoints: [String: Int64] = [:]
    var purchases = 0

    mutating func expect(customer: String, points: Int64) {
        expectedPoints[customer, default: 0] += points
        purchases += 1
    }

    /// - Parameter spent: points that were redeemed, by customer.
    func verify(_ platform: Platform, spent: [String: Int64] = [:]) throws {
        let awards = try platform.read(.awards)
        #expect(awards.count == purchases, "one award record a purchase")
        #expect(Set(awards.map { $0.text("event") }).count == purchases, "no event twice")
        var points: [String: Int64] = [:]
        for award in awards { points[award.text("externalId"), default: 0] += award.number("points") }
        #expect(points == expectedPoints)
        try verifyDecisions(platform, awards)
        try verifyHistory(platform, spent)
    }

    /// K16: no credit without a recorded decision, and the decision says the same.
    private func verifyDecisions(_ platform: Platform, _ awards: [DownstreamRecord]) throws {
        var decided: [String: Int64] = [:]
        for evaluation in try platform.read(.evaluations) {
            #expect(decided.updateValue(evaluation.number("points"), forKey: evaluation.text("event")) == nil)
        }
        for award in awards { #expect(decided[award.text("event")] == award.number("points")) }
    }

    private func verifyHistory(_ platform: Platform, _ spent: [String: Int64]) throws {
        var last: [String: Int64] = [:]
        var settled: [String: Int64] = [:]
        var accounts: [String: Int64] = [:]
        for record in try platform.read(.walletTransactions) {
            let customer = record.text("externalId")
            guard record.value?["sequence"] != nil else { continue }
            #expect(record.number("sequence") == last[customer, default: 0] + 1, "P5: no gap, no repeat")
            last[customer] = record.number("sequence")
            settled[customer] = record.value?["balances"]?["settled"]?.int64
            for transfer in record.value?["transfers"].map({ Array($0.items) }) ?? [] {
                let moved = transfer["points"]?.int64 ?? 0
                accounts[transfer["debit"]?.string() ?? "", default: 0] -= moved
                accounts[transfer["credit"]?.string() ?? "", default: 0] += moved
            }
        }
        #expect(accounts.values.reduce(0, +) == 0, "the sum over all accounts is zero")
        #expect(accounts["wallet", default: 0] == settled.values.reduce(0, +))
        for (customer, expected) in expectedPoints {
            #expect(settled[customer] == expected - spent[customer, default: 0], "balance of \(customer)")
        }
    }
}
