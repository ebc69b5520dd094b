// Mappings of foreign records: which are refused and where, and what the accepted ones mean.

import Configuration
import JSONText
import Primitives
import Testing

private let delimited = """
    {"kind":"source","id":"cdnow","openWallets":true,"repeatWindowDays":36500,"mapping":{"format":"delimited",
    "delimiter":"spaces","columns":["customer","date","count","value"],"fields":{
    "externalId":{"column":"customer"},"occurredAt":{"column":"date","date":"yyyyMMdd"},
    "unit":{"constant":"cdnow.com"},"currency":{"constant":"USD"},
    "total":{"column":"value","decimalComma":true},
    "lines":[{"sku":{"constant":"cd"},"quantity":{"column":"count"},"total":{"column":"value"}}]}}}
    """
private let json = """
    {"kind":"source","id":"till","mapping":{"format":"json","fields":{
    "externalId":{"pointer":"/customer/id"},"occurredAt":{"pointer":"/at"},"unit":{"pointer":"/shop~1unit"},
    "currency":{"pointer":"/sum/currency"},"total":{"pointer":"/sum/amounts/1"},
    "classification":{"pointer":"/~0class"}}}}
    """

@Suite struct `Source mappings` {
    @Test(arguments: [
        DocumentCase("no mapping", #"{"kind":"source","id":"shop"}"#),
        DocumentCase("columns", delimited),
        DocumentCase("JSON", json),
        DocumentCase("window", delimited, ["36500": "0"], ["/repeatWindowDays range"]),
        DocumentCase(
            "unknown delimiter", delimited, ["\"spaces\"": "\":\""], ["/mapping/delimiter unknown-value"]),
        DocumentCase(
            "quotes between spaces", delimited, ["\"columns\"": "\"quoted\":true,\"columns\""],
            ["/mapping/quoted not-applicable"]),
        DocumentCase(
            "repeated column", delimited, ["\"count\",\"value\"]": "\"date\",\"value\",\"count\"]"],
            ["/mapping/columns/2 duplicate"]),
        DocumentCase(
            "missing fields are named", delimited,
            [#""externalId":{"column":"customer"},"#: "", #""currency":{"constant":"USD"},"#: ""],
            ["/mapping/fields/externalId missing", "/mapping/fields/currency missing"]),
        DocumentCase(
            "unknown column", delimited, [#""count","value"]"#: #""count"]"#],
            [
                "/mapping/fields/total/column unknown-column",
                "/mapping/fields/lines/0/total/column unknown-column",
            ]),
        DocumentCase(
            "two places", delimited, [#""constant":"cd""#: #""constant":"cd","column":"date""#],
            ["/mapping/fields/lines/0/sku not-applicable"]),
        DocumentCase(
            "no place", delimited, [#"{"constant":"cdnow.com"}"#: "{}"], ["/mapping/fields/unit missing"]),
        DocumentCase(
            "pointer into columns", delimited, [#"{"column":"customer"}"#: #"{"pointer":"/a"}"#],
            ["/mapping/fields/externalId/pointer not-applicable"]),
        DocumentCase(
            "column of JSON", json, [#"{"pointer":"/at"}"#: #"{"column":"at"}"#],
            ["/mapping/fields/occurredAt/column not-applicable"]),
        DocumentCase(
            "no pointer", json, ["/at": "at", "~1unit": "~2unit"],
            ["/mapping/fields/occurredAt/pointer pointer", "/mapping/fields/unit/pointer pointer"]),
        DocumentCase(
            "constant currency", delimited, ["\"USD\"": "\"US$\""],
            ["/mapping/fields/currency/constant unknown-currency"]),
        DocumentCase(
            "form of date", delimited, ["yyyyMMdd": "ddMMyyyy"],
            ["/mapping/fields/occurredAt/date unknown-value"]),
        DocumentCase(
            "date of a number", delimited, [#""column":"count""#: #""column":"count","date":"yyyyMMdd""#],
            ["/mapping/fields/lines/0/quantity/date not-applicable"]),
        DocumentCase(
            "constant count", delimited,
            [#""quantity":{"column":"count"}"#: #""quantity":{"constant":"1.5"}"#],
            ["/mapping/fields/lines/0/quantity/constant type"]),
        DocumentCase(
            "line without amount", delimited, [#","total":{"column":"value"}}]"#: "}]"],
            ["/mapping/fields/lines/0/total missing"]),
        DocumentCase(
            "columns of JSON", json, [#""format":"json""#: #""format":"json","columns":["a"]"#],
            ["/mapping/columns not-applicable"]),
    ]) func `are checked when the source is configured`(row: DocumentCase) { row.check() }

    @Test func `columns are known by their index`() throws {
        guard case .source(let source) = try parsed(delimited), let mapping = source.mapping else { return }
        #expect(mapping.fields.total == FieldMapping(.column(name: "value", index: 3), decimalComma: true))
        #expect(mapping.fields.occurredAt == FieldMapping(.column(name: "date", index: 1), date: .compact))
        #expect(mapping.fields.lines.map(\.quantity) == [FieldMapping(.column(name: "count", index: 2))])
        #expect(source.repeatWindowMilliseconds == 36_500 * 86_400_000)
        #expect(source.futureToleranceMinutes == 5)
    }

    @Test func `pointers find keys with escapes, items of arrays, and nothing else`() throws {
        let document = try JSONDocument(parsing: Array(#"{"a/b":{"~":[10,20]},"":1}"#.utf8))
        func found(_ pointer: String) -> Int64? { JSONPointer(pointer)?.value(in: document.root)?.int64 }
        #expect(found("/a~1b/~0/1") == 20)
        #expect(found("/") == 1)
        for absent in ["/a~1b/~0/2", "/a~1b/~0/01", "/a~1b/~0/-", "/a", "/a~1b/~0/1/0"] {
            #expect(found(absent) == nil, "\(absent)")
        }
    }

    @Test(
        arguments: [(DateForm, String, String?)]([
            (.compact, "19970101", "1997-01-01T00:00:00.000Z"), (.compact, "19970229", nil),
            (.compact, "1997-01-01", nil), (.compact, "1997010a", nil),
            (.dashed, "2026-12-31", "2026-12-31T00:00:00.000Z"),
            (.dashed, "2026/12/31", nil), (.dashed, "20261231", nil), (.dashed, "2026-12-31T", nil),
            (.rfc3339, "2026-12-31T01:00:00+01:00", "2026-12-31T00:00:00.000Z"),
            (.rfc3339, "2026-12-31", nil),
        ])) func `dates have one form each, and one alone is its first moment in UTC`(
            form: DateForm, text: String, time: String?
        )
    {
        #expect(form.timestamp(from: text.utf8)?.description == time)
    }
}
