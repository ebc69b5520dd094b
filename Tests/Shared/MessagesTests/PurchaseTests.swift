import JSONText
import Messages
import Testing

@Suite("Purchase")
struct PurchaseTests {
    private func read(
        currency: String = "USD", total: String? = nil, state: String? = nil, lines: String
    ) throws(MessageFailure) -> Purchase {
        let total = total.map { #","total":\#($0)"# } ?? ""
        let state = state.map { #","state":\#($0)"# } ?? ""
        let text = #"""
            {"type":"purchase","externalId":"a","occurredAt":"2026-11-01T10:00:00Z","unit":"u",
             "currency":"\#(currency)"\#(total)\#(state),"lines":[\#(lines)]}
            """#
        return try Purchase.decode(Array(text.utf8))
    }

    private func code(_ body: () throws(MessageFailure) -> Purchase) -> String? {
        do throws(MessageFailure) {
            _ = try body()
            return nil
        } catch {
            return error.code
        }
    }

    @Test func `O40 a line without a quantity has one, zero, negative and broken ones are refused`() throws {
        #expect(try read(lines: #"{"sku":"s","netAmount":2.50}"#).lines.map(\.quantity) == [1])
        #expect(try read(lines: #"{"sku":"s","quantity":3,"netAmount":2.50}"#).lines.map(\.quantity) == [3])
        for quantity in ["0", "-1", "1.5", "1e0", #""1""#, "1000001"] {
            let line = #"{"sku":"s","quantity":\#(quantity),"netAmount":1}"#
            #expect(code { () throws(MessageFailure) in try read(lines: line) } != nil, "\(quantity)")
        }
    }

    @Test(arguments: [
        ("USD", "3", "0.10", "0.05", Int64(35)), ("USD", "7", "0.29", "0", 203), ("USD", "1", "0", "0", 0),
        ("USD", "1000000", "9999.99", "0.01", 999_999_000_001), ("JPY", "3", "100", "30", 330),
        ("KWD", "2", "1.005", "0.001", 2_011),
    ])
    func `O41 a line's total is quantity times net amount plus VAT, exactly`(
        _ currency: String, _ quantity: String, _ net: String, _ vat: String, _ total: Int64
    ) throws {
        let line = #"{"sku":"s","quantity":\#(quantity),"netAmount":\#(net),"vat":\#(vat)}"#
        let purchase = try read(currency: currency, lines: line)
        #expect(purchase.lines.map(\.total) == [total])
        #expect(purchase.total == total)
    }

    @Test func `O41 a stated total that differs, too many places and an overflow are refused`() {
        let cases = [
            ("USD", #"{"sku":"s","quantity":2,"netAmount":1.50,"vat":0.1,"total":3.11}"#, "inconsistent-total"),
            ("USD", #"{"sku":"s","netAmount":1.005}"#, "scale"), ("JPY", #"{"sku":"s","netAmount":1.5}"#, "scale"),
            ("USD", #"{"sku":"s","quantity":1000000,"netAmount":9999999999999.99}"#, "range"),
        ]
        for (currency, line, due) in cases {
            #expect(code { () throws(MessageFailure) in try read(currency: currency, lines: line) } == due)
        }
        let lines = #"{"sku":"s","netAmount":1},{"sku":"t","netAmount":2}"#
        #expect(code { () throws(MessageFailure) in try read(total: "3.01", lines: lines) } == "inconsistent-total")
        #expect(code { () throws(MessageFailure) in try read(total: "3", lines: lines) } == nil)
    }

    @Test func `O32 an event is created as posted, any other state is refused`() {
        let line = #"{"sku":"s","netAmount":1}"#
        #expect(code { () throws(MessageFailure) in try read(lines: line) } == nil)
        #expect(code { () throws(MessageFailure) in try read(state: #""posted""#, lines: line) } == nil)
        for state in [#""cancelled""#, #""Posted""#, "1", #""""#] {
            #expect(code { () throws(MessageFailure) in try read(state: state, lines: line) } != nil, "\(state)")
        }
    }
}
