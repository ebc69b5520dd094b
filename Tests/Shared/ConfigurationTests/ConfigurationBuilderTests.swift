// Following the topic: what is in force after valid, refused and removed documents.

import Configuration
import Testing

@Suite struct `Following the configuration` {
    private func reward(_ id: String, points: Int) -> String {
        #"{"kind":"reward","id":"\#(id)","name":"R","paymentMode":"POINTS","points":\#(points)}"#
    }

    private func offer(_ id: String, priority: Int) -> String {
        """
        {"kind":"offer","id":"\(id)","name":"O","eventTypes":["purchase"],"priority":\(priority),
        "award":{"kind":"fixed","points":1}}
        """
    }

    private func failure(
        _ builder: inout ConfigurationBuilder, _ key: String, _ value: String?, at offset: Int64
    ) -> ConfigurationFailure? {
        do throws(ConfigurationFailure) {
            try builder.apply(
                key: Array(key.utf8)[...], value: value.map { Array($0.utf8)[...] }, offset: offset)
            return nil
        } catch {
            return error
        }
    }

    @Test func `a refused document takes the former one out of force, as a tombstone does`() {
        var builder = ConfigurationBuilder()
        #expect(failure(&builder, "reward/a", reward("a", points: 10), at: 3) == nil)
        let before = builder.snapshot()
        #expect(before.version == 4)
        #expect(before.rewardsByID["a"]?.version == 3)

        let refused = failure(&builder, "reward/a", reward("a", points: 0), at: 4)
        #expect(refused?.kind == "reward")
        #expect(refused?.id == "a")
        #expect(refused?.problems.map(\.pointer) == ["/points"])
        #expect(builder.snapshot().rewards.isEmpty)
        #expect(builder.snapshot().version == 5)

        #expect(failure(&builder, "reward/a", reward("a", points: 20), at: 6) == nil)
        #expect(builder.snapshot().rewardsByID["a"]?.points.units == 20)
        #expect(before.rewardsByID["a"]?.points.units == 10)
        #expect(failure(&builder, "reward/a", nil, at: 7) == nil)
        #expect(builder.snapshot().rewards.isEmpty)
        #expect(builder.snapshot().version == 8)
    }

    @Test func `a key must be kind and id of its document`() {
        var builder = ConfigurationBuilder()
        let valid = reward("a", points: 10)
        #expect(failure(&builder, "reward/b", valid, at: 0)?.problems.map(\.code) == ["key-mismatch"])
        #expect(failure(&builder, "offer/a", valid, at: 1)?.problems.map(\.code) == ["key-mismatch"])
        #expect(failure(&builder, "coupon/a", valid, at: 2)?.problems.map(\.code) == ["unknown-kind"])
        #expect(failure(&builder, "reward", valid, at: 3)?.problems.map(\.code) == ["key-mismatch"])
        #expect(builder.snapshot().rewards.isEmpty)
    }

    @Test func `offers stand in the order in which they are considered`() {
        var builder = ConfigurationBuilder()
        for (index, entry) in [("b", 0), ("a", 0), ("low", -1), ("high", 9)].enumerated() {
            #expect(
                failure(&builder, "offer/\(entry.0)", offer(entry.0, priority: entry.1), at: Int64(index))
                    == nil)
        }
        #expect(builder.snapshot().offers.map(\.id) == ["high", "a", "b", "low"])
    }

    @Test func `a thousand documents of a kind are kept, the next is refused, changes are not`() {
        var builder = ConfigurationBuilder()
        for index in 0..<1_000 {
            let refused = failure(
                &builder, "reward/r\(index)", reward("r\(index)", points: 1), at: Int64(index))
            #expect(refused == nil)
        }
        let next = failure(&builder, "reward/next", reward("next", points: 1), at: 1_000)
        #expect(next?.problems.map(\.code) == ["too-many-documents"])
        #expect(failure(&builder, "reward/r0", reward("r0", points: 2), at: 1_001) == nil)
        #expect(failure(&builder, "offer/o", offer("o", priority: 0), at: 1_002) == nil)
        #expect(builder.snapshot().rewards.count == 1_000)
    }

    @Test func `without a document the standard programme is in force`() {
        var builder = ConfigurationBuilder()
        #expect(builder.snapshot() == Configuration.empty)
        #expect(builder.snapshot().programme.name == "pointstream")
        let document = #"{"kind":"programme","id":"default","name":"club","minimumBalanceAfterSpend":5}"#
        #expect(failure(&builder, "programme/default", document, at: 0) == nil)
        #expect(builder.snapshot().programme.name == "club")
        #expect(failure(&builder, "programme/default", nil, at: 1) == nil)
        #expect(builder.snapshot().programme == .standard)
    }
}
