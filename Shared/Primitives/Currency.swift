// ISO 4217 currencies and their minor units. A code that is not listed is refused, never guessed.

/// A currency's three-letter code and the decimal places of its minor unit.
public struct Currency: Sendable, Hashable, CustomStringConvertible {
    public let code: String
    public let exponent: Int
    public var description: String { code }

    private init(code: String, exponent: Int) {
        self.code = code
        self.exponent = exponent
    }

    /// - Returns: nil unless `code` is an active ISO 4217 code in upper case.
    public init?(_ code: String) { self.init(utf8: code.utf8.span) }

    /// The code as bytes. Every purchase names one, so that it is found by its place in a table, without a hash.
    public init?(utf8 code: Span<UInt8>) {
        guard let place = Self.place(code), Self.table.numbers[place] > 0 else { return nil }
        self = Self.table.currencies[Int(Self.table.numbers[place]) - 1]
    }

    /// Of three upper-case letters among all such triples.
    private static func place(_ code: Span<UInt8>) -> Int? {
        guard code.count == 3 else { return nil }
        var place = 0
        for at in 0..<3 {
            guard (0x41...0x5a).contains(code[at]) else { return nil }
            place = place * letters + Int(code[at] - 0x41)
        }
        return place
    }

    private static let letters = 26

    private struct Table {
        var currencies: [Currency] = []
        /// By place: 1 + the index of the currency, or 0.
        var numbers = [UInt8](repeating: 0, count: letters * letters * letters)
    }

    private static let table: Table = {
        let byExponent: [Int: String] = [
            0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
            2: """
            AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF \
            CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF \
            IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR \
            MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD \
            SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG \
            YER ZAR ZMW ZWG
            """,
            3: "BHD IQD JOD KWD LYD OMR TND",
        ]
        var table = Table()
        for (exponent, codes) in byExponent {
            for code in codes.split(separator: " ") {
                guard let place = place(code.utf8.span) else { preconditionFailure("\(code) is no currency's code") }
                table.currencies.append(Currency(code: String(code), exponent: exponent))
                table.numbers[place] = UInt8(table.currencies.count)
            }
        }
        return table
    }()
}
