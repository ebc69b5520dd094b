// Bytes written at an array's end without asking for its room again for each: room is made once, and a pen fills it
// from front to back. Called by what writes messages: JSON, headers, digits. Each step of a pen is checked against
// its room, and one beyond it stops the process: a pen never writes where nothing was made for it.

/// A place in room that was made before. It is lent to one closure and cannot be kept.
@safe public struct BytePen: ~Copyable {
    @usableFromInline var next: UnsafeMutableRawPointer
    @usableFromInline let end: UnsafeMutableRawPointer

    /// - Precondition: `room` bytes from `start` on may be written.
    @inlinable @inline(__always)
    init(_ start: UnsafeMutablePointer<UInt8>, room: Int) {
        unsafe next = UnsafeMutableRawPointer(start)
        unsafe end = next + room
    }

    @inlinable @inline(__always)
    func written(since start: UnsafeMutablePointer<UInt8>) -> Int {
        unsafe next - UnsafeMutableRawPointer(start)
    }

    @inlinable @inline(__always)
    func expectRoom(_ count: Int) {
        unsafe precondition(count >= 0 && count <= end - next, "a pen stays within its room")
    }

    @inlinable @inline(__always)
    public mutating func put(_ byte: UInt8) {
        expectRoom(1)
        unsafe next.storeBytes(of: byte, as: UInt8.self)
        unsafe next += 1
    }

    /// The bytes of `word`, the lowest first. All eight need room, also if only `count` of them are to stay and the
    /// others are written over.
    @inlinable @inline(__always)
    public mutating func put(_ word: UInt64, count: Int = 8) {
        precondition(count >= 0 && count <= 8, "a word has eight bytes")
        expectRoom(8)
        unsafe next.storeBytes(of: word.littleEndian, as: UInt64.self)
        unsafe next += count
    }

    @inlinable @inline(__always)
    public mutating func put(_ text: Span<UInt8>) {
        expectRoom(text.count)
        unsafe text.withUnsafeBufferPointer { text in
            guard let start = text.baseAddress else { return }
            unsafe next.copyMemory(from: start, byteCount: text.count)
            unsafe next += text.count
        }
    }

    /// - Precondition: the literal has more than one character (a single one may be stored as a scalar).
    @inlinable @inline(__always)
    public mutating func put(_ literal: StaticString) {
        precondition(literal.hasPointerRepresentation, "the literal must be stored as bytes")
        let count = literal.utf8CodeUnitCount
        expectRoom(count)
        unsafe next.copyMemory(from: literal.utf8Start, byteCount: count)
        unsafe next += count
    }
}

extension [UInt8] {
    /// Adds what `write` puts into `room` bytes, which may be fewer.
    @inlinable @inline(__always)
    public mutating func append(room: Int, _ write: (inout BytePen) -> Void) {
        append(addingCapacity: room) { output in
            // The pen is told how much room there is and keeps to it; what it has filled is counted by its place.
            unsafe output.withUnsafeMutableBufferPointer { buffer, count in
                guard let start = buffer.baseAddress else { return }
                var pen = unsafe BytePen(start, room: buffer.count)
                write(&pen)
                count = unsafe pen.written(since: start)
            }
        }
    }
}

extension String {
    /// A text that `write` puts into `room` bytes, which may be fewer. What is not UTF-8 becomes U+FFFD.
    @inlinable @inline(__always)
    public init(room: Int, _ write: (inout BytePen) -> Void) {
        self = unsafe String(unsafeUninitializedCapacity: room) { buffer in
            guard let start = buffer.baseAddress else { return 0 }
            var pen = unsafe BytePen(start, room: buffer.count)
            write(&pen)
            return unsafe pen.written(since: start)
        }
    }
}
