// Which problems the fields of an object have: every one of them, in one pass, with pointers from the root.

import JSONText
import Primitives
import Testing

private enum Medium: String, CaseIterable { case card, cash }

@Suite struct `A field reader` {
    @Test func `reads what is right without a problem`() throws {
        var reader = FieldReader(
            try parse(
                #"""
                {"name":"Zoë 😀","id":"M-1_é","n":7,"rate":"0.29","total":-0,
                 "time":"2026-11-21T10:30:00+01:00",
                 "on":true,"by":"cash","key":"0123456789abcdef0123456789abcdef",
                 "in":{"x":1},"lines":[1,2],"no":null}
                """#))
        // Asked in another order than written, so that looking ahead has to wrap.
        #expect(reader.array("lines", maximum: 2)?.map(\.int64) == [1, 2])
        #expect(reader.text("name", maximum: 9) == "Zoë 😀")
        #expect(reader.identifier("id", maximum: 10) == "M-1_é")
        #expect(reader.hex("key") == 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef)
        #expect(reader.integer("n", in: 7...7) == 7)
        #expect(reader.decimal("rate") == ExactDecimal(mantissa: 29, scale: 2))
        #expect(reader.decimal("total", in: .zero ... .zero) == .zero)
        #expect(reader.timestamp("time") == Timestamp(rfc3339: "2026-11-21T09:30:00Z"))
        #expect(reader.bool("on") == true)
        #expect(reader.choice("by", of: Medium.self) == .cash)
        #expect(reader.object("in")?["x"]?.int64 == 1)
        #expect(reader.text("no", required: false, maximum: 5) == nil)
        #expect(reader.text("absent", required: false, maximum: 5) == nil)
        #expect(reader.problems == [])
    }

    @Test func `lists every problem of nested objects at once`() throws {
        let root = try parse(#"{"lines":[{"q":"2"},{"q":0,"p":"a/b"},{"q":1,"p":"ok"},7],"total":1}"#)
        var reader = FieldReader(root)
        for line in reader.array("lines", maximum: 9) ?? [] {
            var nested = FieldReader(line)
            _ = nested.integer("q", in: 1...5)
            _ = nested.identifier("p", maximum: 5)
            reader.merge(nested)
        }
        _ = reader.text("curr~ency", maximum: 3)
        reader.report("total", code: "inconsistent-total", detail: "")
        #expect(
            reader.problems.map { "\($0.pointer) \($0.code)" } == [
                "/lines/0/q type", "/lines/0/p missing", "/lines/1/q range", "/lines/1/p charset",
                "/lines/3 type",
                "/curr~0ency missing", "/total inconsistent-total",
            ])
    }

    @Test(arguments: [
        (#""x""#, "type"), ("true", "type"), ("1.0", "type"), ("1e3", "type"), ("null", "missing"),
        ("-1", "range"),
        ("101", "range"), ("[1]", "type"),
    ])
    func `takes only digits within the range for an integer`(_ json: String, _ code: String) throws {
        var reader = FieldReader(try parse(#"{"f":\#(json)}"#))
        #expect(reader.integer("f", in: 0...100) == nil)
        #expect(reader.problems.map(\.code) == [code])
    }

    @Test(
        arguments: [
            (#""""#, "empty", "empty"), (#""   ""#, "empty", "empty"), (#""\u00a0\u3000""#, "empty", "empty"),
            (#""12345678901""#, "too-long", "too-long"), (#""ééééé1""#, "too-long", "too-long"),
            (#""a\nb""#, "charset", "charset"), (#""a\u007fb""#, "charset", "charset"),
            (#""a\u0085b""#, "charset", "charset"), (#""a\u202eb""#, "charset", "charset"),
            (#""a\u2067b""#, "charset", "charset"), (#""a/b""#, nil, "charset"), (#""a\\b""#, nil, "charset"),
            (#""a b""#, nil, "charset"), (#""a\u00a0b""#, nil, "charset"), (#""a\u200bb""#, nil, "charset"),
            (#""\t""#, "charset", "charset"), ("5", "type", "type"), (#""é-1""#, nil, nil),
        ] as [(String, String?, String?)])
    func `refuses text and identifiers by length and character`(
        _ json: String, _ textCode: String?, _ identifierCode: String?
    ) throws {
        var text = FieldReader(try parse(#"{"f":\#(json)}"#))
        var identifier = text
        #expect((text.text("f", maximum: 10) == nil) == (textCode != nil))
        #expect(text.problems.first?.code == textCode)
        #expect((identifier.identifier("f", maximum: 10) == nil) == (identifierCode != nil))
        #expect(identifier.problems.first?.code == identifierCode)
    }

    @Test(
        arguments: [
            ([], "empty"), ([0x20], "empty"), (Array(repeating: 0x78, count: 11), "too-long"),
            (Array("a/b".utf8), "charset"), (Array("a b".utf8), "charset"), ([0x61, 0, 0x62], "charset"),
            ([0x61, 0xff], "charset"), (Array("é-1".utf8), nil), (Array("a.b_c-10".utf8), nil),
        ] as [([UInt8], String?)])
    func `holds an identifier outside a document to the same rules`(_ bytes: [UInt8], _ code: String?) {
        do throws(FieldProblem) {
            let text = try identifier(bytes[...], maximum: 10, name: "header")
            #expect(code == nil && Array(text.utf8) == bytes)
        } catch {
            #expect(error.code == code && error.pointer == "header")
        }
    }

    @Test func `says what is wrong with the other kinds`() throws {
        var reader = FieldReader(
            try parse(
                #"""
                {"amount":"1,5","huge":"1e400","bare":"2026-11-21","word":"Cash","flag":1,
                 "short":"a","many":[1,2],
                 "extra":0,"id":"0123456789ABCDEF0123456789abcdef"}
                """#))
        #expect(reader.decimal("amount") == nil)
        #expect(reader.decimal("huge") == nil)
        #expect(reader.timestamp("bare") == nil)
        #expect(reader.choice("word", of: Medium.self, code: "unknown-medium") == nil)
        #expect(reader.bool("flag") == nil)
        #expect(reader.text("short", maximum: 9, minimum: 2) == nil)
        #expect(reader.array("many", maximum: 1) == nil)
        #expect(reader.hex("id") == nil)
        reader.refuseOthers(than: ["amount", "huge", "bare", "word", "flag", "short", "many", "id"])
        #expect(
            reader.problems.map { "\($0.pointer) \($0.code)" } == [
                "/amount type", "/huge range", "/bare date", "/word unknown-medium", "/flag type",
                "/short too-short", "/many too-many-items", "/id charset", "/extra unknown-field",
            ])
        #expect(reader.problems.first { $0.code == "unknown-medium" }?.detail.contains("card, cash") == true)
    }

    @Test func `over something else than an object has one problem`() throws {
        var reader = FieldReader(try parse("[1]"))
        #expect(reader.text("a", maximum: 1) == nil)
        #expect(reader.problems.map(\.code) == ["type"])
    }

    @Test func `stops listing at its bound`() throws {
        var reader = FieldReader(try parse("{}"))
        for _ in 0..<300 { _ = reader.bool("a") }
        var outer = FieldReader(reader.value)
        outer.merge(reader)
        outer.merge(reader)
        #expect(outer.problems.count == FieldReader.maximumProblems)
    }
}
