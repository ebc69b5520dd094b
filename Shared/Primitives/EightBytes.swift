// Eight bytes of a text looked at in one step: whether one of them is a quote, a control character, or no ASCII.
// Called by what reads and writes JSON, where most bytes are letters that need no look of their own. Never says that
// a byte is there which is not; only the first one found is told, those behind it are not looked for.

/// Eight bytes as one number, the first in its lowest place.
public struct EightBytes: Equatable {
    public let bits: UInt64

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

    /// Eight times the same byte.
    @inlinable @inline(__always)
    public static func all(_ byte: UInt8) -> UInt64 { UInt64(byte) &* 0x0101_0101_0101_0101 }

    /// What was found. The highest bit of each byte tells of it, up to the first one that is set.
    public struct Found {
        @usableFromInline let mask: UInt64

        /// - Parameter mask: what is in its bytes but for the highest bits does not matter.
        @inlinable @inline(__always)
        public init(_ mask: UInt64) { self.mask = mask & 0x8080_8080_8080_8080 }

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

extension EightBytes {
    /// Each byte of a text of one to seven bytes at least once, in some order, and spaces.
    @inlinable @inline(__always)
    public init(holding text: Span<UInt8>) {
        let count = text.count
        precondition(count >= 1 && count < 8, "a text of one to seven bytes")
        if count >= 4 {
            self.init(UInt64(text.fourBytes(at: 0)) | UInt64(text.fourBytes(at: count - 4)) << 32)
        } else {
            self.init(
                UInt64(text[0]) | UInt64(text[count / 2]) << 8 | UInt64(text[count - 1]) << 16 | 0x2020_2020_2000_0000)
        }
    }
}

extension Span<UInt8> {
    public var isASCII: Bool {
        var at = 0
        while at <= count - 8 {
            if !eightBytes(at: at).wide.isNone { return false }
            at += 8
        }
        while at < count {
            if self[at] >= 0x80 { return false }
            at += 1
        }
        return true
    }

    /// - Precondition: there are four bytes from `index` on.
    @inlinable @inline(__always)
    func fourBytes(at index: Int) -> UInt32 {
        precondition(index >= 0 && index <= count &- 4, "four bytes lie within the text")
        // Any four bytes are a number, and that they lie within the text has been checked.
        return unsafe UInt32(
            littleEndian: bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt32.self))
    }

    /// - Precondition: there are eight bytes from `index` on.
    @inlinable @inline(__always)
    public func eightBytes(at index: Int) -> EightBytes {
        precondition(index >= 0 && index <= count &- 8, "eight bytes lie within the text")
        // Any eight bytes are a number, and that they lie within the text has been checked.
        return unsafe EightBytes(
            UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self)))
    }
}

extension Span<UInt8> {
    /// Whether both have the same bytes.
    @inlinable public func isEqual(to other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        guard count >= 8 else {
            for at in indices where self[at] != other[at] { return false }
            return true
        }
        var at = 0
        while at < count - 8 {
            if eightBytes(at: at) != other.eightBytes(at: at) { return false }
            at += 8
        }
        // The last eight, some of them for the second time.
        return eightBytes(at: count - 8) == other.eightBytes(at: count - 8)
    }
}
