// The waiters of an issuance as bytes of its row, so that they cost no changelog record of their own:
// partition (4 bytes), correlation (8 bytes), 1 for a repeat; numbers big-endian. Used by the store alone.

import EventLog
import Messages
import Primitives
import RewardsIssuerDomain

enum WaiterBytes {
    static let size = 13

    static func encode(_ waiters: Waiters) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(waiters.all.count * size)
        for waiter in waiters.all {
            append(UInt64(UInt32(bitPattern: waiter.address.partition.number)), bytes: 4, to: &bytes)
            append(waiter.address.correlation, bytes: 8, to: &bytes)
            bytes.append(waiter.isRepeat ? 1 : 0)
        }
        return bytes
    }

    static func decode(_ bytes: [UInt8]) -> Waiters {
        Waiters(
            stride(from: 0, to: bytes.count - size + 1, by: size).map { start in
                let partition = UInt32(truncatingIfNeeded: number(bytes[start..<start + 4]))
                let address = ReplyAddress(
                    partition: PartitionIndex(Int32(bitPattern: partition)),
                    correlation: number(bytes[start + 4..<start + 12]))
                return Waiter(address, isRepeat: bytes[start + 12] == 1)
            })
    }

    private static func append(_ number: UInt64, bytes count: Int, to bytes: inout [UInt8]) {
        for index in (0..<count).reversed() { bytes.append(UInt8(truncatingIfNeeded: number >> (index * 8))) }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }
}
