// W3C Trace Context: which trace a piece of work belongs to, carried in the `traceparent` header of HTTP
// requests and records. Read at the doors, passed on with a child at every hop. It decides nothing: a trace
// that cannot be read is replaced by a new one and never refuses a message.

import Primitives

/// A trace, and one step of it.
public struct TraceContext: Sendable, Hashable {
    /// Never zero.
    public let trace: UInt128
    /// The step that is the parent of whatever is done with this; never zero.
    public let span: UInt64
    /// Bit 0: somebody records this trace.
    public let flags: UInt8

    public var isSampled: Bool { flags & 1 == 1 }

    /// A trace that begins here.
    public init(startingWith entropy: inout some Entropy, isSampled: Bool = true) {
        let high = UInt128(nonZero(&entropy))
        trace = high << 64 | UInt128(entropy.next())
        span = nonZero(&entropy)
        flags = isSampled ? 1 : 0
    }

    private init(trace: UInt128, span: UInt64, flags: UInt8) {
        self.trace = trace
        self.span = span
        self.flags = flags
    }

    /// The next step of the same trace.
    public func child(from entropy: inout some Entropy) -> TraceContext {
        TraceContext(trace: trace, span: nonZero(&entropy), flags: flags)
    }

    /// Reads a `traceparent`; nil if it is malformed, or its ids are zero (W3C Trace Context, section 3.2.2).
    /// A later version than 00 may carry more behind a further hyphen, which is ignored; unknown flags are
    /// dropped.
    public init?(traceparent text: some Collection<UInt8>) {
        let bytes = Array(text)
        guard bytes.count >= Self.length, bytes.count == Self.length || bytes[Self.length] == hyphen,
            bytes[2] == hyphen, bytes[35] == hyphen, bytes[52] == hyphen,
            let version = hexValue(bytes[0..<2]), version != 0xff, version != 0 || bytes.count == Self.length,
            let trace = hexValue(bytes[3..<35]), trace != 0, let span = hexValue(bytes[36..<52]), span != 0,
            let flags = hexValue(bytes[53..<55])
        else { return nil }
        self.init(trace: trace, span: UInt64(span), flags: UInt8(flags & 1))
    }

    public init?(traceparent text: String) { self.init(traceparent: text.utf8) }

    /// Version 00, as 55 ASCII bytes.
    public var traceparent: String {
        var text: [UInt8] = []
        text.reserveCapacity(Self.length + 16)
        text.append(contentsOf: "00-".utf8)
        text.appendHex(trace)
        text.append(hyphen)
        // The step's 16 digits, and as many zeros that are taken away again.
        text.appendHex(UInt128(span) << 64)
        text.removeLast(16)
        text.append(hyphen)
        text.appendHex(of: [flags].span)
        return String(decoding: text, as: UTF8.self)
    }

    private static let length = 55
}

private let hyphen = UInt8(ascii: "-")

private func nonZero(_ entropy: inout some Entropy) -> UInt64 { max(1, entropy.next()) }

/// The value of up to 32 lower-case hex digits.
private func hexValue(_ digits: ArraySlice<UInt8>) -> UInt128? {
    parseHex([UInt8](repeating: UInt8(ascii: "0"), count: 32 - digits.count) + digits)
}
