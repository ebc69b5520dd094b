// Eight bytes of a text looked at in one step: whether one of them is a quote, a control character, or no ASCII.
// Called by what reads and writes JSON, where most bytes are letters that need no look of their own. Never says that
// a byte is there which is not; only the first one found is told, those behind it are not looked for.

/// Eight bytes as one number, the first in its lowest place.
public struct EightBytes: Equatable {
    @usableFromInline let bits: UInt64

    @inlinable @inline(__always)
    public init(_ bits: UInt64) { self.bits = bits }

    /// The first byte below `bound`, which is at most 128. See Warren, Hacker's Delight, section 6-1.
    @inlinable @inline(__always)
    public func below(_ bound: UInt8) -> Found { Found((bits &- Self.all(bound)) & ~bits) }

    @inlinable @inline(__always)
    public func equal(to byte: UInt8) -> Found {
        EightBytes(bits ^ Self.all(byte)).below(1)
    }

    /// The first byte that is not ASCII.
    @inlinable @inline(__always)
    public var wide: Found { Found(bits) }

    @inlinable @inline(__always)
    static func all(_ byte: UInt8) -> UInt64 { UInt64(byte) &* 0x0101_0101_0101_0101 }

    /// What was found. The highest bit of each byte tells of it, up to the first one that is set.
    public struct Found {
        @usableFromInline let mask: UInt64

        @inlinable @inline(__always)
        init(_ mask: UInt64) { self.mask = mask & 0x8080_8080_8080_8080 }

        @inlinable @inline(__always)
        public var isNone: Bool { mask == 0 }

        /// The index of the first, or 8.
        @inlinable @inline(__always)
        public var index: Int { mask.trailingZeroBitCount >> 3 }

        /// The first of either.
        @inlinable @inline(__always)
        public static func | (left: Found, right: Found) -> Found { Found(left.mask | right.mask) }
    }
}

extension Span<UInt8> {
    /// - Precondition: there are eight bytes from `index` on.
    @inlinable @inline(__always)
    public func eightBytes(at index: Int) -> EightBytes {
        precondition(index >= 0 && index <= count &- 8, "eight bytes lie within the text")
        // Any eight bytes are a number, and that they lie within the text has been checked.
        return unsafe EightBytes(
            UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self)))
    }
}
