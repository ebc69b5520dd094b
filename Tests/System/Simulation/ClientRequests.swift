// The requests that HTTP clients think of: with keys of three tills and an application, about the wallets of
// the workload, mostly right, sometimes contradicting an earlier request, sometimes none that the API knows.
// Drawn from the run's seed alone.

import Configuration
import JSONText
import Messages
import Primitives

/// A request as it goes out, whenever it is sent.
struct ClientRequest: Sendable {
    let subject: HTTPSubject
    let method: String
    let target: String
    var fields: [(name: String, value: String)]
    var body: [UInt8]?
    /// Of `Prefer: wait`.
    var wait: Int?
}

struct ClientRequests {
    static let secret = "correct horse battery"
    /// The sources whose tills post: all wallets may be opened by the first, none by the second.
    private static let sources = ["shop", "kiosk"]
    /// How many earlier events are remembered, to be repeated, contradicted or asked for.
    private static let remembered = 30

    private struct Sent {
        let request: ClientRequest
        let event: EventID
        let source: String
        let key: String
        /// Nil for a request for a reward.
        let purchase: Purchase?
    }

    private let seed: UInt64
    private let wallets: UInt64
    private var entropy: RunEntropy
    private var sent: [Sent] = []
    private var number = 0
    /// One after the other, from a kind that is drawn.
    private var rubbishMade: UInt64

    init(seed: UInt64) {
        self.seed = seed
        entropy = RunEntropy(seed: seed, stream: .clients)
        wallets = 2 + entropy.below(9)
        rubbishMade = entropy.below(17)
    }

    /// What has to be published before a client can do anything.
    static let documents: [Submission] = {
        let salt = [UInt8](repeating: 7, count: SecretHash.saltBytes)
        let hash = SecretHash(secret: Array(secret.utf8), salt: salt)
        let keys = [
            APIKey(id: "shop-till", role: .source, source: "shop", hash: hash),
            APIKey(id: "kiosk-till", role: .source, source: "kiosk", hash: hash),
            APIKey(id: "shop-application", role: .selfService, source: "shop", hash: hash),
            APIKey(id: "moon-till", role: .source, source: "moon", hash: hash),
            APIKey(id: "former-till", active: false, role: .source, source: "shop", hash: hash),
            APIKey(id: "back-office", role: .operator, source: nil, hash: hash),
        ]
        return keys.map { key in
            let json = String(decoding: ConfigurationDocument.apikey(key).encoded(), as: UTF8.self)
            return .document(kind: "apikey", id: key.id, json: json)
        }
    }()

    // MARK: Drawing

    mutating func below(_ bound: UInt64) -> UInt64 { entropy.below(bound) }
    mutating func chance(_ percent: UInt64) -> Bool { entropy.below(100) < percent }
    mutating func within(_ range: ClosedRange<Int64>) -> Int64 { entropy.within(range) }

    private mutating func one<Element>(of elements: [Element]) -> Element {
        elements[Int(entropy.below(UInt64(elements.count)))]
    }

    private mutating func customer() -> String { chance(25) ? "w0" : "w\(below(wallets))" }

    /// Half of all callers who could wait do.
    private mutating func patience() -> Int? { chance(55) ? one(of: [1, 3, 5, 30]) : nil }

    /// Something new.
    mutating func next(at now: Timestamp) -> ClientRequest {
        switch below(100) {
        case ..<34: purchase(now)
        case ..<44: reward()
        case ..<52: again(now)
        case ..<60: contradiction(now)
        case ..<66: opening()
        case ..<86: question()
        default: rubbish(now)
        }
    }

    // MARK: Events and rewards

