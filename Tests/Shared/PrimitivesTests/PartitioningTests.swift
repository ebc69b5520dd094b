// Partitioning and identifiers: what Java producers compute, and what ids promise.

import Primitives
import Testing

@Suite struct `Murmur2` {
    /// The vectors of Kafka's own UtilsTest, and the empty and tail lengths between them.
    @Test(
        arguments: [
            ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971), ("abc", 479_470_107),
        ] as [(String, Int32)])
    func `gives what Kafka's producer gives`(_ key: String, _ hash: Int32) {
        #expect(Int32(bitPattern: murmur2(Array(key.utf8))) == hash)
        let padded = Array("x\(key)y".utf8)
        #expect(Int32(bitPattern: murmur2(padded[1..<(padded.count - 1)])) == hash)
    }

    @Test func `picks a partition by the hash without its sign`() {
        let eight = PartitionCount(8)
        #expect(eight.partition(of: Array("21".utf8)) == PartitionIndex((-973_932_308 & 0x7fff_ffff) % 8))
        #expect(eight.all.map(\.number) == Array(0..<8))
        var entropy = SeededEntropy(seed: 7)
        for _ in 0..<1_000 {
            let key = (0..<entropy.below(9)).map { _ in UInt8(entropy.below(256)) }
            #expect(eight.all.contains(eight.partition(of: key)))
        }
    }
}

@Suite struct `Identifiers` {
    @Test func `read back from their text, and from nothing else`() {
        let text = "00112233445566778899aabbccddeeff"
        #expect(WalletID(text)?.description == text)
        for wrong in [
            "", String(text.dropLast()), text + "0", text.uppercased(), "g" + text.dropFirst(),
            " " + text.dropFirst(),
        ] {
            #expect(WalletID(wrong) == nil)
        }
    }

    @Test func `of events carry the key's hash and count their steps`() {
        let hash = murmur2(Array("key-1".utf8))
        let event = EventID(keyHash: hash, digest: .max)
        #expect(event.keyHash == hash)
        #expect(event.value & 0xff == 0)
        let steps: [Step] =
            [.event, .open, .hold, .commit, .void, .expire, .block, .unblock]
            + (0..<Step.maximumAwards).map(Step.award)
        let messages = steps.map(event.caused)
        #expect(Set(messages).count == steps.count)
        #expect(messages.allSatisfy { $0.cause == event })
        #expect(messages.map(\.step) == steps.map(\.code))
    }
}
