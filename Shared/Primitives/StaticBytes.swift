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
