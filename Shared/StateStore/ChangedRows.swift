// Rows that were changed, each once, with their changelog records in one array of bytes: no row costs an allocation of
// its own. Those of a batch are noted by ChangeCapture and read when the batch is put on the changelog; those that fill
// a store are gathered by RestoredRows.

import Foundation

/// Changelog keys with the newest value of each, in the order of the first change.
struct ChangedRows {
    struct Row {
        let key: Range<Int>
        fileprivate let hash: UInt64
        /// Where the newest value lies; nil for a deleted row.
        var value: Range<Int>?
        /// It was not there before the batch.
        let isNew: Bool
    }

    private static let firstSlots = 256
    private static let free: Int32 = -1

    /// Keys and values, those that were replaced included.
    var bytes: [UInt8] = []
    var rows: [Row] = []
    /// Numbers of rows where their keys' hashes say, or behind it; a power of two, more than twice as many as rows.
    private var slots: [Int32] = []

    /// The number of the row whose key was just appended to ``bytes``; nil if it has not changed before.
    mutating func find(_ key: Range<Int>) -> Int? {
        guard !slots.isEmpty else { return nil }
        let hash = hash(of: key)
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] != Self.free {
            let number = Int(slots[slot])
            if rows[number].hash == hash, isSame(rows[number].key, key) { return number }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// Adds a row that is not there.
    mutating func append(key: Range<Int>, value: Range<Int>?, isNew: Bool) {
        rows.append(Row(key: key, hash: hash(of: key), value: value, isNew: isNew))
        if rows.count * 2 >= slots.count {
            rebuild(slots: max(Self.firstSlots, slots.count * 2))
        } else {
            place(rows.count - 1)
        }
    }

    /// Forgets the rows from `count` on.
    mutating func truncate(to count: Int) {
        guard count < rows.count else { return }
        rows.removeLast(rows.count - count)
        rebuild(slots: slots.count)
    }

    /// In the order of their keys' bytes.
    func numbersInOrder() -> [Int] {
        unsafe bytes.withUnsafeBytes { buffer in
            guard let text = buffer.baseAddress else { return [] }
            return rows.indices.sorted { left, right in
                let (left, right) = (rows[left].key, rows[right].key)
                let order = unsafe memcmp(
                    text + left.lowerBound, text + right.lowerBound, min(left.count, right.count))
                return order == 0 ? left.count < right.count : order < 0
            }
        }
    }

    private mutating func rebuild(slots count: Int) {
        slots = Array(repeating: Self.free, count: count)
        for number in rows.indices { place(number) }
    }

    private mutating func place(_ number: Int) {
        var slot = Int(truncatingIfNeeded: rows[number].hash) & (slots.count - 1)
        while slots[slot] != Self.free { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = Int32(number)
    }

    /// Eight bytes at a time, each step a bijection of what came before. Keys hold ids that are digests already.
    private func hash(of key: Range<Int>) -> UInt64 {
        let text = unsafe bytes.span.bytes
        var hash = UInt64(key.count)
        var at = key.lowerBound
        while at + 8 <= key.upperBound {
            let word = unsafe text.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self)
            hash = (hash ^ word) &* 0x9e37_79b9_7f4a_7c15
            hash ^= hash >> 29
            at += 8
        }
        while at < key.upperBound {
            hash = (hash ^ UInt64(bytes[at])) &* 0x9e37_79b9_7f4a_7c15
            at += 1
        }
        return hash ^ hash >> 32
    }

    private func isSame(_ left: Range<Int>, _ right: Range<Int>) -> Bool {
        left.count == right.count && (0..<left.count).allSatisfy {
            bytes[left.lowerBound + $0] == bytes[right.lowerBound + $0]
        }
    }
}
