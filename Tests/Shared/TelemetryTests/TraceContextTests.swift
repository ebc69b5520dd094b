// W3C traceparent: what is read, what is refused, and what a child keeps.

import Primitives
import Telemetry
import Testing

@Suite struct `Trace context` {
    private static let example = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test func `the example of the specification reads and writes back`() throws {
        let context = try #require(TraceContext(traceparent: Self.example))
        #expect(context.trace == 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736)
        #expect(context.span == 0x00f0_67aa_0ba9_02b7)
        #expect(context.isSampled)
        #expect(context.traceparent == Self.example)
    }

    @Test(arguments: [
        "", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", example + "-", example + "0",
        example.uppercased(), "ff" + example.dropFirst(2), "0g" + example.dropFirst(2),
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "01" + example.dropFirst(2) + "x",
    ])
    func `what is malformed is not read`(_ text: String) {
        #expect(TraceContext(traceparent: text) == nil)
    }

    @Test func `a later version is read as far as it is known`() throws {
        let later = try #require(
            TraceContext(traceparent: "cc-" + Self.example.dropFirst(3).dropLast(2) + "fb-more"))
        #expect(later.traceparent == Self.example)
    }

    @Test func `a child keeps trace and sampling and gets a span of its own`() throws {
        var entropy = SeededEntropy(seed: 7)
        let parent = TraceContext(startingWith: &entropy, isSampled: false)
        let child = parent.child(from: &entropy)
        #expect(child.trace == parent.trace)
        #expect(child.span != parent.span)
        #expect(!child.isSampled)
        #expect(TraceContext(traceparent: child.traceparent) == child)
    }
}
