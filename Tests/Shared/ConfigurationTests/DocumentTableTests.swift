// Valid and invalid documents of each kind, and exactly which problems are reported where.

import Configuration
import Testing

private let offer = """
    {"kind":"offer","id":"o-1","name":"One","eventTypes":["purchase"],"validFrom":"2026-01-01T00:00:00Z",
    "validTo":"2027-01-01T00:00:00Z","conditions":{"units":["a","b"],"classifications":["food"],
    "minimumTotal":"10.00","currency":"USD","daysOfWeek":["monday","sunday"],
    "timeOfDay":{"from":"22:00","to":"06:30"}},"award":{"kind":"perCurrencyUnit","pointsPerUnit":"1.5",
    "currency":"USD","rounding":"floor","expiresAfterDays":365,"maximumPoints":500},
    "limit":{"times":3,"points":"900","period":"month"},"priority":-4}
    """
private let fixed =
    #"{"kind":"offer","id":"o","name":"O","eventTypes":["purchase"],"award":{"kind":"fixed","points":5}}"#
private let reward = """
    {"kind":"reward","id":"r.1","name":"Voucher","paymentMode":"POINTS","points":100,"holdMinutes":1440,
    "minimumBalanceAfter":50}
    """
private let secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
private let subscription = """
    {"kind":"subscription","id":"s","url":"https://example.com:8443/hook?a=b","secret":"\(secret)",
    "types":["points.awarded","reward.refused"]}
    """
private let key = """
    {"kind":"apikey","id":"key/with:slash","role":"source","source":"shop","salt":"0011223344556677",
    "secretSHA256":"\(String(repeating: "0a", count: 32))"}
    """

