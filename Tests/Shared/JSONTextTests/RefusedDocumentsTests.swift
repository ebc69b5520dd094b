// Which documents are refused, with which code and at which place: the rows of RELIABILITY 4.7 and their
// relatives.

import JSONText
import Testing

struct Refused: Sendable, CustomTestStringConvertible {
    let text: String
    let code: JSONError.Code
    let line: Int
    let column: Int
    let pointer: String
    var testDescription: String { text }

    init(_ text: String, _ code: JSONError.Code, _ line: Int, _ column: Int, _ pointer: String = "") {
        (self.text, self.code, self.line, self.column, self.pointer) = (text, code, line, column, pointer)
    }
}

func refusal(of bytes: [UInt8], limits: JSONLimits = .standard) -> JSONError? {
    do throws(JSONError) {
        _ = try JSONDocument(parsing: bytes, limits: limits)
        return nil
    } catch {
        return error
    }
}

private let grammar: [Refused] = [
    Refused("", .emptyBody, 1, 1),
    Refused(" \n\t ", .emptyBody, 2, 3),
    Refused("\u{feff}", .emptyBody, 1, 1),
    Refused("purchase", .invalidJSON, 1, 1),
    Refused(#"{"a":[1,{"b":"#, .invalidJSON, 1, 14, "/a/1/b"),
    Refused(#"{"a":"xy"#, .invalidJSON, 1, 9, "/a"),
    Refused(#"{"a":1"#, .invalidJSON, 1, 7),
    Refused("tru", .invalidJSON, 1, 1),
    Refused(#"{"a":1} x"#, .invalidJSON, 1, 9),
    Refused("{}\n{}", .invalidJSON, 2, 1),
    Refused(#"{"a":1,}"#, .invalidJSON, 1, 8),
    Refused("[1,\n 2,\n]", .invalidJSON, 3, 1, "/2"),
    Refused("[1 2]", .invalidJSON, 1, 4),
    Refused("[,1]", .invalidJSON, 1, 2, "/0"),
    Refused("{\n  // note\n}", .invalidJSON, 2, 3),
    Refused("{'a':1}", .invalidJSON, 1, 2),
    Refused("{a:1}", .invalidJSON, 1, 2),
    Refused(#"{"a" 1}"#, .invalidJSON, 1, 6, "/a"),
    Refused(#"{"a":}"#, .invalidJSON, 1, 6, "/a"),
    Refused("[1}", .invalidJSON, 1, 3),
    Refused("]", .invalidJSON, 1, 1),
    Refused("[NaN]", .invalidJSON, 1, 2, "/0"),
    Refused("[-Infinity]", .invalidJSON, 1, 3, "/0"),
    Refused("[01]", .invalidJSON, 1, 2, "/0"),
    Refused("[-01]", .invalidJSON, 1, 3, "/0"),
    Refused("[+1]", .invalidJSON, 1, 2, "/0"),
    Refused("[.5]", .invalidJSON, 1, 2, "/0"),
    Refused("[1.]", .invalidJSON, 1, 4, "/0"),
    Refused("[1e]", .invalidJSON, 1, 4, "/0"),
    Refused("-", .invalidJSON, 1, 2),
    Refused("[\"a\tb\"]", .invalidJSON, 1, 4, "/0"),
    Refused(#"["\x"]"#, .invalidJSON, 1, 3, "/0"),
    Refused(#"["\u00g0"]"#, .invalidJSON, 1, 3, "/0"),
    Refused(#"["\u00"#, .invalidJSON, 1, 3, "/0"),
    // The column counts characters: é and the emoji are one each.
    Refused("{\"é😀\":\n\"😀é\" x}", .invalidJSON, 2, 6),
]

private let values: [Refused] = [
    Refused(#"{"a":1,"b":2,"a":3}"#, .duplicateKey, 1, 14, "/a"),
    Refused(#"{"o":[0,{"a":1,"\u0061":2}]}"#, .duplicateKey, 1, 16, "/o/1/a"),
    Refused(#"{"x/y~":1,"x\/y~":2}"#, .duplicateKey, 1, 11, "/x~1y~0"),
    Refused(#"{"é":1,"\u00e9":2}"#, .duplicateKey, 1, 8, "/é"),
    Refused(#"{"😀":1,"\ud83d\ude00":2}"#, .duplicateKey, 1, 8, "/😀"),
    Refused(#"{"t":1e400}"#, .numberOutOfRange, 1, 6, "/t"),
    Refused("[9223372036854775808]", .numberOutOfRange, 1, 2, "/0"),
    Refused("[-9223372036854775808]", .numberOutOfRange, 1, 2, "/0"),
    Refused("[0.1234567890123456789]", .numberOutOfRange, 1, 2, "/0"),
    Refused("[1e-19]", .numberOutOfRange, 1, 2, "/0"),
    Refused(#"{"a":"x\u0000"}"#, .nulCharacter, 1, 8, "/a"),
    Refused("{\"a\":\"x\u{0}\"}", .nulCharacter, 1, 8, "/a"),
    Refused(#"["\ud83d"]"#, .invalidEncoding, 1, 3, "/0"),
    Refused(#"["\ud83dx"]"#, .invalidEncoding, 1, 3, "/0"),
    Refused(#"["\ud83d\u0041"]"#, .invalidEncoding, 1, 3, "/0"),
    Refused(#"["\ude00\ud83d"]"#, .invalidEncoding, 1, 3, "/0"),
]

@Suite struct `Refused documents` {
    @Test(arguments: grammar + values)
    func `carry a code, a place and a pointer`(_ row: Refused) throws {
        let error = try #require(refusal(of: Array(row.text.utf8)))
        #expect(error.code == row.code, "\(error)")
        #expect([error.line, error.column] == [row.line, row.column], "\(error)")
        #expect(error.pointer == row.pointer, "\(error)")
    }

    @Test(
        arguments: [
            [0xff], [0xc3], [0xc0, 0xaf], [0xc1, 0xbf], [0xe0, 0x80, 0xaf], [0xe2, 0x82], [0xed, 0xa0, 0x80],
            [0xed, 0xbf, 0xbf], [0xf0, 0x80, 0x80, 0xaf], [0xf0, 0x9f, 0x98], [0xf4, 0x90, 0x80, 0x80],
            [0x80],
            [0xf5, 0x80, 0x80, 0x80], [0xc3, 0x28],
        ] as [[UInt8]])
    func `include every form of wrong UTF-8, in a value, in a key and bare`(_ bytes: [UInt8]) {
        let quoted = [UInt8(ascii: "\"")] + bytes + [UInt8(ascii: "\"")]
        #expect(refusal(of: Array("[\"\",".utf8) + quoted + Array("]".utf8))?.code == .invalidEncoding)
        #expect(refusal(of: Array("{".utf8) + quoted + Array(":1}".utf8))?.code == .invalidEncoding)
        #expect(refusal(of: Array("{  ".utf8) + bytes)?.code == .invalidEncoding)
        #expect(refusal(of: Array("{} ".utf8) + bytes)?.code == .invalidEncoding)
    }

    @Test func `include UTF-16 and UTF-32, with and without a byte order mark`() {
        let text = #"{"a":1}"#
        for before in [true, false] {
            func widened(by zeros: Int) -> [UInt8] {
                let zeros = [UInt8](repeating: 0, count: zeros)
                return text.utf8.reduce(into: []) { $0 += before ? zeros + [$1] : [$1] + zeros }
            }
            let mark: [UInt8] = before ? [0xfe, 0xff] : [0xff, 0xfe]
            let zeros: [UInt8] = [0, 0]
            let wideMark = before ? zeros + mark : mark + zeros
            for bytes in [widened(by: 1), mark + widened(by: 1), widened(by: 3), wideMark + widened(by: 3)] {
                #expect(refusal(of: bytes)?.code == .invalidEncoding)
            }
        }
    }

    @Test func `include too much of anything, and not what is just allowed`() {
        var limits = JSONLimits()
        (limits.depth, limits.bytes, limits.members, limits.items, limits.nodes) = (3, 40, 2, 3, 6)
        func code(_ text: String) -> JSONError.Code? { refusal(of: Array(text.utf8), limits: limits)?.code }
        #expect(code("[[[1]]]") == nil)
        #expect(code(#"[[{"a":[]}]]"#) == .tooDeep)
        #expect(code(#"{"a":1,"b":2}"#) == nil)
        #expect(code(#"{"a":1,"b":2,"c":3}"#) == .tooManyFields)
        #expect(code("[1,2,3]") == nil)
        #expect(code("[1,2,3,4]") == .tooManyItems)
        #expect(code("[[1,2],[3]]") == nil)
        #expect(code("[[1,2],[3,4]]") == .tooLarge)
        #expect(code(String(repeating: " ", count: 38) + "[]") == nil)
        #expect(code(String(repeating: " ", count: 39) + "[]") == .tooLarge)
    }

    @Test func `name the array or object that holds too much`() {
        let items = #"{"lines":["# + Array(repeating: "0", count: 1_001).joined(separator: ",") + "]}"
        #expect(refusal(of: Array(items.utf8))?.pointer == "/lines")
        let fields = (0..<5_000).map { "\"k\($0)\":0" }.joined(separator: ",")
        let error = refusal(of: Array("{\"metadata\":{\(fields)}}".utf8))
        #expect(error?.code == .tooManyFields)
        #expect(error?.pointer == "/metadata")
    }

    @Test(arguments: ["[", #"{"a":"#])
    func `of a million opening brackets end at the depth limit`(_ opening: String) {
        let bytes = Array(String(repeating: opening, count: 1_000_000).utf8)
        var limits = JSONLimits()
        limits.bytes = bytes.count
        let error = refusal(of: bytes, limits: limits)
        #expect(error?.code == .tooDeep)
        #expect(error?.column == 32 * opening.utf8.count + 1)
        let deepest =
            String(repeating: opening, count: 31) + "[]"
            + String(
                repeating: opening == "[" ? "]" : "}", count: 31)
        #expect(refusal(of: Array(deepest.utf8)) == nil)
    }

    @Test func `leave a reused document empty, and its earlier values intact`() throws {
        var document = try JSONDocument(parsing: Array(#"{"a":"first"}"#.utf8))
        let earlier = document.root
        #expect(throws: JSONError.self) { try document.parse(Array("[1,".utf8)) }
        #expect(document.root.isNull)
        try document.parse(Array(#"xx{"a":"second"}yy"#.utf8), in: 2..<16)
        #expect(document.root["a"]?.string() == "second")
        #expect(earlier["a"]?.string() == "first")
    }
}
