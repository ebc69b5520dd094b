// The canonical readers against the full ones: on whatever bytes, a canonical reader reads what the full one reads, or
// leaves it to that. Bodies are drawn from a seed, written, and damaged.

import JSONText
import Primitives
import Testing

@testable import Messages

/// A message with both readers.
protocol CanonicalMessage: Equatable {
    init(_ draw: inout Draw)
    func encode(to writer: inout JSONWriter)
    static func readCanonical(_ body: inout CanonicalScanner) -> Self?
    static func decode(_ bytes: [UInt8], in range: Range<Int>?) throws(MessageFailure) -> Self
}

extension CanonicalMessage {
    func encoded() -> [UInt8] {
        var writer = JSONWriter()
        encode(to: &writer)
        return writer.bytes
    }

    static func canonical(_ bytes: [UInt8]) -> Self? { CanonicalScanner.read(bytes, in: nil, readCanonical) }

    /// Both readings agree, and so does the one that tries one after the other. A space behind it is no canonical form.
    ///
    /// - Returns: whether the canonical reader took it.
    static func check(_ bytes: [UInt8]) -> Bool {
        let canonical = canonical(bytes)
        let full = outcome(bytes + [0x20], in: nil)
        let text = String(decoding: bytes, as: UTF8.self)
        if let canonical { #expect(full.message == canonical, "\(text)") }
        #expect(Self.canonical(bytes + [0x20]) == nil)
        #expect(outcome(bytes, in: nil) == full, "\(text)")
        #expect(outcome([0x5b] + bytes + [0x30], in: 1..<bytes.count + 1) == full, "\(text)")
        return canonical != nil
    }

    private static func outcome(_ bytes: [UInt8], in range: Range<Int>?) -> Outcome<Self> {
        do throws(MessageFailure) {
            return Outcome(message: try decode(bytes, in: range), code: nil)
        } catch {
            return Outcome(message: nil, code: error.code)
        }
    }
}

private struct Outcome<Message: Equatable>: Equatable {
    let message: Message?
    let code: String?
}

extension Purchase: CanonicalMessage {}
extension AwardCommand: CanonicalMessage {}
extension Evaluation: CanonicalMessage {}
extension WalletTransaction: CanonicalMessage {}

@Suite struct `A canonical reader` {
    private func everyMessage(_ seed: UInt64, _ body: (any CanonicalMessage.Type, inout Draw) throws -> Void) rethrows {
        let types: [any CanonicalMessage.Type] = [
            Purchase.self, AwardCommand.self, Evaluation.self, WalletTransaction.self,
        ]
        var draw = Draw(seed: seed)
        for type in types { try body(type, &draw) }
    }

    @Test func `reads what the writer writes, where texts are plain`() {
        everyMessage(21) { type, draw in
            draw.isPlain = true
            for _ in 0..<200 { expectRead(type, &draw) }
        }
    }

    private func expectRead<Message: CanonicalMessage>(_ type: Message.Type, _ draw: inout Draw) {
        let message = Message(&draw)
        #expect(Message.canonical(message.encoded()) == message)
    }

    @Test(arguments: [31, 32] as [UInt64])
    func `agrees with the full reader on texts of every kind`(_ seed: UInt64) {
        everyMessage(seed) { type, draw in
            for _ in 0..<300 { _ = type.check(type.init(&draw).encoded()) }
        }
    }

    @Test(arguments: [41, 42, 43] as [UInt64])
    func `agrees with the full reader on damaged bodies`(_ seed: UInt64) {
        everyMessage(seed) { type, draw in
            var taken = 0
            for round in 0..<10 {
                draw.isPlain = round % 2 == 0
                let bytes = type.init(&draw).encoded()
                for _ in 0..<120 where type.check(draw.damaged(bytes)) { taken += 1 }
            }
            // A digit or a letter for another leaves most bodies in their form.
            #expect(taken > 50)
        }
    }

    @Test func `agrees with the full reader on every byte at each place of a body`() {
        var draw = Draw(seed: 51)
        draw.isPlain = true
        let bytes = AwardCommand(&draw).encoded()
        let bytesInteresting: [UInt8] = Array(#""\{}[]:,. -+09eEtnfZ/"#.utf8) + [0x00, 0x1f, 0x7f, 0x80, 0xc3, 0xff]
        for at in bytes.indices {
            for byte in bytesInteresting {
                var changed = bytes
                changed[at] = byte
                _ = AwardCommand.check(changed)
            }
        }
    }
}
