// Identifiers that are derived, never drawn: the id of a wallet, of an event, and of everything an
// event causes. A repeat of a cause has the same ids as the first time, so an id is an idempotency
// key wherever it goes. A distinct type each, so that the compiler refuses one where another is
// due. Text form: 32 lower-case hex digits.

/// A 128-bit identifier with a type of its own.
public protocol Identifier: Sendable, Hashable, Comparable, CustomStringConvertible {
    var value: UInt128 { get }
    init(_ value: UInt128)
}

extension Identifier {
    /// 32 lower-case hex digits.
    public var description: String { String(decoding: hex, as: UTF8.self) }
    /// The text form as ASCII bytes.
    public var hex: [UInt8] { hexDigits(value) }
    public static func < (left: Self, right: Self) -> Bool { left.value < right.value }

    /// Reads 32 lower-case hex digits; anything else is nil.
    public init?(hex: some Collection<UInt8>) {
        guard let value = parseHex(hex) else { return nil }
        self.init(value)
    }

    public init?(_ text: String) { self.init(hex: text.utf8) }
}

/// A wallet: derived from the programme and the wallet's first external id.
public struct WalletID: Identifier {
    public let value: UInt128
    public init(_ value: UInt128) { self.value = value }
}

/// An event or request from outside: derived from its source and its idempotency key.
///
/// The first 32 bits are the murmur2 hash of the idempotency key, so that whoever holds the id
/// knows the partition of `intake` that decided it; the last byte is zero, because it counts the
/// steps (see ``MessageID``).
public struct EventID: Identifier {
    public let value: UInt128
    public init(_ value: UInt128) { self.value = value }

    /// - Parameters:
    ///   - keyHash: ``murmur2(_:)`` of the idempotency key.
    ///   - digest: the first 16 bytes of a cryptographic hash of source and key.
    public init(keyHash: UInt32, digest: UInt128) {
        let low = digest & (UInt128(1) << 96 - 1)
        value = UInt128(keyHash) << 96 | low & ~0xff
    }

    public var keyHash: UInt32 { UInt32(truncatingIfNeeded: value >> 96) }

    /// The id of what this event causes in `step`.
    public func caused(_ step: Step) -> MessageID { MessageID(value | UInt128(step.code)) }
}

/// A message or ledger transfer inside the platform: the event that caused it, and the step.
public struct MessageID: Identifier {
    public let value: UInt128
    public init(_ value: UInt128) { self.value = value }
    /// The event from outside that all of this came from.
    public var cause: EventID { EventID(value & ~0xff) }
    public var step: UInt8 { UInt8(truncatingIfNeeded: value) }
}

/// What an event causes, numbered. The numbers are part of ids that are stored: never reuse one.
public enum Step: Sendable, Hashable {
    /// The event itself.
    case event
    case open, hold, commit, void, expire, block, unblock
    /// The credit for the nth award of an event, 0...``Step/maximumAwards`` - 1.
    case award(Int)

    /// An event fires at most this many offers; more are reported as not considered.
    public static let maximumAwards = 64

    public var code: UInt8 {
        switch self {
        case .event: 0
        case .open: 1
        case .hold: 2
        case .commit: 3
        case .void: 4
        case .expire: 5
        case .block: 6
        case .unblock: 7
        case .award(let index):
            UInt8(0x40 + min(max(index, 0), Self.maximumAwards - 1))
        }
    }
}

/// 32 lower-case hex digits of a 128-bit value.
public func hexDigits(_ value: UInt128) -> [UInt8] {
    var digits: [UInt8] = []
    digits.reserveCapacity(32)
    digits.appendHex(value)
    return digits
}

/// The value of exactly 32 lower-case hex digits, else nil.
@inlinable public func parseHex(_ digits: some Collection<UInt8>) -> UInt128? {
    let found = digits.withContiguousStorageIfAvailable { digits in
        let digits = unsafe digits.span
        return parseHex(digits)
    }
    return found ?? parseHex(Array(digits).span)
}

/// The value of exactly 32 lower-case hex digits, else nil.
public func parseHex(_ digits: Span<UInt8>) -> UInt128? {
    guard digits.count == 32 else { return nil }
    var value: UInt128 = 0
    for part in 0..<4 {
        guard let eight = digits.eightBytes(at: 8 * part).hexNumber else { return nil }
        value = value << 32 | UInt128(eight)
    }
    return value
}
