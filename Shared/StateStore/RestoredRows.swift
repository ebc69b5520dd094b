// Changelog records that fill a store, the newest of each key, until there are so many that most of them lie beside
// another one on their page. They come in the order in which rows were changed; put back like that, nearly each would
// read a page and write it.

import EventLog
import Primitives

/// Emptied by ``drain(_:)``, in the order of the keys.
struct RestoredRows {
    /// Some twenty thousand rows of the ledger: a few for each page of its store for 125,000 wallets. With twice as
    /// many a million wallets took as long, and 14 MB more.
    static let maximumBytes = 4 << 20
    /// As large as a broker takes one by default.
    private static let largestRecord = 1 << 20

    private var rows = ChangedRows()
    /// Where each row's newest record stands, for people.
    private var offsets: [Offset] = []

    var byteCount: Int { rows.bytes.count }
    var isEmpty: Bool { offsets.isEmpty }

    /// - Returns: whether the key is a new one.
    mutating func put(_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>?, at offset: Offset) -> Bool {
        // At once, or the array would double in steps, and have its old and its new room for a while.
        if isEmpty { rows.bytes.reserveCapacity(Self.maximumBytes + Self.largestRecord) }
        let keyRange = store(key)
        if let number = rows.find(keyRange) {
            rows.bytes.removeLast(keyRange.count)
            rows.rows[number].value = value.map { store($0) }
            offsets[number] = offset
            return false
        }
        rows.append(key: keyRange, value: value.map { store($0) }, isNew: false)
        offsets.append(offset)
        return true
    }

    private mutating func store(_ part: ArraySlice<UInt8>) -> Range<Int> {
        let start = rows.bytes.count
        rows.bytes.append(contentsOf: part)
        return start..<rows.bytes.count
    }

    /// Gives the rows away, and their room back. A key's text sorts as its identifiers do, which is the order of the
    /// tables as far as it matters for their pages.
    mutating func drain(
        _ body: (_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>?, _ offset: Offset) throws(StoreFailure) -> Void
    ) throws(StoreFailure) {
        for number in rows.numbersInOrder() {
            let row = rows.rows[number]
            try body(rows.bytes[row.key], row.value.map { rows.bytes[$0] }, offsets[number])
        }
        self = RestoredRows()
    }
}
