// The disk of a store that lives in memory: after each commit it holds the bytes that a file would hold, so
// that a run can crash a process, give the store an older state, or damage it, without a file. SQLite is the
// real one; only its disk is simulated. Made by simulations; a service's stores are files.

import CSQLite
import Synchronization

/// What a crash leaves of a store: the bytes of its newest commits.
public final class StoreImage: Sendable {
    /// A loss of power takes at most so many commits: what a disk may hold back.
    public static let keptCommits = 4
    /// Changes what is kept, for tests that break the disk: from the bytes of the commit before and of this one.
    public typealias Alteration = @Sendable (_ before: [UInt8]?, _ now: [UInt8]) -> [UInt8]

    private struct Commit {
        var bytes: [UInt8]
        /// Of the bytes as they were written; a file has one for each of its pages.
        let checksum: UInt64

        init(_ bytes: [UInt8]) {
            self.bytes = bytes
            checksum = StoreImage.checksum(bytes)
        }
    }

    private struct State {
        /// Oldest first.
        var commits: [Commit] = []
        var last: [UInt8]?
        var isFull = false
        var isUnchecked = false
    }

    private let state: Mutex<State>
    private let alteration: Alteration?

    public init(_ bytes: [UInt8]? = nil, alteration: Alteration? = nil) {
        self.alteration = alteration
        var first = State()
        if let bytes { first.commits = [Commit(bytes)] }
        state = Mutex(first)
    }

    /// A disk with the same commits, for a machine whose process ended: what the old process still does does
    /// not reach it.
    public func copy() -> StoreImage {
        let copied = StoreImage(alteration: alteration)
        let found = state.withLock { $0 }
        copied.state.withLock { $0 = found }
        return copied
    }

    public var bytes: [UInt8]? { state.withLock { $0.commits.last?.bytes } }

    /// Whether the newest bytes are other ones than were written, as the checksums of a file would tell.
    var isDamaged: Bool {
        state.withLock { state in
            guard !state.isUnchecked, let newest = state.commits.last else { return false }
            return Self.checksum(newest.bytes) != newest.checksum
        }
    }

    /// For a test of what the checksums are good for: damage goes unnoticed.
    public func stopChecking() { state.withLock { $0.isUnchecked = true } }

    private static func checksum(_ bytes: [UInt8]) -> UInt64 {
        unsafe bytes.withUnsafeBytes { bytes in
            var sum: UInt64 = 0xcbf2_9ce4_8422_2325
            for offset in stride(from: 0, to: bytes.count & ~7, by: 8) {
                sum = unsafe (sum ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) &* 0x100_0000_01b3
                sum ^= sum >> 29
            }
            return sum
        }
    }

    /// No page can be added and no commit succeeds while it is set.
    public var isFull: Bool {
        get { state.withLock { $0.isFull } }
        set { state.withLock { $0.isFull = newValue } }
    }

    func save(_ bytes: [UInt8]) {
        state.withLock { state in
            state.commits.append(Commit(alteration.map { $0(state.last, bytes) } ?? bytes))
            state.last = alteration == nil ? nil : bytes
            if state.commits.count > Self.keptCommits { state.commits.removeFirst() }
        }
    }

    public func erase() { state.withLock { $0.commits.removeAll() } }

    /// Loses the newest commits, but for the oldest that is kept.
    public func forget(commits count: Int) {
        state.withLock { state in state.commits.removeLast(max(0, min(count, state.commits.count - 1))) }
    }

    /// Replaces the bytes by what the closure makes of them; nothing if there are none.
    public func damage(_ change: (inout [UInt8]) -> Void) {
        state.withLock { state in
            guard !state.commits.isEmpty else { return }
            change(&state.commits[state.commits.count - 1].bytes)
        }
    }
}

extension Connection {
    /// Fills a fresh database in memory from an image; nothing if the image is empty.
    func load(_ image: StoreImage) throws(StoreFailure) {
        guard let bytes = image.bytes else { return }
        guard !image.isDamaged else {
            throw StoreFailure(operation: "load image", detail: "damaged pages", consequence: .rebuild)
        }
        guard let buffer = unsafe sqlite3_malloc64(UInt64(bytes.count)) else {
            throw StoreFailure(operation: "load image", detail: "no memory", consequence: .retry)
        }
        unsafe bytes.withUnsafeBytes { unsafe buffer.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        let flags = UInt32(SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE)
        let (count, data) = unsafe (Int64(bytes.count), buffer.assumingMemoryBound(to: UInt8.self))
        let code = unsafe sqlite3_deserialize(handle, "main", data, count, count, flags)
        guard code == SQLITE_OK else { throw unsafe storeFailure(handle, "load image", code) }
    }

    /// The database's bytes.
    public func serialized() throws(StoreFailure) -> [UInt8] {
        var count: Int64 = 0
        guard let bytes = unsafe sqlite3_serialize(handle, "main", &count, 0) else {
            throw StoreFailure(operation: "save image", detail: "no memory", consequence: .retry)
        }
        defer { unsafe sqlite3_free(bytes) }
        return unsafe Array(UnsafeBufferPointer(start: bytes, count: Int(count)))
    }
}
