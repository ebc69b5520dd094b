// Time and randomness as values that are passed in. Only the live implementations, made in Main,
// read the machine's.

import Foundation

/// Where a worker or a request handler reads the time.
public protocol WallClock: Sendable {
    func now() -> Timestamp
}

/// The machine's clock.
public struct SystemClock: WallClock {
    public init() {}

    public func now() -> Timestamp {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)
    }
}

/// Where jitter and fresh secrets come from.
public protocol Entropy {
    mutating func next() -> UInt64
}

extension Entropy {
    /// A number in `0..<bound`, evenly enough for jitter (the bound is far below 2^64).
    public mutating func below(_ bound: UInt64) -> UInt64 { bound == 0 ? 0 : next() % bound }
}

/// The operating system's generator.
public struct SystemEntropy: Entropy {
    private var generator = SystemRandomNumberGenerator()
    public init() {}
    public mutating func next() -> UInt64 { generator.next() }
}

/// A repeatable sequence from a seed (SplitMix64), for tests and simulations.
public struct SeededEntropy: Entropy {
    private var state: UInt64
    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
