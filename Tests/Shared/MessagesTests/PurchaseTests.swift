import JSONText
import Messages
import Primitives
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

    /// The field that a refusal names first, and why.
    private func problem(_ body: () throws(MessageFailure) -> Purchase) -> String? {
        do throws(MessageFailure) {
            _ = try body()
            return nil
        } catch {
            guard case .fields(let problems) = error else { return error.code }
            return problems.first.map { "\($0.pointer) \($0.code)" }
        }
    }

    @Test func `a line and a purchase that come to more than an amount may be are refused, and the field is named`() {
        let most = Money.maximumMinorUnits
        func problem(_ lines: String, total: String? = nil) -> String? {
            self.problem { () throws(MessageFailure) in try read(currency: "JPY", total: total, lines: lines) }
        }
        #expect(problem(#"{"sku":"s","netAmount":\#(most)}"#) == nil)
        #expect(problem(#"{"sku":"s","netAmount":\#(most),"vat":1}"#) == "/lines/0/total range")
        #expect(problem(#"{"sku":"s","netAmount":1,"vat":\#(most)}"#) == "/lines/0/total range")
        let half = #"{"sku":"s","quantity":2,"netAmount":\#(most / 4)}"#
        #expect(problem(half + "," + half) == nil)
        #expect(problem(half + "," + half + #",{"sku":"t","netAmount":1}"#) == "/total range")
        #expect(problem(half + "," + half + "," + half, total: "\(most)") == "/total inconsistent-total")
    }

    @Test(arguments: [61, 62, 63] as [UInt64])
    func `what is read is read again from what is written, up to the bounds`(_ seed: UInt64) {
        var draw = Draw(seed: seed)
        var (taken, refused) = (0, 0)
        let most = Money.maximumMinorUnits
        for _ in 0..<1_000 {
            let lines = draw.list(3) { draw in
                let quantity = draw.one(of: [1, 2, 1_000, Purchase.maximumQuantity])
                let net = draw.one(of: [0, 1, most / quantity / 2, most / quantity])
                let vat = draw.one(of: [0, 1, most - net * quantity, most / 2, most])
                return #"{"sku":"s","quantity":\#(quantity),"netAmount":\#(net),"vat":\#(vat)}"#
            }
            let total = lines.isEmpty ? "\(draw.amount())" : nil
            let text = lines.joined(separator: ",")
            let read = try? self.read(currency: "JPY", total: total, lines: text)
            guard let read else {
                refused += 1
                continue
            }
            taken += 1
            var writer = JSONWriter()
            read.encode(to: &writer)
            #expect((try? Purchase.decode(writer.bytes)) == read, "\(text)")
        }
        #expect(taken > 100 && refused > 100)
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
