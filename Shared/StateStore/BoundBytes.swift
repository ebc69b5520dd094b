// Room for what is bound to a statement, kept until the statement is reset: SQLite is lent the copy instead of making
// one of its own, which costs it an allocation for each value.

/// Bytes that stay where they are until `clear()`.
@safe struct BoundBytes: ~Copyable {
    /// A row's identifiers and short texts together; longer values SQLite copies itself.
    private static let capacity = 512

    private var start: UnsafeMutableRawPointer?
    private var used = 0

    deinit { unsafe start?.deallocate() }

    /// Copies bytes.
    ///
    /// - Returns: where they are now; nil if there is no room for them.
    @unsafe mutating func keep(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawPointer? {
        guard let source = bytes.baseAddress, bytes.count <= Self.capacity - used else { return nil }
        let room = unsafe start ?? .allocate(byteCount: Self.capacity, alignment: 1)
        unsafe start = room
        let copy = unsafe room + used
        unsafe copy.copyMemory(from: source, byteCount: bytes.count)
        used += bytes.count
        return UnsafeRawPointer(copy)
    }

    mutating func clear() { used = 0 }
}
