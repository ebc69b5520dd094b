// Hex digits, words and currencies read by their bytes, and times in the written form, against the plain ways.

import Primitives
import Testing

@Suite struct `Digits and words` {
    @Test func `hex digits are lower-case and complete, at every place`() {
        let digits = Array("0123456789abcdef0123456789abcdef".utf8)
        #expect(parseHex(digits) == 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef)
        for at in digits.indices {
            for byte in UInt8.min...UInt8.max {
                var changed = digits
                changed[at] = byte
                let isDigit = (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
                let due = isDigit ? UInt128(String(decoding: changed, as: UTF8.self), radix: 16) : nil
                #expect(parseHex(changed) == due)
            }
        }
        #expect(parseHex(digits.dropLast()) == nil)
        #expect(parseHex(digits + [0x30]) == nil)
        #expect(parseHex(digits.reversed().lazy.map { $0 }) == 0xfedc_ba98_7654_3210_fedc_ba98_7654_3210)
    }

    @Test(arguments: ["2026-11-21T09:30:05.120Z", "2024-02-29T23:59:59Z"])
    func `a time in the written form is read as in any other form`(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(written(bytes) != nil)
        for at in bytes.indices {
            for byte in UInt8.min...UInt8.max {
                var changed = bytes
                changed[at] = byte
                // With an offset of nothing instead of Z the same time is in a form that is not the written one.
                let other = Array((String(decoding: changed.dropLast(), as: UTF8.self) + "+00:00").utf8)
                let due = changed.last == UInt8(ascii: "Z") ? Timestamp(rfc3339: other) : nil
                if let time = written(changed) { #expect(time == due) }
                if changed.last == UInt8(ascii: "Z") { #expect(Timestamp(rfc3339: changed) == due) }
            }
        }
        #expect(written(bytes.dropLast()) == nil)
    }

    private func written(_ bytes: [UInt8]) -> Timestamp? { Timestamp(written: bytes.span) }

    private enum Word: String, CaseIterable {
        case a, ab, abc
        case longest = "fifteen.letters"
        case dashed = "ab-c"
    }

    @Test func `words are found in exactly their spelling`() {
        let table = WordTable<Word>()
        func word(_ text: String) -> Word? { table[text.utf8.span] }
        for known in Word.allCases {
            #expect(word(known.rawValue) == known)
            for other in [known.rawValue + "x", "x" + known.rawValue, known.rawValue.uppercased()] {
                #expect(word(other) == nil)
            }
        }
        #expect(word("") == nil)
        #expect(word("ac") == nil)
        #expect(word("sixteen.letters.") == nil)
    }

    @Test func `currencies are found by their three letters`() {
        #expect(Currency("USD")?.code == "USD")
        #expect([Currency("JPY"), Currency("EUR"), Currency("KWD")].map { $0?.exponent } == [0, 2, 3])
        for code in ["", "US", "USDX", "usd", "US ", "ÄB", "ZZZ", "AAA", "@@@", "[[["] {
            #expect(Currency(code) == nil)
        }
    }

    @Test func `literals are compared to their last byte`() {
        let text = Array("xx,\"occurredAt\":yy".utf8)
        func has(_ literal: StaticString, at index: Int) -> Bool { text.span.has(literal, at: index) }
        #expect(has(",\"occurredAt\":", at: 2))
        #expect(!has(",\"occurredAs\":", at: 2))
        #expect(!has(",\"occurredAt\":", at: 1))
        #expect(has("xx", at: 0))
        #expect(has(":yy", at: 15))
        #expect(!has(":yyz", at: 15))
        #expect(!has("yy", at: 17))
        #expect(!has("yy", at: -1))
    }
}
