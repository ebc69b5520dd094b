// A decimal number held exactly: an integer mantissa and a count of decimal places. Prices, rates and ratios
// are read, multiplied and compared through it, because binary floating point never touches an amount.
// Used by the codecs (numbers in JSON and in delimited text) and by the domains. Never rounds by itself.

/// `mantissa / 10^scale`, for example 11.77 is mantissa 1177 and scale 2.
///
/// Values that compare equal may differ in scale (1.5 and 1.50); ``normalized`` removes trailing zeros.
public struct ExactDecimal: Sendable, Hashable {
    /// More places than any currency, rate or ratio in use needs, and few enough that 10^scale fits an `Int64`.
    public static let maximumScale = 18

    public let mantissa: Int64
    /// Decimal places, 0...18.
    public let scale: Int

    /// - Precondition: `scale` lies in 0...18.
    public init(mantissa: Int64, scale: Int = 0) {
        precondition((0...Self.maximumScale).contains(scale), "a decimal has 0 to 18 places")
        self.mantissa = mantissa
        self.scale = scale
    }

    public static let zero = ExactDecimal(mantissa: 0)

    /// Why a text is not an exact decimal that fits.
    public enum ParseFailure: Error, Sendable, Equatable {
        /// Not a decimal number: digits, at most one point, an optional minus sign and exponent.
        case malformed
        /// More than 18 places, or a value beyond ±(2^63 - 1) in its own scale, zeros at the end not counted.
        case outOfRange
    }

    /// Reads `-12.50`, `7`, `1e3`. Neither a leading plus nor a bare point is allowed; neither are
    /// NaN and Infinity.
    @inlinable public init(parsing text: some Sequence<UInt8>) throws(ParseFailure) {
        let plain = text.withContiguousStorageIfAvailable { text in
            let text = unsafe text.span
            return ExactDecimal(plain: text)
        }
        if let number = plain ?? nil { self = number } else { try self.init(bytes: Array(text)) }
    }

    /// Reads what nearly all numbers are: at most 18 digits, a minus sign and a point. Nil for any other text, be it a
    /// number or not.
    public init?(plain text: Span<UInt8>) {
        let isNegative = text.count > 0 && text[0] == UInt8(ascii: "-")
        let start = isNegative ? 1 : 0
        var (mantissa, at, point) = (Int64(0), start, text.count)
        guard text.count - start <= Self.maximumScale + 1 else { return nil }
        while at < text.count {
            let digit = text[at] &- 0x30
            if digit < 10 {
                mantissa = mantissa &* 10 &+ Int64(digit)
            } else {
                guard text[at] == UInt8(ascii: "."), point == text.count else { return nil }
                point = at
            }
            at += 1
        }
        let (whole, places) = (point - start, max(0, text.count - 1 - point))
        // One byte more than digits may be the point, and has to be.
        guard whole > 0, whole == 1 || text[start] != 0x30, point < text.count - 1 || point == text.count,
            whole + places <= Self.maximumScale
        else { return nil }
        self.init(mantissa: isNegative ? -mantissa : mantissa, scale: places)
    }

    @usableFromInline init(bytes: [UInt8]) throws(ParseFailure) {
        var reader = DecimalReader()
        for byte in bytes { try reader.take(byte) }
        self = try reader.finish()
    }

    public init(_ text: String) throws(ParseFailure) {
        try self.init(parsing: text.utf8)
    }

    /// The same value without trailing zeros behind the point.
    public var normalized: ExactDecimal {
        var (mantissa, scale) = (mantissa, scale)
        while scale > 0, mantissa % 10 == 0 {
            mantissa /= 10
            scale -= 1
        }
        return ExactDecimal(mantissa: mantissa, scale: scale)
    }

    /// The value as an integer count of `10^-places`, or nil if it has more places than that or does not fit.
    public func units(places: Int) -> Int64? {
        if scale == places { return mantissa }
        let value = normalized
        guard value.scale <= places else { return nil }
        let (result, overflow) = value.mantissa.multipliedReportingOverflow(
            by: powerOfTen(places - value.scale))
        return overflow ? nil : result
    }

    /// `floor(self × factor)` in units of `10^-places`, or nil beyond `Int64`.
    public func floorProduct(_ factor: ExactDecimal, places: Int = 0) -> Int64? {
        let product = Int128(mantissa) * Int128(factor.mantissa)
        return floorScaled(product, from: scale + factor.scale, to: places)
    }

    public var isNegative: Bool { mantissa < 0 }
}

extension ExactDecimal: Comparable {
    public static func < (left: ExactDecimal, right: ExactDecimal) -> Bool {
        let scale = max(left.scale, right.scale)
        return Int128(left.mantissa) * wide(scale - left.scale)
            < Int128(right.mantissa) * wide(scale - right.scale)
    }

    /// Equal in value, whatever the scale; `==` compares the written form.
    public func isEqual(to other: ExactDecimal) -> Bool { normalized == other.normalized }
}

