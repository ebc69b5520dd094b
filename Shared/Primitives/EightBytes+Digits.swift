// Digits read eight bytes at a time: hex digits of identifiers, and the decimal digits of dates. Called by what reads
// messages and headers. Never takes a byte for a digit that is none.

extension EightBytes {
    /// The value of eight lower-case hex digits, the first the highest; nil for anything else.
    @inlinable var hexNumber: UInt32? {
        let ones: UInt64 = 0x0101_0101_0101_0101
        // "a" to "f" are 0x61 to 0x66.
        let isLetter = bits >> 6 & ones
        let nibbles = (bits & 0x0f0f_0f0f_0f0f_0f0f) &+ isLetter &* 9
        let isTenOrMore = (nibbles &+ Self.all(6)) >> 4 & ones
        guard bits & 0xf0f0_f0f0_f0f0_f0f0 == Self.all(0x30) &+ isLetter &* 0x30,
            nibbles & 0xf0f0_f0f0_f0f0_f0f0 == 0, isTenOrMore == isLetter
        else { return nil }
        var number = nibbles.byteSwapped
        number = (number | number >> 4) & 0x00ff_00ff_00ff_00ff
        number = (number | number >> 8) & 0x0000_ffff_0000_ffff
        return UInt32(truncatingIfNeeded: number | number >> 16)
    }

    /// The values of decimal digits; nil unless the bytes of `mask` are `separators` and all others are digits.
    @inlinable @inline(__always)
    func digits(between separators: UInt64, at mask: UInt64) -> Digits? {
        let values = bits ^ (Self.all(0x30) & ~mask | separators)
        guard values & mask == 0, (values | (values &+ Self.all(0x76))) & Self.all(0x80) == 0 else { return nil }
        return Digits(values: values)
    }

    /// Eight values of 0 to 9, or of a separator, which is 0.
    @usableFromInline struct Digits {
        @usableFromInline let values: UInt64

        @inlinable init(values: UInt64) { self.values = values }

        @inlinable @inline(__always)
        func digit(at index: Int) -> Int { Int(truncatingIfNeeded: values >> UInt64(8 * index) & 0xff) }

        /// A number of two digits.
        @inlinable @inline(__always)
        func pair(at index: Int) -> Int { digit(at: index) * 10 + digit(at: index + 1) }
    }
}
