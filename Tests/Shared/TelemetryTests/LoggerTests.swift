// Log lines, byte for byte.

import Primitives
import Telemetry
import Testing

private struct FixedClock: WallClock {
    func now() -> Timestamp { Timestamp(milliseconds: 1_764_000_000_123) }
}

@Suite struct `Log lines` {
    private let sink = InMemorySink()
    private var logger: Logger { Logger(service: "wallet-ledger", clock: FixedClock(), sink: sink) }
    private let start = #"{"time":"2025-11-24T16:00:00.123Z","level":""#

    @Test func `an event is one line of JSON with its fields in order`() {
        logger.info(
            "partition.restored", .number("partition", 3), .string("topic", "wallet-commands.v1"),
            .flag("wiped", true), .number("offset", UInt64.max))
        logger.error("store.corrupt")
        #expect(
            sink.lines == [
                start + #"info","service":"wallet-ledger","event":"partition.restored","partition":3,"#
                    + #""topic":"wallet-commands.v1","wiped":true,"offset":9223372036854775807}"#,
                start + #"error","service":"wallet-ledger","event":"store.corrupt"}"#,
            ])
    }

    @Test(arguments: [
        ("a\"b\\c", #"a\"b\\c"#),
        ("one\r\ntwo\t", #"one\r\ntwo\t"#),
        ("\0\u{1b}[31m\u{7f}\u{85}", #"\u0000\u001b[31m\u007f\u0085"#),
        ("\u{2028}\u{2029}", #"\u2028\u2029"#),
        ("café 🎁", "café 🎁"),
    ])
    func `nothing in a value can end the string or the line`(_ value: String, _ written: String) {
        logger.warning("e", .string("v", value))
        #expect(
            sink.lines == [start + #"warning","service":"wallet-ledger","event":"e","v":""# + written + "\"}"]
        )
    }

    @Test func `what is below the level is left out`() {
        logger.debug("e")
        Logger(service: "s", clock: FixedClock(), sink: sink, level: .error).warning("e")
        #expect(sink.lines.isEmpty)
    }

    @Test func `a long value is cut between characters and a long list of fields is cut too`() throws {
        let long = String(repeating: "é", count: Logger.maximumValueBytes)
        logger.info("e", .string("v", long))
        let kept = String(repeating: "é", count: Logger.maximumValueBytes / 2)
        #expect(sink.lines.first?.hasSuffix(#""v":""# + kept + "…\"}") == true)
        logger.log(.info, "e", (0..<100).map { .number("f\($0)", $0) })
        #expect(sink.lines.last?.hasSuffix(#""f23":23,"fieldsDropped":true}"#) == true)
    }
}
