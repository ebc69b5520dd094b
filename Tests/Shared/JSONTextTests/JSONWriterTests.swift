// What the writer writes, byte for byte.

import JSONText
import Primitives
import Testing

@Suite struct `The writer` {
    @Test func `puts commas, escapes and exact numbers into compact JSON`() throws {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key(text: "te\"xt")
        writer.string("a\"b\\c/\n\r\t\u{8}\u{c}\u{1}\u{1f}é😀")
        writer.field("min", Int64.min)
        writer.field("zero", 0)
        writer.field("cents", ExactDecimal(mantissa: -5, scale: 2))
        writer.field("price", ExactDecimal(mantissa: 1170, scale: 2))
        writer.field("least", ExactDecimal(mantissa: -.max, scale: 18))
        writer.field("id", hex: 0xff << 120 | 0xa)
        writer.field("time", Timestamp(milliseconds: 1_000))
        writer.field("yes", true)
        writer.nullField("none")
        writer.key("utf8")
        writer.string(utf8: [0x61, 0x22, 0xff, 0x62])
        writer.array("items") { items in
            items.beginObject()
            items.endObject()
            items.beginArray()
            items.integer(1)
            items.integer(2)
            items.endArray()
            items.raw(Array("[ 3 ]".utf8))
        }
        writer.object("empty") { _ in }
        writer.endObject()
        #expect(writer.isComplete)
        #expect(
            String(decoding: writer.bytes, as: UTF8.self) == #"{"te\"xt":"a\"b\\c/\n\r\t\b\f\u0001\u001fé😀","#
                + #""min":-9223372036854775808,"zero":0,"cents":-0.05,"price":11.70,"#
                + #""least":-9.223372036854775807,"#
                + #""id":"ff00000000000000000000000000000a","time":"1970-01-01T00:00:01.000Z","#
                + #""yes":true,"none":null,"#
                + #""utf8":"a\"\#u{fffd}b","items":[{},[1,2],[ 3 ]],"empty":{}}"#)
    }

    @Test func `escapes what has to be, at every place of texts of every length`() {
        for escape: (text: String, written: String) in [("\"", #"\""#), ("\\", #"\\"#), ("\u{1f}", #"\u001f"#)] {
            for length in 0..<20 {
                for place in 0...length {
                    let before = String(repeating: "é", count: place)
                    let after = String(repeating: "a", count: length - place)
                    var writer = JSONWriter(capacity: 0)
                    writer.beginObject()
                    writer.field("text", before + escape.text + after)
                    writer.key("utf8")
                    writer.string(utf8: Array((after + escape.text + before).utf8))
                    writer.field("plain", before + after)
                    writer.endObject()
                    let due =
                        #"{"text":""# + before + escape.written + after + #"","#
                        + #""utf8":""# + after + escape.written + before + #"","plain":""# + before + after + #""}"#
                    #expect(String(decoding: writer.bytes, as: UTF8.self) == due)
                }
            }
        }
    }

    @Test func `starts over after clear, at any point`() {
        var writer = JSONWriter()
        writer.beginArray()
        writer.beginObject()
        writer.key("ab")
        #expect(!writer.isComplete)
        writer.clear()
        writer.bool(false)
        #expect(writer.bytes == Array("false".utf8))
    }

    @Test func `stops the process at a value without its key`() async {
        await #expect(processExitsWith: .failure) {
            var writer = JSONWriter()
            writer.beginObject()
            writer.integer(1)
        }
        await #expect(processExitsWith: .failure) {
            var writer = JSONWriter()
            writer.beginArray()
            writer.key("ab")
        }
    }
}
