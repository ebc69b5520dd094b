// Whether records come so fast that they should wait for each other. A request to write costs the broker as much as
// fifty records in it, and librdkafka 2.0.2 sends one for each partition: a record alone is best sent at once, ten for
// a partition are best sent together. Used by the publisher under its lock; it knows no clock.

/// How many records come. Times are monotonic nanoseconds.
struct Pace {
    /// What a record waits for company while they are many.
    static let lingerMilliseconds = 5
    /// Callers who got their answers together come again together, so it takes several such waits to see how many
    /// they are.
    private static let lingersCounted = 5
    private static let span = UInt64(lingersCounted * lingerMilliseconds) * 1_000_000
    /// With fewer in such a wait, it is for nothing.
    private static let fewest = 8

    private let many: Int
    private var end: UInt64 = 0
    private var count = 0
    private var isBusy = false

    /// - Parameter partitions: of the largest topic; one for each is many.
    init(partitions: Int) { many = max(Self.fewest, partitions) * Self.lingersCounted }

    /// - Returns: whether this record should wait for others.
    mutating func countRecord(at now: UInt64) -> Bool {
        if now >= end {
            isBusy = count >= many && now < end + Self.span
            end = now + Self.span
            count = 0
        }
        count += 1
        return isBusy
    }
}
