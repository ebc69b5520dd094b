// Amounts of points and of money: integers in the smallest unit of their asset or currency. Adding
// beyond the bounds is a defect that stops the process; the doors refuse such amounts first.

/// A count of an asset's smallest unit (whole points unless the asset's definition says otherwise).
public struct Points: Sendable, Hashable, Comparable {
    /// A balance of 10^15 points is beyond any programme, and a thousand of them still fit an `Int64`.
    public static let maximum = Points(1_000_000_000_000_000)

    public let units: Int64
    public init(_ units: Int64) { self.units = units }
    public static let zero = Points(0)

    public static func < (left: Self, right: Self) -> Bool { left.units < right.units }
    public static func + (left: Self, right: Self) -> Points { Points(left.units + right.units) }
    public static func - (left: Self, right: Self) -> Points { Points(left.units - right.units) }
    public static prefix func - (points: Self) -> Points { Points(-points.units) }
    public static func += (left: inout Self, right: Self) { left = left + right }
    public static func -= (left: inout Self, right: Self) { left = left - right }
}

extension Points: CustomStringConvertible {
    public var description: String { String(units) }
}

/// What is counted in a wallet: `points`, or another name from the configuration.
public struct AssetCode: Sendable, Hashable, CustomStringConvertible {
    public let text: String
    public init(_ text: String) { self.text = text }
    public static let points = AssetCode("points")
    public var description: String { text }
}

/// An amount in a currency's minor unit.
public struct Money: Sendable, Hashable {
    /// 10^15 minor units: no purchase comes near, and sums of a thousand lines still fit an `Int64`.
    public static let maximumMinorUnits: Int64 = 1_000_000_000_000_000

    public let minorUnits: Int64
    public let currency: Currency

    public init(minorUnits: Int64, currency: Currency) {
        self.minorUnits = minorUnits
        self.currency = currency
    }

    /// The amount in the currency's major unit, exactly.
    public var decimal: ExactDecimal { ExactDecimal(mantissa: minorUnits, scale: currency.exponent) }
}
