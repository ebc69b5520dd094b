// Exact decimals: what is read, what is refused, and products rounded toward minus infinity.

import Primitives
import Testing

private func decimal(_ text: String) throws -> ExactDecimal { try ExactDecimal(text) }

@Suite struct `Exact decimals` {
    @Test(arguments: [
        ("0", "0"), ("-0", "0"), ("-0.50", "-0.50"), ("100", "100"), ("1e3", "1000"), ("1.5e1", "15"),
        ("15e-3", "0.015"),
        ("9223372036854775807", "9223372036854775807"), ("-9223372036854775807", "-9223372036854775807"),
        ("0.000000000000000001", "0.000000000000000001"), ("9.223372036854775807", "9.223372036854775807"),
        ("100e-20", "0.000000000000000001"), ("0e999", "0"),
        ("0.0000000000000000000", "0.000000000000000000"),
        ("1.00000000000000000000000", "1.000000000000000000"),
        ("10.0000000000000000000", "10.00000000000000000"),
    ])
    func `are read and written with every digit`(_ text: String, _ written: String) throws {
        #expect(try decimal(text).description == written)
    }

    @Test(arguments: [
        "", "-", "+1", ".5", "5.", "01", "1_000", "1,5", " 1", "1 ", "1e", "1e+", "NaN", "Infinity", "0x10",
        "--1", "1.2.3",
        "١",
    ])
    func `are refused when malformed`(_ text: String) {
        #expect(throws: ExactDecimal.ParseFailure.malformed) { try decimal(text) }
    }

    @Test(arguments: [
        "9223372036854775808", "-9223372036854775808", "1e19", "1e400", "1e-19", "0.0000000000000000001",
        "92233720368547758.071", "1e99999999999999999999",
    ])
    func `are refused when they cannot be held`(_ text: String) {
        #expect(throws: ExactDecimal.ParseFailure.outOfRange) { try decimal(text) }
    }

    @Test func `multiply without the errors of binary fractions`() throws {
        #expect(try decimal("100").floorProduct(decimal("0.29")) == 29)
        #expect(try decimal("1.15").floorProduct(decimal("100")) == 115)
        #expect(try decimal("4.35").floorProduct(decimal("1"), places: 2) == 435)
        #expect(try decimal("0.7").floorProduct(decimal("0.1"), places: 2) == 7)
        #expect(try decimal("-2.5").floorProduct(decimal("1")) == -3)
        #expect(try decimal("-2.0").floorProduct(decimal("1")) == -2)
        #expect(try decimal("-0.000000000000000001").floorProduct(decimal("0.000000000000000001")) == -1)
        #expect(try decimal("2").floorProduct(decimal("3"), places: 2) == 600)
        #expect(try decimal("9223372036854775807").floorProduct(decimal("2")) == nil)
        #expect(try decimal("9223372036854775807").floorProduct(decimal("1"), places: 18) == nil)
    }

    @Test func `compare by value and are equal as written`() throws {
        let (short, long) = (try decimal("1.5"), try decimal("1.50"))
        #expect(short != long)
        #expect(short.isEqual(to: long))
        #expect(!(short < long) && !(long < short))
        #expect((short...short).contains(long))
        #expect(try decimal("-9223372036854775807") < decimal("0.000000000000000001"))
        #expect(try decimal("0.1") < decimal("9223372036854775807"))
    }

    @Test func `become whole units only when nothing is lost`() throws {
        #expect(try decimal("11.77").units(places: 2) == 1177)
        #expect(try decimal("11.7700").units(places: 2) == 1177)
        #expect(try decimal("11.775").units(places: 2) == nil)
        #expect(try decimal("5").units(places: 0) == 5)
        #expect(try decimal("9223372036854775807").units(places: 1) == nil)
    }
}

@Suite struct `Currencies` {
    @Test func `have the places of ISO 4217, in upper case only`() {
        #expect(Currency("EUR")?.exponent == 2)
        #expect(Currency("JPY")?.exponent == 0)
        #expect(Currency("KWD")?.exponent == 3)
        #expect(Currency("eur") == nil)
        #expect(Currency("") == nil)
    }

    /// Codes of ISO 4217 that no amount can be in: gold and the code for testing have no minor unit, the mark has gone.
    @Test(arguments: ["XAU", "XTS", "DEM", "EURO", "EU"])
    func `are only those that amounts can be in`(_ code: String) {
        #expect(Currency(code) == nil)
    }
}
