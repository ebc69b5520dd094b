// The gateway's worker half over the simulated log, with four sources: text between spaces, quoted text, foreign JSON, and
// canonical events. For this folder's tests.

import Configuration
import IngressGatewayService
import JSONText
import Messages
import Primitives
import ServiceRig
import SimulatedLog
import StreamRuntime

final class GatewayFixture {
    static let cdnow = """
        {"kind":"source","id":"cdnow","openWallets":true,"repeatWindowDays":36500,"mapping":{"format":"delimited",
        "delimiter":"spaces","columns":["customer","date","count","value"],"fields":{
        "externalId":{"column":"customer"},"occurredAt":{"column":"date","date":"yyyyMMdd"},
        "unit":{"constant":"cdnow.com"},"currency":{"constant":"USD"},"total":{"column":"value"},
        "lines":[{"sku":{"constant":"cd"},"quantity":{"column":"count"},"total":{"column":"value"}}]}}}
        """
    static let export = """
        {"kind":"source","id":"export","mapping":{"format":"delimited","delimiter":"comma","quoted":true,
        "columns":["card","at","shop","currency","total","class"],"fields":{
        "externalId":{"column":"card"},"occurredAt":{"column":"at"},"unit":{"column":"shop"},
        "currency":{"column":"currency"},"total":{"column":"total","decimalComma":true},
        "classification":{"column":"class"}}}}
        """.replacing("\"comma\"", with: "\",\"")
    static let till = """
        {"kind":"source","id":"till","mapping":{"format":"json","fields":{
        "externalId":{"pointer":"/customer/id"},"occurredAt":{"pointer":"/at"},"unit":{"pointer":"/shop~1unit"},
        "currency":{"pointer":"/money/1"},"total":{"pointer":"/money/0"},
        "lines":[{"sku":{"pointer":"/items/0/sku"},"netAmount":{"pointer":"/items/0/net"},
        "vat":{"pointer":"/items/0/vat"}}]}}}
        """
    static let shop = #"{"kind":"source","id":"shop"}"#

    let rig = ServiceRig(partitions: 2)

    init(start: Bool = true) throws {
        for (id, json) in [
            ("cdnow", Self.cdnow), ("export", Self.export), ("till", Self.till), ("shop", Self.shop),
            ("closed", #"{"kind":"source","id":"closed","active":false}"#),
        ] {
            try rig.configure("source", id, json)
        }
        if start {
            rig.start(ingressGatewayTopology(registry: rig.registry))
            rig.settle()
        }
    }

    /// A canonical purchase of the shop's, at the rig's start unless said otherwise.
    static func purchase(
        _ externalID: String = "card-1", total: String = "11.77", at time: String = "2026-11-02T08:59:00Z"
    ) -> String {
        """
        {"type":"purchase","externalId":"\(externalID)","occurredAt":"\(time)","unit":"till-7","currency":"USD",\
        "total":\(total)}
        """
    }

    /// Publishes on `ingress` as an outside system does; `elsewhere`: on another partition than the key's.
    func publish(_ source: String, key: String, _ value: String, elsewhere: Bool = false) throws {
        let bytes = Array(key.utf8)
        let own = rig.partitions.partition(of: bytes)
        let place = elsewhere ? PartitionIndex((own.number + 1) % rig.partitions.number) : own
        try rig.append(
            .ingress, key: bytes, headers: [("ce_source", source)], value: Array(value.utf8), partition: place)
    }

    func deadLetters() throws -> [SimulatedRecord] {
        try rig.records(of: .deadLetters(of: .ingressGateway))
    }

    func count(_ outcome: String) -> Int64? {
        rig.registry.value(of: "pointstream_intake_total", labels: [(name: "outcome", value: outcome)])
    }
}
