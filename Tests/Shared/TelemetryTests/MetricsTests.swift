// Metrics: the rendered text to the last byte, the same series for the same labels, the bound on series, and
// counting from many threads.

import Dispatch
import Telemetry
import Testing

@Suite struct `Metrics` {
    private let registry = MetricsRegistry()
    private var text: String { String(decoding: registry.render(), as: UTF8.self) }

    @Test func `families are sorted by name, with one type line each`() {
        registry.counter("b_total", help: "Second.", labels: [("outcome", "refused")]).add(2)
        registry.gauge("a", help: "First.").set(-5)
        registry.counter("b_total", help: "Ignored.", labels: [("outcome", "awarded")]).add()
        #expect(
            text == """
                # HELP a First.
                # TYPE a gauge
                a -5
                # HELP b_total Second.
                # TYPE b_total counter
                b_total{outcome="awarded"} 1
                b_total{outcome="refused"} 2

                """)
    }

    @Test func `durations are counted into cumulative buckets and shown in seconds`() {
        let histogram = registry.histogram(
            "commit_seconds", help: "Commits.", labels: [("topic", "t")],
            upperMicroseconds: [500, 2_500, 10_000_000])
        for duration in [0, 500, 501, 2_500, 10_000_001, -7] {
            histogram.observe(microseconds: Int64(duration))
        }
        #expect(
            text == """
                # HELP commit_seconds Commits.
                # TYPE commit_seconds histogram
                commit_seconds_bucket{topic="t",le="0.0005"} 3
                commit_seconds_bucket{topic="t",le="0.0025"} 5
                commit_seconds_bucket{topic="t",le="10"} 5
                commit_seconds_bucket{topic="t",le="+Inf"} 6
                commit_seconds_sum{topic="t"} 10.003502
                commit_seconds_count{topic="t"} 6

                """)
        #expect(registry.value(of: "commit_seconds", labels: [("topic", "t")]) == 6)
    }

    @Test func `sizes are counted into buckets and shown as they are`() {
        let histogram = registry.sizes("batch_records", help: "Batches.", upperBounds: [0, 10, 2_000_000])
        for size in [0, 1, 10, 11, 2_000_001] { histogram.observe(size) }
        #expect(
            text == """
                # HELP batch_records Batches.
                # TYPE batch_records histogram
                batch_records_bucket{le="0"} 1
                batch_records_bucket{le="10"} 3
                batch_records_bucket{le="2000000"} 4
                batch_records_bucket{le="+Inf"} 5
                batch_records_sum 2000023
                batch_records_count 5

                """)
    }

    @Test func `help and label values are escaped`() {
        registry.counter("a_total", help: "a \\ b\n\"c\"", labels: [("v", "x\\y\n\"z\"é")]).add()
        #expect(
            text == """
                # HELP a_total a \\\\ b\\n"c"
                # TYPE a_total counter
                a_total{v="x\\\\y\\n\\"z\\"é"} 1

                """)
    }

    @Test func `the same labels are the same series in whatever order they are named`() {
        registry.counter("a_total", help: "A.", labels: [("x", "1"), ("y", "2")]).add(3)
        registry.counter("a_total", help: "A.", labels: [("y", "2"), ("x", "1")]).add(4)
        #expect(registry.value(of: "a_total", labels: [("x", "1"), ("y", "2")]) == 7)
        #expect(registry.value(of: "a_total", labels: [("x", "1"), ("y", "3")]) == nil)
        #expect(registry.value(of: "b_total") == nil)
    }

    @Test func `label values beyond the bound fold into other`() {
        let bound = MetricsRegistry.maximumSeries
        for index in 0..<(bound + 50) {
            registry.counter("a_total", help: "A.", labels: [("wallet", "\(index)")]).add()
        }
        registry.counter("a_total", help: "A.", labels: [("wallet", "0")]).add()
        #expect(registry.value(of: "a_total", labels: [("wallet", "0")]) == 2)
        #expect(registry.value(of: "a_total", labels: [("wallet", MetricsRegistry.foldedValue)]) == 50)
        #expect(registry.value(of: "a_total", labels: [("wallet", "\(bound)")]) == nil)
        #expect(text.split(separator: "\n").count == bound + 1 + 2)
    }

    @Test func `label values that are too long are cut`() {
        let long = String(repeating: "x", count: MetricsRegistry.maximumLabelBytes + 1)
        registry.counter("a_total", help: "A.", labels: [("v", long)]).add()
        #expect(text.contains("v=\"\(long.dropLast())\""))
        #expect(registry.value(of: "a_total", labels: [("v", long)]) == 1)
    }

    @Test func `nothing is lost when many threads count while another renders`() {
        let registry = registry
        DispatchQueue.concurrentPerform(iterations: 8) { lane in
            let counter = registry.counter("a_total", help: "A.", labels: [("lane", "\(lane % 2)")])
            let histogram = registry.histogram("b_seconds", help: "B.")
            for turn in 0..<10_000 {
                counter.add()
                histogram.observe(microseconds: Int64(turn))
                if turn % 1_000 == 0 { _ = registry.render() }
            }
        }
        #expect(registry.value(of: "a_total", labels: [("lane", "0")]) == 40_000)
        #expect(registry.value(of: "a_total", labels: [("lane", "1")]) == 40_000)
        #expect(registry.value(of: "b_seconds") == 80_000)
        #expect(text.contains("b_seconds_sum 399.96\n"))
    }
}