@Suite struct `Configuration documents` {
    @Test(arguments: [
        DocumentCase("offer: valid", offer),
        DocumentCase("offer: fixed", fixed),
        DocumentCase(
            "offer: unknown field", fixed, [#""name":"O""#: #""name":"O","colour":"red""#],
            ["/colour unknown-field"]),
        DocumentCase("offer: event type", fixed, ["purchase": "referral"], ["/eventTypes/0 unknown-value"]),
        DocumentCase("offer: no event type", fixed, [#"["purchase"]"#: "[]"], ["/eventTypes empty"]),
        DocumentCase("offer: id", fixed, [#""id":"o""#: #""id":"O 1""#], ["/id charset"]),
        DocumentCase("offer: ends before it begins", offer, ["2027-01": "2025-01"], ["/validTo range"]),
        DocumentCase(
            "offer: zone missing", offer, ["2027-01-01T00:00:00Z": "2027-01-01T00:00:00"], ["/validTo date"]),
        DocumentCase(
            "offer: several problems at once", offer,
            [
                "\"monday\"": "\"Monday\"", "06:30": "24:01", "month": "decade", "\"b\"": "\"a\"",
                "10.00": "10.001",
            ],
            [
                "/conditions/units/1 duplicate", "/conditions/minimumTotal scale",
                "/conditions/daysOfWeek/0 unknown-value", "/conditions/timeOfDay/to date",
                "/limit/period unknown-value",
            ]),
        DocumentCase("offer: empty window", offer, ["22:00": "06:30"], ["/conditions/timeOfDay/to range"]),
        DocumentCase(
            "offer: currency alone", offer, [#""minimumTotal":"10.00","#: ""],
            ["/conditions/currency not-applicable"]),
        DocumentCase(
            "offer: minimum without currency", offer, [#""10.00","currency":"USD""#: "10"],
            ["/conditions/currency missing"]),
        DocumentCase(
            "offer: no such currency", offer,
            [#""currency":"USD","rounding""#: #""currency":"usd","rounding""#],
            ["/award/currency unknown-currency"]),
        DocumentCase("offer: ratio of zero", offer, ["1.5": "0.0"], ["/award/pointsPerUnit range"]),
        DocumentCase(
            "offer: rounding", offer, ["\"floor\"": "\"nearest\""], ["/award/rounding unknown-value"]),
        DocumentCase(
            "offer: award of another kind", fixed, ["\"points\":5": "\"points\":5,\"pointsPerUnit\":1"],
            ["/award/pointsPerUnit not-applicable"]),
        DocumentCase(
            "offer: part of a point", fixed, ["\"points\":5": "\"points\":5.5"], ["/award/points scale"]),
        DocumentCase("offer: no points", fixed, ["\"points\":5": "\"points\":0"], ["/award/points range"]),
        DocumentCase(
            "offer: limit of nothing", offer, [#""times":3,"points":"900","#: ""], ["/limit missing"]),
        DocumentCase(
            "offer: no award", fixed, [#","award":{"kind":"fixed","points":5}"#: ""], ["/award missing"]),
    ]) func `offers`(row: DocumentCase) { row.check() }

    @Test(arguments: [
        DocumentCase("reward: valid", reward),
        DocumentCase(
            "reward: payment mode", reward, ["\"POINTS\"": "\"CASH\""], ["/paymentMode unknown-value"]),
        DocumentCase("reward: free", reward, ["\"points\":100": "\"points\":0"], ["/points range"]),
        DocumentCase("reward: hold too long", reward, ["1440": "1441"], ["/holdMinutes range"]),
        DocumentCase("reward: negative rest", reward, [":50": ":-1"], ["/minimumBalanceAfter range"]),
        DocumentCase(
            "programme: valid", #"{"kind":"programme","id":"default","minimumBalanceAfterSpend":"10"}"#),
        DocumentCase(
            "programme: another id", #"{"kind":"programme","id":"second"}"#, [:], ["/id unknown-value"]),
        DocumentCase("no kind", #"{"id":"a"}"#, [:], ["/kind missing"]),
        DocumentCase("unknown kind", #"{"kind":"coupon","id":"a"}"#, [:], ["/kind unknown-value"]),
        DocumentCase("no object", "[]", [:], [" type"]),
        DocumentCase("no JSON", "{", [:], [" invalid-json"]),
        DocumentCase("repeated key", #"{"kind":"offer","kind":"offer"}"#, [:], ["/kind duplicate-key"]),
        DocumentCase("too large", "{}" + String(repeating: " ", count: 65_536), [:], [" too-large"]),
    ]) func `rewards, the programme, and what is no document`(row: DocumentCase) { row.check() }

    @Test(arguments: [
        DocumentCase("subscription: valid", subscription),
        DocumentCase(
            "subscription: type", subscription, ["points.awarded": "points.lost"],
            ["/types/0 unknown-value"]),
        DocumentCase("subscription: relative", subscription, ["https://example.com:8443": ""], ["/url url"]),
        DocumentCase("subscription: scheme", subscription, ["https": "ftp"], ["/url url"]),
        DocumentCase("subscription: user in the URL", subscription, ["://": "://a:b@"], ["/url url"]),
        DocumentCase("subscription: fragment", subscription, ["a=b": "a#b"], ["/url url"]),
        DocumentCase(
            "subscription: loopback", subscription, ["example.com": "127.0.0.1"], ["/url private-network"]),
        DocumentCase(
            "subscription: loopback by name", subscription, ["example.com": "a.localhost."],
            ["/url private-network"]),
        DocumentCase(
            "subscription: embedded private address", subscription, ["example.com": "[::FFFF:10.0.0.1]"],
            ["/url private-network"]),
        DocumentCase(
            "subscription: address in disguise", subscription,
            ["example.com": "127.1", "\"types\"": "\"allowPrivateNetwork\":true,\"types\""], ["/url url"]),
        DocumentCase(
            "subscription: loopback allowed", subscription,
            ["example.com": "[::1]", "\"types\"": "\"allowPrivateNetwork\":true,\"types\""]),
        DocumentCase("subscription: short secret", subscription, ["MTIz\"": "MTI=\""], ["/secret secret"]),
        DocumentCase(
            "subscription: attempts", subscription,
            [
                "\"types\"":
                    #""maximumAttempts":0,"timeoutMilliseconds":99,"firstRetryMilliseconds":60001,"types""#
            ], ["/maximumAttempts range", "/timeoutMilliseconds range", "/firstRetryMilliseconds range"]),
        DocumentCase("apikey: valid", key),
        DocumentCase(
            "apikey: operator without source", key,
            [#""role":"source","source":"shop""#: #""role":"operator""#]),
        DocumentCase("apikey: source missing", key, [#""source":"shop","#: ""], ["/source missing"]),
        DocumentCase("apikey: role", key, [#""role":"source""#: #""role":"admin""#], ["/role unknown-value"]),
        DocumentCase("apikey: id too short", key, ["key/with:slash": "1234567"], ["/id charset"]),
        DocumentCase("apikey: hash", key, ["0a0a\"": "0A0a\""], ["/secretSHA256 charset"]),
        DocumentCase(
            "apikey: plain secret on the topic", key,
            ["\"salt\"": "\"secret\":\"0123456789abcdef\",\"salt\""], ["/secret unknown-field"]),
    ]) func `subscriptions and API keys`(row: DocumentCase) { row.check() }

    @Test(arguments: [
        fixed, reward, subscription, key, #"{"kind":"source","id":"s"}"#, #"{"kind":"programme","id":"default"}"#,
    ]) func `a field that a kind does not have is refused`(valid: String) {
        DocumentCase("valid", valid).check()
        DocumentCase("unknown", "{\"zz\":1," + valid.dropFirst(), [:], ["/zz unknown-field"]).check()
    }

    @Test func `a list of what is allowed comes with a refused word`() {
        #expect {
            _ = try parsed(reward.replacing("\"POINTS\"", with: "\"CASH\""))
        } throws: { error in
            (error as? ConfigurationFailure)?.description
                == "reward/r.1: /paymentMode: unknown-value: one of: POINTS"
        }
    }

    @Test func `secrets are not shown by printing, masking or reflection`() throws {
        guard case .subscription(let document) = try parsed(subscription) else { return }
        var dumped = ""
        dump(document, to: &dumped)
        let shown = [
            "\(document)", String(reflecting: document), dumped, try parsed(subscription).maskedText(),
        ]
        #expect(!shown.contains { $0.contains("MDEyMzQ1") || $0.contains("[48, 49") })
        #expect(try !parsed(key).maskedText().contains("0a0a"))
    }
}