extension ExactDecimal: CustomStringConvertible {
    public var description: String { String(room: BytePen.numberRoom) { $0.put(self) } }
}

/// `10^exponent` for 0...18.
public func powerOfTen(_ exponent: Int) -> Int64 {
    precondition((0...ExactDecimal.maximumScale).contains(exponent), "10^exponent must fit an Int64")
    var result: Int64 = 1
    for _ in 0..<exponent { result *= 10 }
    return result
}

private func wide(_ exponent: Int) -> Int128 { Int128(powerOfTen(exponent)) }

/// `floor(value × 10^(to - from))`, rounding toward minus infinity.
private func floorScaled(_ value: Int128, from: Int, to: Int) -> Int64? {
    var result = value
    if to >= from {
        let (scaled, overflow) = result.multipliedReportingOverflow(by: wide(to - from))
        if overflow { return nil }
        result = scaled
    } else {
        var places = from - to
        while places > 0 {
            let step = min(places, ExactDecimal.maximumScale)
            let (quotient, remainder) = result.quotientAndRemainder(dividingBy: wide(step))
            result = remainder < 0 ? quotient - 1 : quotient
            places -= step
        }
    }
    return Int64(exactly: result)
}

/// Reads one byte after the other; JSON's number grammar, with every digit kept.
private struct DecimalReader {
    private enum Place { case start, sign, zero, whole, point, fraction, exponent, exponentSign, exponentDigits }

    private var place = Place.start
    private var negative = false
    private var mantissa: Int64 = 0
    private var scale = 0
    /// Zeros at the end of the fraction so far: they are kept as places if they fit, and never make
    /// a value too long.
    private var pendingZeros = 0
    private var exponent = 0
    private var exponentNegative = false

    mutating func take(_ byte: UInt8) throws(ExactDecimal.ParseFailure) {
        switch (place, byte) {
        case (.start, UInt8(ascii: "-")):
            negative = true
            place = .sign
        case (.start, UInt8(ascii: "0")), (.sign, UInt8(ascii: "0")):
            place = .zero
        case (.start, 0x31...0x39), (.sign, 0x31...0x39), (.whole, 0x30...0x39):
            place = .whole
            try append(byte)
        case (.zero, UInt8(ascii: ".")), (.whole, UInt8(ascii: ".")):
            place = .point
        case (.point, UInt8(ascii: "0")), (.fraction, UInt8(ascii: "0")):
            place = .fraction
            pendingZeros += 1
        case (.point, 0x31...0x39), (.fraction, 0x31...0x39):
            place = .fraction
            while pendingZeros > 0 { try appendZero() }
            scale += 1
            try append(byte)
        case (.zero, 0x65), (.zero, 0x45), (.whole, 0x65), (.whole, 0x45), (.fraction, 0x65), (.fraction, 0x45):
            place = .exponent
        case (.exponent, UInt8(ascii: "-")), (.exponent, UInt8(ascii: "+")):
            exponentNegative = byte == UInt8(ascii: "-")
            place = .exponentSign
        case (.exponent, 0x30...0x39), (.exponentSign, 0x30...0x39), (.exponentDigits, 0x30...0x39):
            place = .exponentDigits
            exponent = exponent * 10 + Int(byte - 0x30)
            if exponent > 1_000 { throw .outOfRange }
        default:
            throw .malformed
        }
    }

    private mutating func append(_ byte: UInt8) throws(ExactDecimal.ParseFailure) {
        let (tenfold, overflow) = mantissa.multipliedReportingOverflow(by: 10)
        let (sum, carried) = tenfold.addingReportingOverflow(Int64(byte - 0x30))
        if overflow || carried { throw .outOfRange }
        mantissa = sum
    }

    private mutating func appendZero() throws(ExactDecimal.ParseFailure) {
        try append(UInt8(ascii: "0"))
        scale += 1
        pendingZeros -= 1
    }

    private mutating func keepTrailingZeros() throws(ExactDecimal.ParseFailure) {
        while pendingZeros > 0, scale < ExactDecimal.maximumScale, mantissa <= Int64.max / 10 { try appendZero() }
    }

    mutating func finish() throws(ExactDecimal.ParseFailure) -> ExactDecimal {
        try keepTrailingZeros()
        switch place {
        case .zero, .whole, .fraction, .exponentDigits: break
        default: throw .malformed
        }
        var (value, places) = (negative ? -mantissa : mantissa, scale)
        places -= exponentNegative ? -exponent : exponent
        while places < 0, value != 0 {
            let (tenfold, overflow) = value.multipliedReportingOverflow(by: 10)
            if overflow { throw .outOfRange }
            (value, places) = (tenfold, places + 1)
        }
        if value == 0 { places = min(max(places, 0), ExactDecimal.maximumScale) }
        while places > ExactDecimal.maximumScale, value % 10 == 0 { (value, places) = (value / 10, places - 1) }
        guard places <= ExactDecimal.maximumScale else { throw .outOfRange }
        return ExactDecimal(mantissa: value, scale: places)
    }
}