    private mutating func purchase(_ now: Timestamp) -> ClientRequest {
        let source = one(of: ["shop", "shop", "kiosk"])
        // Sometimes too old, sometimes too far ahead.
        let age =
            switch below(14) {
            case 0: 9 * Timestamp.millisecondsPerDay
            case 1: -2 * Timestamp.millisecondsPerDay
            default: within(0...3_600_000)
            }
        var purchase = Purchase(
            externalID: customer(), occurredAt: now.adding(milliseconds: -age), unit: one(of: ["north", "south"]),
            currency: WorkloadCatalogue.dollar, total: within(0...20_000))
        if chance(20) { purchase.classification = one(of: ["grocery", "fuel"]) }
        return post(purchase, source, newKey(), isRemembered: true)
    }

    private mutating func newKey() -> String {
        number += 1
        return "http\(seed)-\(number)"
    }

    private mutating func post(
        _ purchase: Purchase, _ source: String, _ key: String, isRemembered: Bool
    ) -> ClientRequest {
        let event = EventID(source: source, idempotencyKey: Array(key.utf8))
        let request = request(
            .purchase(event, externalID: purchase.externalID), "POST", "/v1/events", as: "\(source)-till", key: key,
            json(purchase.encode))
        if isRemembered {
            remember(Sent(request: request, event: event, source: source, key: key, purchase: purchase))
        }
        return request
    }

    private mutating func reward() -> ClientRequest {
        post(
            RewardRequest(externalID: customer(), reward: one(of: WorkloadCatalogue.rewardNames)), newKey(),
            isRemembered: true)
    }

    private mutating func post(
        _ wanted: RewardRequest, _ key: String, isRemembered: Bool
    ) -> ClientRequest {
        let event = EventID(source: "shop", idempotencyKey: Array(key.utf8))
        let caller = one(of: ["shop-till", "shop-application"])
        let request = request(
            .reward(event, externalID: wanted.externalID), "POST", "/v1/reward-issues", as: caller, key: key,
            json(wanted.encode))
        if isRemembered {
            remember(Sent(request: request, event: event, source: "shop", key: key, purchase: nil))
        }
        return request
    }

    private mutating func remember(_ one: Sent) {
        sent.append(one)
        if sent.count > Self.remembered { sent.removeFirst() }
    }

    /// The same key and payload, written otherwise at times, by a caller who may now wait or not.
    private mutating func again(_ now: Timestamp) -> ClientRequest {
        guard !sent.isEmpty else { return purchase(now) }
        let former = one(of: sent)
        var request = former.request
        if chance(50), let body = request.body { request.body = Array(" \n".utf8) + body + [0x20] }
        request.fields.removeAll { $0.name == "Prefer" }
        request.wait = nil
        if chance(70) { request.ask(toWait: 5) }
        if chance(20) { request.fields = request.fields.map { ($0.name, quoted($0)) } }
        return request
    }

    /// Both forms of a key are the same key.
    private func quoted(_ field: (name: String, value: String)) -> String {
        field.name == "Idempotency-Key" ? "\"\(field.value)\"" : field.value
    }

    /// Another payload under a used key.
    private mutating func contradiction(_ now: Timestamp) -> ClientRequest {
        guard !sent.isEmpty else { return purchase(now) }
        let former = one(of: sent)
        guard var purchase = former.purchase else {
            return post(
                RewardRequest(externalID: customer(), reward: one(of: ["coffee", "voucher"])), former.key,
                isRemembered: false)
        }
        if chance(40) { purchase.externalID = customer() }
        if former.source == "shop", chance(15) {
            return post(RewardRequest(externalID: customer(), reward: "mug"), former.key, isRemembered: false)
        }
        purchase.total += within(1...500)
        return post(purchase, former.source, former.key, isRemembered: false)
    }

    // MARK: Wallets and questions

    private mutating func opening() -> ClientRequest {
        let customer = chance(70) ? customer() : "visitor\(below(3))"
        let open = OpenWallet(externalID: customer, name: "Customer \(customer)")
        return request(
            .opening(externalID: customer), "POST", "/v1/wallets", as: one(of: ["shop-till", "back-office"]),
            json(open.encode))
    }

