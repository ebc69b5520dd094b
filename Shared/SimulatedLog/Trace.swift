// What happened in the cluster, in order: a digest of everything, to compare two runs of a seed, and the
// newest lines, to read after a failure. Written by the cluster's state only; must never contain an address
// or a wall-clock time.

/// A running digest (FNV-1a, 64 bits) with the newest lines.
struct Trace: Sendable {
    /// A failing run is read backward from its end; older lines are dropped so that long runs stay small.
    static let maximumLines = 2_000

    private(set) var digest: UInt64 = 0xcbf2_9ce4_8422_2325
    private var lines: [String] = []

    var newest: [String] { lines.suffix(Self.maximumLines) }

    mutating func note(_ line: String) {
        mix(line.utf8)
        // Dropped in blocks, so that a line costs no shift of all others.
        if lines.count == Self.maximumLines * 2 { lines.removeFirst(Self.maximumLines) }
        lines.append(line)
    }

    /// Takes bytes into the digest alone.
    mutating func mix(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { digest = (digest ^ UInt64(byte)) &* 0x100_0000_01b3 }
        // Ends the sequence, so that "ab", "c" differs from "a", "bc".
        digest = (digest ^ 0xff) &* 0x100_0000_01b3
    }
}
