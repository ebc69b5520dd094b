// Records of outside systems on `ingress`: what becomes a purchase, and what becomes of everything else.

import Foundation
import IngressGatewayService
import Messages
import Primitives
import ServiceRig
import SimulatedLog
import Testing

@Suite struct `Records on ingress` {
    @Test func `K18 a line between runs of spaces becomes a purchase of its customer's wallet`() throws {
        let fixture = try GatewayFixture()
        try fixture.publish("cdnow", key: "cdnow_master.txt:1", " 00001 19970101  1   11.77\r\n")
        fixture.rig.settle()
        let events = try fixture.rig.records(of: .customerEvents)
        let wallet = WalletID(programme: "pointstream", externalID: "00001")
        try #require(events.count == 1)
        #expect(
            events[0].valueText == """
                {"type":"purchase","externalId":"00001","occurredAt":"1997-01-01T00:00:00.000Z","unit":"cdnow.com",\
                "currency":"USD","total":11.77,"lines":[{"sku":"cd","quantity":1,"total":11.77}]}
                """)
        #expect(events[0].keyText == wallet.description)
        #expect(events[0].headerText("ce_type") == "purchase")
        #expect(events[0].headerText("ce_source") == "cdnow")
        #expect(
            events[0].headerText("ce_id")
                == EventID(source: "cdnow", idempotencyKey: Array("cdnow_master.txt:1".utf8)).description)
        #expect(events[0].headerText("opens-wallet") == "1")
        #expect(events[0].headerText("external-id") == "00001")
        #expect(events[0].headerText("idempotency-key") == "cdnow_master.txt:1")
        #expect(events[0].headerText("ce_time") == "1997-01-01T00:00:00.000Z")
    }

    @Test func `K18 quoted columns, decimal commas and foreign JSON reach the same canonical form`() throws {
        let fixture = try GatewayFixture()
        try fixture.publish(
            "export", key: "q1", "\"card-1\",2026-11-02T08:59:00Z,\"Main \"\"St\"\", 1\",EUR,\"0001,50\",\n")
        try fixture.publish(
            "till", key: "j1",
            #"{"customer":{"id":4711},"at":"2026-11-02T09:59:00+01:00","shop/unit":"till","money":["12.50","EUR"],"items":[{"sku":"a","net":10.5,"vat":"2.00"}]}"#)
        try fixture.publish("shop", key: "c1", GatewayFixture.purchase(total: "\"11.770\""))
        try fixture.rig.append(
            .ingress, key: Array("c2".utf8), headers: [("ce_source", "cdnow"), ("content-type", "application/json; charset=utf-8")],
            value: Array(GatewayFixture.purchase().utf8))
        fixture.rig.settle()
        let bodies = try fixture.rig.records(of: .customerEvents).compactMap(\.valueText).sorted()
        #expect(
            bodies == [
                #"{"type":"purchase","externalId":"4711","occurredAt":"2026-11-02T08:59:00.000Z","unit":"till","currency":"EUR","total":12.50,"lines":[{"sku":"a","quantity":1,"netAmount":10.50,"vat":2.00,"total":12.50}]}"#,
                #"{"type":"purchase","externalId":"card-1","occurredAt":"2026-11-02T08:59:00.000Z","unit":"Main \"St\", 1","currency":"EUR","total":1.50}"#,
                #"{"type":"purchase","externalId":"card-1","occurredAt":"2026-11-02T08:59:00.000Z","unit":"till-7","currency":"USD","total":11.77}"#,
                #"{"type":"purchase","externalId":"card-1","occurredAt":"2026-11-02T08:59:00.000Z","unit":"till-7","currency":"USD","total":11.77}"#,
            ])
        #expect(try fixture.deadLetters().isEmpty)
    }

    struct Refused: CustomTestStringConvertible, Sendable {
        let name: String
        let source: String?
        let value: [UInt8]?
        let code: String
        /// What the reason has to name.
        let names: String
        var key: [UInt8]?
        var type: String?

        init(
            _ name: String, _ source: String?, _ value: String?, _ code: String, names: String = "",
            key: String? = "k", type: String? = nil
        ) {
            self.init(name, source, bytes: value.map { Array($0.utf8) }, code, names: names, key: key, type: type)
        }

        init(
            _ name: String, _ source: String?, bytes: [UInt8]?, _ code: String, names: String = "",
            key: String? = "k", type: String? = nil
        ) {
            self.name = name
            self.source = source
            value = bytes
            self.code = code
            self.names = names
            self.key = key.map { Array($0.utf8) }
            self.type = type
        }

        var testDescription: String { name }
    }

    static let line = "00001 19970101 1 11.77"
    static let quoted = "card,2026-11-02T08:59:00Z,shop,EUR,1,x"

    static let refused: [Refused] = [
        Refused("no headers", nil, line, "source-required", names: "ce_source"),
        Refused("null value", "shop", String?.none, "empty-body"),
        Refused("empty value", "shop", "", "empty-body"),
        Refused("unknown source", "nobody", line, "unknown-source", names: "ce_source"),
        Refused("source switched off", "closed", GatewayFixture.purchase(), "inactive-source", names: "closed"),
        Refused("unknown type in the header", "shop", GatewayFixture.purchase(), "unknown-type", names: "ce_type", type: "refund"),
        Refused("a question by the back door", "shop", "{}", "unknown-type", names: "ce_type", type: "event.query"),
        Refused("unknown type in the body", "shop", #"{"type":"refund"}"#, "unknown-type", names: "/type"),
        Refused("no key at all", "shop", GatewayFixture.purchase(), "key-required", key: nil),
        Refused("empty key", "shop", GatewayFixture.purchase(), "key-invalid", key: ""),
        Refused("key of 256", "shop", GatewayFixture.purchase(), "key-invalid", key: String(repeating: "k", count: 256)),
        Refused("key with a space", "shop", GatewayFixture.purchase(), "key-invalid", key: "a b"),
        Refused("key beyond ASCII", "shop", GatewayFixture.purchase(), "key-invalid", key: "schlüssel"),
        Refused("malformed JSON", "shop", #"{"type":"purchase","#, "invalid-json", names: "line 1"),
        Refused("not JSON", "shop", line, "invalid-json"),
        Refused("duplicate key", "shop", #"{"total":1,"total":2}"#, "duplicate-key", names: "/total"),
        Refused("NaN", "shop", GatewayFixture.purchase(total: "NaN"), "invalid-json"),
        Refused("1e400", "shop", GatewayFixture.purchase(total: "1e400"), "number-out-of-range"),
        Refused("wrong type", "shop", GatewayFixture.purchase(total: "true"), "type", names: "/total"),
        Refused("too many digits", "shop", GatewayFixture.purchase(total: "1.001"), "scale", names: "/total"),
        Refused("negative amount", "shop", GatewayFixture.purchase(total: "-1"), "range", names: "/total"),
        Refused("missing fields", "shop", "{}", "missing", names: "/externalId"),
        Refused("deep nesting", "shop", String(repeating: "[", count: 10_000), "too-deep"),
        Refused("invalid UTF-8 in JSON", "shop", bytes: Array("{\"externalId\":\"".utf8) + [0xff] + Array("\"}".utf8), "invalid-encoding"),
        Refused("1970", "shop", GatewayFixture.purchase(at: "1970-01-01T00:00:00Z"), "too-old", names: "occurredAt"),
        Refused("2100", "shop", GatewayFixture.purchase(at: "2100-01-01T00:00:00Z"), "future-event", names: "occurredAt"),
        Refused("O40 zero quantity", "cdnow", "00001 19970101 0 11.77", "range", names: "column 'count'"),
        Refused("O40 negative quantity", "cdnow", "00001 19970101 -1 11.77", "range", names: "column 'count'"),
        Refused("missing column", "cdnow", "00001 19970101 1", "missing-column", names: "'value'"),
        Refused("two missing columns", "cdnow", "00001 19970101", "missing-column", names: "'count', 'value'"),
        Refused("a column too many", "cdnow", line + " 5", "too-many-columns", names: "'value'"),
        Refused("two lines", "cdnow", line + "\n" + line, "several-lines"),
        Refused("31 February", "cdnow", "00001 19970231 1 11.77", "date", names: "column 'date'"),
        Refused("no number", "cdnow", "00001 19970101 1 abc", "type", names: "column 'value'"),
        Refused("NaN in a column", "cdnow", "00001 19970101 1 NaN", "type", names: "column 'value'"),
        Refused("half a quantity", "cdnow", "00001 19970101 1.5 11.77", "type", names: "column 'count'"),
        Refused("cents of cents", "cdnow", "00001 19970101 1 11.775", "scale", names: "column 'value'"),
        Refused("slash in the id", "cdnow", "a/b 19970101 1 11.77", "charset", names: "column 'customer'"),
        Refused("invalid UTF-8 in a line", "cdnow", bytes: Array(line.utf8) + [0xfc], "invalid-encoding"),
        Refused("blank line", "cdnow", "\r\n", "empty-body"),
        Refused("spaces only", "cdnow", "   ", "missing-column", names: "'customer'"),
        Refused("quote in mid-field", "export", #"ca"rd,2026-11-02T08:59:00Z,shop,EUR,1,x"#, "misplaced-quote", names: "'card'"),
        Refused("unclosed quote", "export", #"card,2026-11-02T08:59:00Z,"shop,EUR,1,x"#, "unclosed-quote", names: "'shop'"),
        Refused("text behind a quote", "export", #"card,2026-11-02T08:59:00Z,"shop"x,EUR,1,x"#, "misplaced-quote", names: "'shop'"),
        Refused("empty required column", "export", #"card,2026-11-02T08:59:00Z,,EUR,1,x"#, "missing", names: "column 'shop'"),
        Refused("thousands separator", "export", #"card,2026-11-02T08:59:00Z,shop,EUR,"1.234,50",x"#, "type", names: "column 'total'"),
        Refused("lower-case currency", "export", "card,2026-11-02T08:59:00Z,shop,eur,1,x", "unknown-currency", names: "column 'currency'"),
        Refused("missing pointer", "till", #"{"at":"2026-11-02T08:59:00Z"}"#, "missing", names: "/customer/id"),
        Refused("object for a text", "till", #"{"customer":{"id":{}}}"#, "type", names: "/customer/id"),
        Refused("fraction as an id", "till", #"{"customer":{"id":4711.0}}"#, "type", names: "/customer/id"),
    ]

    @Test(arguments: refused)
    func `a record that cannot be accepted becomes a dead letter with its reason and its own bytes`(
        _ row: Refused
    ) throws {
        let fixture = try GatewayFixture()
        var headers: [(name: String, value: String)] = []
        if let source = row.source { headers.append(("ce_source", source)) }
        if let type = row.type { headers.append(("ce_type", type)) }
        try fixture.rig.append(.ingress, key: row.key, headers: headers, value: row.value)
        try fixture.publish("shop", key: "good", GatewayFixture.purchase())
        fixture.rig.settle()
        let letters = try fixture.deadLetters()
        try #require(letters.count == 1)
        #expect(letters[0].headerText("dead-letter-reason") == row.code)
        let detail = letters[0].headerText("dead-letter-detail") ?? ""
        #expect(row.names.isEmpty || detail.contains(row.names), "\(detail)")
        #expect(letters[0].value == row.value)
        #expect(letters[0].key == row.key)
        #expect(try fixture.rig.records(of: .customerEvents).count == 1, "the next record is processed")
    }

    @Test func `K1 K18 records of one reference go to one wallet, whatever their shape`() throws {
        let fixture = try GatewayFixture()
        try fixture.publish("cdnow", key: "a", "card-1 19970101 1 11.77")
        try fixture.publish("shop", key: "b", GatewayFixture.purchase("card-1"))
        try fixture.publish("export", key: "c", "card-1,2026-11-02T08:59:00Z,shop,EUR,1,x")
        try fixture.publish("shop", key: "d", GatewayFixture.purchase("card-2"))
        fixture.rig.settle()
        let keys = try fixture.rig.records(of: .customerEvents).compactMap(\.keyText)
        #expect(keys.filter { $0 == WalletID(programme: "pointstream", externalID: "card-1").description }.count == 3)
        #expect(Set(keys).count == 2)
    }
}
