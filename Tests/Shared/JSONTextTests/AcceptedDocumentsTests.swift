// What is read out of a right document: text, exact numbers, members, places.

import JSONText
import Primitives
import Testing

func parse(_ text: String) throws -> JSONValue {
    try JSONDocument(parsing: Array(text.utf8)).root
}

@Suite struct `Accepted documents` {
    @Test(arguments: [
        (#""plain""#, "plain"), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"), (#""\u00e9\u20AC""#, "é€"),
        (#""\ud83d\ude00 and 😀""#, "😀 and 😀"), (#""\u001f""#, "\u{1f}"),
        ("\"\u{7f}\u{10ffff}\"", "\u{7f}\u{10ffff}"),
        (#""""#, ""), (#""<b>&{{x}}'; DROP TABLE""#, "<b>&{{x}}'; DROP TABLE"),
    ])
    func `give back their text`(_ json: String, _ text: String) throws {
        let value = try parse("\u{feff} \(json)\n")
        #expect(value.kind == .string)
        #expect(value.string() == text)
        #expect(value.stringBytes.map(Array.init) == Array(text.utf8))
        #expect(value.isText(text))
        #expect(!value.isText(text + "x"))
    }

    @Test(
        arguments: [
            ("0", 0, 0, 0), ("-0", 0, 0, 0), ("-0.00", 0, 2, nil), ("117.70", 11770, 2, nil),
            ("-12.5", -125, 1, nil),
            ("9007199254740993", 9_007_199_254_740_993, 0, 9_007_199_254_740_993),
            ("9223372036854775807", .max, 0, .max), ("-9223372036854775807", -.max, 0, -.max),
            ("999999999999999999", 999_999_999_999_999_999, 0, 999_999_999_999_999_999),
            ("1.0", 10, 1, nil), ("1e3", 1000, 0, nil), ("2.5E+1", 25, 0, nil), ("25e-1", 25, 1, nil),
            ("0.000000000000000001", 1, 18, nil), ("0e400", 0, 0, nil),
        ] as [(String, Int64, Int, Int64?)])
    func `give back their numbers exactly`(_ json: String, _ mantissa: Int64, _ scale: Int, _ integer: Int64?)
        throws
    {
        let value = try parse("[\(json)]").items.map { $0 }[0]
        #expect(value.decimal == ExactDecimal(mantissa: mantissa, scale: scale))
        #expect(value.int64 == integer)
        #expect(value.string() == nil)
    }

    @Test func `are walked by key, by member and by item`() throws {
        let json = #"{"id":"é","n\u0061me":[1,{"deep":true},[]],"none":null,"last":false} "#
        let root = try parse(json)
        #expect(root.members.map(\.key) == ["id", "name", "none", "last"])
        #expect(root.count == 4)
        #expect(root["name"]?.items.map(\.kind) == [.number, .object, .array])
        #expect(root["name"]?.items.map(\.count) == [0, 1, 0])
        #expect(root["last"]?.bool == false)
        #expect(root["none"]?.isNull == true)
        #expect(root["deep"] == nil)
        #expect(root["nam"] == nil)
        #expect(root["id"]?["x"] == nil)
        #expect(root["last"]?.members.map(\.key).isEmpty == true)
    }

    @Test func `know where each value lies`() throws {
        let json = #" {"a/b":[10, {"~":"x\n"}],"z":{}}"#
        let root = try parse(json)
        let inner = try #require(root["a/b"]?.items.map { $0 }[1]["~"])
        #expect(inner.pointer == "/a~1b/1/~0")
        #expect(String(decoding: inner.rawBytes, as: UTF8.self) == #""x\n""#)
        #expect(root["z"]?.pointer == "/z")
        #expect(root["z"]?.rawRange == json.utf8.count - 3..<json.utf8.count - 1)
        #expect(root.pointer == "")
        #expect(root.rawRange == 1..<json.utf8.count)
    }

    @Test func `may have as many different keys as an object takes`() throws {
        let keys = (0..<256).map { "key-\($0)" }
        let root = try parse("{" + keys.map { "\"\($0)\":\"\($0)!\"" }.joined(separator: ",") + "}")
        for key in keys { #expect(root[key]?.string() == key + "!") }
        #expect(root["key-256"] == nil)
    }
}
