// Numbers, times and identifiers as ASCII, eight digits in one step. Called by what writes messages. Never shortens
// or rounds: a decimal has exactly the places that it came with.

extension BytePen {
    /// What an integer or a decimal takes at most: a sign, a point, 2^63 in digits, and room for a whole word.
    public static let numberRoom = 32
    /// RFC 3339 in UTC with milliseconds.
    public static let timestampRoom = 24
    public static let hexRoom = 32

    @inlinable @inline(__always)
    public mutating func put(_ number: Int64) {
        if number < 0 { put(UInt8(ascii: "-")) }
        put(digits: number.magnitude)
    }

    /// With the decimal's own places, and at least one digit before the point.
    @inlinable @inline(__always)
    public mutating func put(_ number: ExactDecimal) {
        if number.isNegative { put(UInt8(ascii: "-")) }
        let magnitude = number.mantissa.magnitude
        guard number.scale > 0 else { return put(digits: magnitude) }
        let unit = UInt64(powerOfTen(number.scale))
        put(digits: magnitude / unit)
        put(UInt8(ascii: "."))
        put(digits: magnitude % unit, places: number.scale)
    }

    /// Without zeros in front.
    @inlinable mutating func put(digits number: UInt64) {
        if number < 10 { return put(UInt8(truncatingIfNeeded: 0x30 + number)) }
        guard number >= 100_000_000 else {
            let digits = eightDigits(number)
            // Zeros in front are the lowest bytes.
            let zeros = digits.trailingZeroBitCount >> 3
            return put((digits | asciiZeros) >> UInt64(8 * zeros), count: 8 - zeros)
        }
        put(digits: number / 100_000_000)
        put(eightDigits(number % 100_000_000) | asciiZeros)
    }

    /// - Precondition: `number` is below 10^`places`.
    @inlinable mutating func put(digits number: UInt64, places: Int) {
        var (rest, places) = (number, places)
        while places > 8 {
            places -= 8
            let unit = UInt64(powerOfTen(places))
            put(eightDigits(rest / unit) | asciiZeros)
            rest %= unit
        }
        put((eightDigits(rest) | asciiZeros) >> UInt64(8 * (8 - places)), count: places)
    }

    /// 32 lower-case digits.
    @inlinable @inline(__always)
    public mutating func put(hex number: UInt128) {
        for part in 0..<4 {
            put(eightHexDigits(UInt32(truncatingIfNeeded: number >> UInt128(96 - 32 * part))))
        }
    }

    /// Two lower-case digits of each byte; the last two need the room of eight.
    @inlinable public mutating func put(hexOf data: Span<UInt8>) {
        var at = 0
        while at <= data.count - 8 {
            let bytes = data.eightBytes(at: at).bits.byteSwapped
            put(eightHexDigits(UInt32(truncatingIfNeeded: bytes >> 32)))
            put(eightHexDigits(UInt32(truncatingIfNeeded: bytes)))
            at += 8
        }
        while at < data.count {
            put(eightHexDigits(UInt32(data[at]) << 24), count: 2)
            at += 1
        }
    }

    /// RFC 3339 in UTC with milliseconds, 24 bytes (years 1 to 9999).
    public mutating func put(_ time: Timestamp) {
        let (year, month, day) = time.date
        let inDay = Int(time.milliseconds - time.day * Timestamp.millisecondsPerDay)
        let (second, thousandth) = (inDay / 1_000, inDay % 1_000)
        put(twoDigits(year / 100) | twoDigits(year % 100) << 16 | 0x2d << 32 | twoDigits(month) << 40 | 0x2d << 56)
        put(
            twoDigits(day) | 0x54 << 16 | twoDigits(second / 3_600) << 24 | 0x3a << 40
                | twoDigits(second / 60 % 60) << 48)
        put(
            0x3a | twoDigits(second % 60) << 8 | 0x2e << 24 | UInt64(0x30 + thousandth / 100) << 32
                | twoDigits(thousandth % 100) << 40 | 0x5a << 56)
    }
}

extension [UInt8] {
    /// Adds 32 lower-case hex digits.
    public mutating func appendHex(_ value: UInt128) {
        append(room: BytePen.hexRoom) { $0.put(hex: value) }
    }

    /// Adds the two lower-case hex digits of each byte.
    public mutating func appendHex(of data: Span<UInt8>) {
        append(room: 2 * data.count + 8) { $0.put(hexOf: data) }
    }
}

/// "00000000", to be added to digits.
@usableFromInline let asciiZeros: UInt64 = 0x3030_3030_3030_3030

/// The values of the eight decimal digits of a number below 10^8, the highest in the lowest byte: halves first, then
/// quarters, then all.
@usableFromInline func eightDigits(_ number: UInt64) -> UInt64 {
    let halves = number / 10_000 | (number % 10_000) << 32
    // Divisions by 100 and by 10, exact for so small numbers.
    let hundreds = (halves &* 10_486) >> 20 & 0x0000_007f_0000_007f
    let quarters = hundreds | (halves &- 100 &* hundreds) << 16
    let tens = (quarters &* 103) >> 10 & 0x000f_000f_000f_000f
    return tens | (quarters &- 10 &* tens) << 8
}

/// A number below 100 in two ASCII digits, the higher in the lower byte.
private func twoDigits(_ number: Int) -> UInt64 {
    let (ten, one) = number.quotientAndRemainder(dividingBy: 10)
    return UInt64(truncatingIfNeeded: ten | one << 8) &+ 0x3030
}

/// The lower-case hex digits of 32 bits, the first in the lowest byte: spread to a nibble a byte, then all at once.
@usableFromInline func eightHexDigits(_ value: UInt32) -> UInt64 {
    var nibbles = UInt64(value)
    nibbles = (nibbles << 16 | nibbles) & 0x0000_ffff_0000_ffff
    nibbles = (nibbles << 8 | nibbles) & 0x00ff_00ff_00ff_00ff
    nibbles = (nibbles << 4 | nibbles) & 0x0f0f_0f0f_0f0f_0f0f
    let isLetter = (nibbles &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
    // From "9" + 1 to "a" is 0x27.
    return ((nibbles | asciiZeros) &+ isLetter &* 0x27).byteSwapped
}
