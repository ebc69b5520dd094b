// Offers as the model understands them: when one fires for a purchase, and for how many points. Its own
// reading of the documents and its own arithmetic; of the services only the words of the verdicts are known.

import JSONText
import Messages
import Primitives

struct ModelOffer {
    let id: String
    let version: Int64
    let priority: Int64
    private let isActive: Bool
    private let conditions: JSONValue?
    private let fixed: Int64?
    private let ratio: ExactDecimal?
    private let currency: String?
    let asset: String
    let expiresAfterDays: Int64?
    let isInflight: Bool
    private let maximum: Int64?
    let limit: Limit?

    struct Limit: Equatable {
        let times: Int64?
        let points: Int64?
        let period: String
    }

    init?(_ document: JSONValue, _ id: String, _ version: Int64) {
        let known: Set<String> = ["name", "active", "eventTypes", "conditions", "award", "limit", "priority"]
        guard document.hasOnly(known), document["name"] != nil, document["eventTypes"] != nil,
            let award = document["award"]
        else { return nil }
        self.id = id
        self.version = version
        priority = document["priority"]?.int64 ?? 0
        isActive = document["active"]?.bool ?? true
        conditions = document["conditions"]
        fixed = award["points"]?.int64
        ratio = award["pointsPerUnit"]?.string().flatMap(exact)
        currency = award["currency"]?.string()
        asset = award["asset"]?.string() ?? "points"
        expiresAfterDays = award["expiresAfterDays"]?.int64
        isInflight = award["inflight"]?.bool ?? false
        maximum = award["maximumPoints"]?.int64
        limit = document["limit"].map {
            Limit(
                times: $0["times"]?.int64, points: $0["points"]?.int64, period: $0["period"]?.string() ?? "")
        }
        guard (fixed ?? 1) > 0, fixed != nil || ratio != nil else { return nil }
    }

    /// The first condition that is not met, as a verdict; nil if all are.
    func unmet(by purchase: Purchase) -> String? {
        if !isActive { return "inactive" }
        if let units = conditions?.texts("units"), !units.contains(purchase.unit) { return "unit" }
        if let kinds = conditions?.texts("classifications"), !kinds.contains(purchase.classification ?? "") {
            return "classification"
        }
        let minutes = (purchase.occurredAt.milliseconds / 60_000) % 1_440
        if let days = conditions?.texts("daysOfWeek"), !days.contains(weekday(of: purchase.occurredAt)) {
            return "day-of-week"
        }
        if let window = conditions?["timeOfDay"], let from = window["from"]?.string().flatMap(minute),
            let to = window["to"]?.string().flatMap(minute)
        {
            let isInside = from < to ? (from..<to).contains(minutes) : minutes >= from || minutes < to
            if !isInside { return "time-of-day" }
        }
        if ratio != nil, currency != purchase.currency.code { return "currency" }
        if let least = conditions?["minimumTotal"]?.decimal {
            if conditions?["currency"]?.isText(purchase.currency.code) != true { return "currency" }
            if ExactDecimal(mantissa: purchase.total, scale: purchase.currency.exponent) < least {
                return "minimum-total"
            }
        }
        return nil
    }

    /// Points before any limit, and whether the award's own maximum cut them.
    func amount(for purchase: Purchase) -> (points: Int64, isCapped: Bool) {
        var points = fixed ?? 0
        if let ratio {
            // Totals and ratios of a run are small: their product and a power of ten fit by far.
            let product = Int128(purchase.total) * Int128(ratio.mantissa)
            var divisor: Int128 = 1
            for _ in 0..<(purchase.currency.exponent + ratio.scale) { divisor *= 10 }
            points = Int64(truncatingIfNeeded: product / divisor)
        }
        if let maximum, points > maximum { return (maximum, true) }
        return (points, false)
    }
}

/// What a wallet has had of an offer in one period.
struct ModelCounterKey: Hashable {
    let wallet: WalletID
    let offer: String
    let period: String
    /// Milliseconds since 1970.
    let start: Int64
    let end: Int64?

    init(_ wallet: WalletID, _ offer: String, _ period: String, at time: Timestamp) {
        self.wallet = wallet
        self.offer = offer
        self.period = period
        let day = Timestamp.millisecondsPerDay
        // The workload limits by day and for ever; other periods would be wrong by being absent here.
        if period == "day" {
            start = time.day * day
            end = start + day
        } else {
            start = 0
            end = nil
        }
    }
}

private func exact(_ text: String) -> ExactDecimal? {
    do throws(ExactDecimal.ParseFailure) {
        return try ExactDecimal(text)
    } catch {
        return nil
    }
}

private func minute(_ text: String) -> Int64? {
    let parts = text.split(separator: ":").compactMap { Int64($0) }
    return parts.count == 2 ? parts[0] * 60 + parts[1] : nil
}

/// 1970-01-01 was a Thursday.
private func weekday(of time: Timestamp) -> String {
    let days = ["thursday", "friday", "saturday", "sunday", "monday", "tuesday", "wednesday"]
    return days[Int(((time.day % 7) + 7) % 7)]
}
