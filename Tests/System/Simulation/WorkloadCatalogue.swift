// The configuration documents of a run: which exist before it begins, how they are changed while it goes on,
// and how each source writes a purchase. Used by Workload alone. Which documents are valid is known here;
// what they mean is decided by the services, and once more by the model.

import JSONText
import Messages
import Primitives

struct WorkloadCatalogue {
    static let programme = "sim"
    /// What most purchases are in; the code exists.
    static let dollar: Currency = {
        guard let dollar = Currency("USD") else { preconditionFailure("the dollar is a currency") }
        return dollar
    }()
    /// Active sources of purchases.
    static let sources = ["shop", "shop", "kiosk", "till", "web"]
    /// `gone` is switched off, and of `moon` there is no document.
    static let rewardNames = ["coffee", "coffee", "voucher", "mug", "gone", "moon"]

    private var added = 0
    /// In the order in which they are published.
    let all: [Submission]

    init(_ entropy: inout SeededEntropy) {
        var documents: [Submission] = []
        func put(_ kind: String, _ id: String, _ fields: String) {
            documents.append(Self.document(kind, id, fields))
        }
        put("programme", "default", Self.programme(minimum: entropy.below(3) == 0 ? 10 : 0))
        put("source", "shop", #""openWallets":true,"repeatWindowDays":7"#)
        put("source", "kiosk", Self.kiosk(isActive: true))
        put("source", "till", Self.till)
        put("source", "web", Self.web)
        put("source", "retired", #""active":false,"openWallets":true"#)
        for id in ["base", "welcome", "daily", "capped", "held", "miles", "night", "fuel"]
        where entropy.below(100) < 70 {
            put("offer", id, Self.offer(id, &entropy))
        }
        put("reward", "coffee", Self.reward(points: 30, holdMinutes: 1))
        put("reward", "voucher", Self.reward(points: 120, holdMinutes: 15))
        put("reward", "mug", Self.reward(points: 40, holdMinutes: 5, minimum: 25))
        put("reward", "gone", Self.reward(points: 10, holdMinutes: 5) + #","active":false"#)
        put("subscription", "audit", Self.subscription("audit", &entropy))
        if entropy.below(100) < 60 { put("subscription", "crm", Self.subscription("crm", &entropy)) }
        if entropy.below(100) < 40 { put("subscription", "desk", Self.subscription("desk", &entropy)) }
        all = documents
    }

    private static func document(_ kind: String, _ id: String, _ fields: String) -> Submission {
        .document(kind: kind, id: id, json: #"{"kind":"\#(kind)","id":"\#(id)",\#(fields)}"#)
    }

    // MARK: Changes

    /// An operator changes something, or tries to.
    mutating func change(_ entropy: inout SeededEntropy) -> Submission {
        let offer = ["base", "welcome", "daily", "capped", "held", "miles", "night", "fuel"][
            Int(entropy.below(8))]
        let subscription = ["audit", "crm", "desk"][Int(entropy.below(3))]
        switch entropy.below(12) {
        case 0, 1, 2: return Self.document("offer", offer, Self.offer(offer, &entropy))
        case 3:
            added += 1
            let name = "extra\(added)"
            let priority = Int64(entropy.below(5)) - 2
            return Self.document(
                "offer", name, Self.fixed(name, Int64(1 + entropy.below(30)), more: #","priority":\#(priority)"#))
        case 4: return .document(kind: "offer", id: offer, json: nil)
        case 5:
            return Self.document(
                "reward", "coffee", Self.reward(points: Int64(10 + entropy.below(60)), holdMinutes: 1))
        case 6:
            let isRemoved = entropy.below(3) == 0
            return isRemoved
                ? .document(kind: "reward", id: "mug", json: nil)
                : Self.document("reward", "mug", Self.reward(points: 45, holdMinutes: 2, minimum: 5))
        case 7: return Self.document("subscription", subscription, Self.subscription(subscription, &entropy))
        case 8: return .document(kind: "subscription", id: entropy.below(2) == 0 ? "crm" : "desk", json: nil)
        case 9:
            return Self.document(
                "programme", "default", Self.programme(minimum: Int64(entropy.below(3)) * 10))
        case 10: return Self.document("source", "kiosk", Self.kiosk(isActive: entropy.below(2) == 0))
        default: return Self.broken(offer, &entropy)
        }
    }

    /// Documents that nobody may take over.
    private static func broken(_ offer: String, _ entropy: inout SeededEntropy) -> Submission {
        switch entropy.below(5) {
        case 0: .document(kind: "offer", id: offer, json: "{")
        case 1: document("offer", offer, #""name":"No award","eventTypes":["purchase"]"#)
        case 2: document("reward", "coffee", reward(points: -5, holdMinutes: 1))
        case 3: document("offer", offer, fixed("Colour", 5, more: #","colour":"red""#))
        default: .document(kind: "offer", id: offer, json: #"{"kind":"offer","id":"another","name":"x"}"#)
        }
    }

    // MARK: Documents

    private static func programme(minimum: Int64) -> String {
        #""name":"\#(programme)","minimumBalanceAfterSpend":\#(minimum)"#
    }

    private static func reward(points: Int64, holdMinutes: Int64, minimum: Int64 = 0) -> String {
        #""name":"Reward","paymentMode":"POINTS","points":\#(points),"holdMinutes":\#(holdMinutes),"#
            + #""minimumBalanceAfter":\#(minimum)"#
    }

    private static func fixed(_ name: String, _ points: Int64, award: String = "", more: String = "") -> String {
        #""name":"\#(name)","eventTypes":["purchase"],"award":{"kind":"fixed","points":\#(points)\#(award)}\#(more)"#
    }

    private static func perUnit(_ name: String, _ ratio: String, award: String = "", more: String = "") -> String {
        #""name":"\#(name)","eventTypes":["purchase"],"award":{"kind":"perCurrencyUnit","pointsPerUnit":"#
            + #""\#(ratio)","currency":"USD","rounding":"floor"\#(award)}\#(more)"#
    }

    private static func offer(_ id: String, _ entropy: inout SeededEntropy) -> String {
        let points = Int64(1 + entropy.below(40))
        let isActive = entropy.below(8) == 0 ? #","active":false"# : ""
        let fields =
            switch id {
            case "base":
                perUnit(
                    id, ["0.5", "1", "2.25", "0.125"][Int(entropy.below(4))],
                    award: entropy.below(2) == 0 ? #","expiresAfterDays":\#(1 + entropy.below(3))"# : "")
            case "welcome": fixed(id, points, more: #","limit":{"times":1,"period":"ever"},"priority":10"#)
            case "daily": fixed(id, points, more: #","limit":{"times":\#(1 + entropy.below(3)),"period":"day"}"#)
            case "capped":
                perUnit(
                    id, "3", award: #","expiresAfterDays":1,"maximumPoints":\#(40 + entropy.below(40))"#,
                    more: #","limit":{"points":\#(60 + entropy.below(60)),"period":"day"}"#)
            case "held":
                fixed(
                    id, points, award: #","inflight":true"#,
                    more: #","conditions":{"minimumTotal":80.00,"currency":"USD"}"#)
            case "miles":
                perUnit(id, "1", award: #","asset":"miles""#, more: #","conditions":{"units":["north","harbour"]}"#)
            case "night":
                fixed(
                    id, points,
                    more: #","conditions":{"timeOfDay":{"from":"10:00","to":"02:30"},"#
                        + #""daysOfWeek":["monday","tuesday","saturday"]}"#)
            default: fixed(id, points, more: #","conditions":{"classifications":["fuel"]}"#)
            }
        return fields + isActive
    }

    private static func subscription(_ id: String, _ entropy: inout SeededEntropy) -> String {
        let types =
            switch id {
            case "audit":
                #""points.awarded","points.not-awarded","points.spent","reward.issued","reward.refused""#
            case "crm": #""points.awarded","points.spent""#
            default: #""reward.issued","reward.refused""#
            }
        let secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"]
        let first = Int(entropy.below(2))
        let former = entropy.below(3) == 0 ? #","formerSecret":"\#(secrets[1 - first])""# : ""
        let isActive = entropy.below(12) == 0 ? #","active":false"# : ""
        return #""url":"https://\#(id).example/hook","secret":"\#(secrets[first])"\#(former),"types":[\#(types)],"#
            + #""maximumAttempts":\#(3 + entropy.below(4)),"firstRetryMilliseconds":\#(100 + entropy.below(900)),"#
            + #""timeoutMilliseconds":1000\#(isActive)"#
    }

    // MARK: Sources

    private static func kiosk(isActive: Bool) -> String {
        #""openWallets":false,"repeatWindowDays":2,"futureToleranceMinutes":60,"active":\#(isActive)"#
    }

    /// Lines such as `w1;20261102;north;12,50`.
    private static let till = #"""
        "openWallets":true,"repeatWindowDays":7,"mapping":{"format":"delimited","delimiter":";","columns":\#
        ["who","day","where","paid"],"fields":{"externalId":{"column":"who"},"occurredAt":{"column":"day",\#
        "date":"yyyyMMdd"},"unit":{"column":"where"},"currency":{"constant":"USD"},\#
        "total":{"column":"paid","decimalComma":true}}}
        """#

    /// Objects such as `{"who":"w1","at":"…","shop":{"name":"north"},"money":{"code":"USD","sum":12.5}}`.
    private static let web = #"""
        "openWallets":true,"repeatWindowDays":7,"mapping":{"format":"json","fields":{"externalId":\#
        {"pointer":"/who"},"occurredAt":{"pointer":"/at"},"unit":{"pointer":"/shop/name"},\#
        "currency":{"pointer":"/money/code"},"total":{"pointer":"/money/sum"},\#
        "classification":{"pointer":"/kind"}}}
        """#

    static func windowDays(of source: String) -> Int64 { source == "kiosk" ? 2 : 7 }
    static func opensWallets(_ source: String) -> Bool { source != "kiosk" }
    static func isCanonical(_ source: String) -> Bool { source == "shop" || source == "kiosk" }

    /// A purchase in its source's own shape, and what of it that shape can say.
    static func written(
        _ purchase: Purchase, by source: String, _ json: ((inout JSONWriter) -> Void) -> [UInt8]
    ) -> (Purchase, [UInt8]) {
        var said = purchase
        switch source {
        case "till":
            let (year, month, day) = purchase.occurredAt.date
            said = Purchase(
                externalID: purchase.externalID,
                occurredAt: Timestamp(year: year, month: month, day: day) ?? purchase.occurredAt,
                unit: purchase.unit, currency: dollar, total: purchase.total)
            func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
            let date = "\(year)\(two(month))\(two(day))"
            let (whole, cents) = Int(purchase.total).quotientAndRemainder(dividingBy: 100)
            return (said, Array("\(purchase.externalID);\(date);\(purchase.unit);\(whole),\(two(cents))\r\n".utf8))
        case "web":
            said = Purchase(
                externalID: purchase.externalID, occurredAt: purchase.occurredAt, unit: purchase.unit,
                currency: purchase.currency, total: purchase.total, classification: purchase.classification)
            let sum = ExactDecimal(mantissa: said.total, scale: said.currency.exponent)
            let body = json { writer in
                writer.beginObject()
                writer.field("who", said.externalID)
                writer.field("at", said.occurredAt)
                writer.object("shop") { $0.field("name", said.unit) }
                if let kind = said.classification { writer.field("kind", kind) }
                writer.object("money") { writer in
                    writer.field("code", said.currency.code)
                    writer.field("sum", sum)
                }
                writer.endObject()
            }
            return (said, body)
        default: return (said, json(said.encode))
        }
    }
}