    private mutating func question() -> ClientRequest {
        let customer = chance(93) ? customer() : "nobody"
        switch below(10) {
        case 0: return get(.wallet(externalID: customer), "/v1/wallets/\(customer)")
        case 1, 2:
            let limit = chance(60) ? "?limit=\(1 + below(9))" : ""
            return get(.transactions(externalID: customer), "/v1/wallets/\(customer)/transactions\(limit)")
        case 3, 4, 5:
            let event =
                sent.isEmpty || chance(10)
                ? EventID(source: "shop", idempotencyKey: Array(newKey().utf8)) : one(of: sent).event
            return outcome(of: event)
        default: return balance(of: customer)
        }
    }

    mutating func balance(of customer: String) -> ClientRequest {
        get(.balance(externalID: customer), "/v1/wallets/\(customer)/balance")
    }

    mutating func outcome(of event: EventID) -> ClientRequest {
        get(.outcome(event), "/v1/events/\(event)")
    }

    private mutating func get(_ subject: HTTPSubject, _ target: String) -> ClientRequest {
        var request = request(subject, "GET", target, as: one(of: ["shop-till", "shop-application", "back-office"]))
        if request.wait == 1, chance(50) { request.ask(toWait: 3) }
        return request
    }

    // MARK: Rubbish

    private mutating func rubbish(_ now: Timestamp) -> ClientRequest {
        let good = Purchase(
            externalID: "w0", occurredAt: now, unit: "north", currency: WorkloadCatalogue.dollar, total: 500)
        let body = json(good.encode)
        func post(_ caller: String, key: String? = "rubbish", _ body: [UInt8]) -> ClientRequest {
            request(.rubbish, "POST", "/v1/events", as: caller, key: key, body)
        }
        rubbishMade += 1
        switch rubbishMade % 17 {
        case 0: return post("shop-till", key: nil, body)
        case 1: return post("shop-till", key: "a key", body)
        case 2: return post("shop-till", Array(#"{"externalId":"w1","#.utf8))
        case 3: return post("shop-till", Array(#"{"externalId":"w1","externalId":"w2"}"#.utf8))
        case 4: return post("shop-till", Array(#"{"externalId":"w1","currency":"USD","total":5}"#.utf8))
        case 5: return post("shop-till", [])
        case 6: return post("shop-application", body)
        case 7: return post("back-office", body)
        case 8: return post("moon-till", body)
        case 9: return post("former-till", body)
        case 10: return post("nobody-knows", body)
        case 11: return post("shop-till", body).without("Content-Type")
        case 12: return post("shop-till", body).without("x-api-secret")
        case 13: return request(.rubbish, "PUT", "/v1/events", as: "shop-till", key: "rubbish", body)
        case 14: return request(.rubbish, "GET", "/v1/events/not-an-event", as: "shop-till")
        case 15: return request(.rubbish, "GET", "/v1/wallets/w0/transactions?limit=0", as: "shop-till")
        default: return request(.rubbish, "GET", "v1/wallets/%zz", as: "shop-till")
        }
    }

    // MARK: Form

    private mutating func request(
        _ subject: HTTPSubject, _ method: String, _ target: String, as caller: String, key: String? = nil,
        _ body: [UInt8]? = nil
    ) -> ClientRequest {
        var fields = [(name: "x-api-key", value: caller), (name: "x-api-secret", value: Self.secret)]
        if body != nil { fields.append(("Content-Type", "application/json")) }
        if let key { fields.append(("Idempotency-Key", key)) }
        var request = ClientRequest(subject: subject, method: method, target: target, fields: fields, body: body)
        if let wait = patience() { request.ask(toWait: wait) }
        return request
    }

    private func json(_ encode: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter(capacity: 256)
        encode(&writer)
        return writer.bytes
    }
}

extension ClientRequest {
    fileprivate func without(_ field: String) -> ClientRequest {
        var request = self
        request.fields.removeAll { $0.name == field }
        return request
    }

    mutating func ask(toWait seconds: Int) {
        fields.removeAll { $0.name == "Prefer" }
        fields.append(("Prefer", "wait=\(seconds)"))
        wait = seconds
    }
}
