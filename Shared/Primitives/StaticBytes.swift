// The bytes of a literal, without an allocation: names of fields and headers are compared and
// copied through it on the hot path. The only place outside the C adapters that touches memory by
// address; a literal's bytes live for ever.

/// The UTF-8 bytes of a literal of two or more characters.
@safe public struct StaticBytes: RandomAccessCollection, Sendable {
    private let text: StaticString

    /// - Precondition: the literal has more than one character (a single one may be stored as a scalar).
    public init(_ text: StaticString) {
        precondition(text.hasPointerRepresentation, "the literal must be stored as bytes")
        self.text = text
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { text.utf8CodeUnitCount }

    public subscript(index: Int) -> UInt8 {
        precondition(indices.contains(index), "index beyond the literal")
        return unsafe text.utf8Start[index]
    }

    public func withContiguousStorageIfAvailable<Result>(
        _ body: (UnsafeBufferPointer<UInt8>) throws -> Result
    ) rethrows -> Result? {
        unsafe try body(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    fileprivate func append(to bytes: inout [UInt8]) {
        unsafe bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}

extension [UInt8] {
    /// At once; as a collection of its own kind it would be copied byte by byte.
    public mutating func append(contentsOf literal: StaticBytes) { literal.append(to: &self) }
}

extension Span<UInt8> {
    /// Whether the bytes of `literal` stand at `index`; compared eight at a time.
    ///
    /// - Precondition: the literal has more than one character.
    @inlinable @inline(__always)
    public func has(_ literal: StaticString, at index: Int) -> Bool {
        precondition(literal.hasPointerRepresentation, "the literal must be stored as bytes")
        let count = literal.utf8CodeUnitCount
        guard index >= 0, count <= self.count - index else { return false }
        guard count >= 8 else {
            for at in 0..<count where unsafe self[index + at] != literal.utf8Start[at] { return false }
            return true
        }
        var at = 0
        while at < count - 8 {
            if eightBytes(at: index + at) != literal.eightBytes(at: at) { return false }
            at += 8
        }
        // The last eight, some of them for the second time.
        return eightBytes(at: index + count - 8) == literal.eightBytes(at: count - 8)
    }
}

extension StaticString {
    /// - Precondition: there are eight bytes from `index` on.
    @inlinable @inline(__always)
    func eightBytes(at index: Int) -> EightBytes {
        precondition(index >= 0 && index <= utf8CodeUnitCount &- 8, "eight bytes lie within the literal")
        // Any eight bytes are a number, and that they lie within the literal has been checked.
        return unsafe EightBytes(
            UInt64(littleEndian: UnsafeRawPointer(utf8Start).loadUnaligned(fromByteOffset: index, as: UInt64.self)))
    }
}
