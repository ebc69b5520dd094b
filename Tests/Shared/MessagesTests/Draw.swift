// Messages drawn from a seed, and damage to their bodies.

import Primitives

@testable import Messages

struct Draw {
    private var entropy: SeededEntropy
    /// Messages that keep every rule, with texts of visible ASCII; else also what has to be escaped or refused.
    var isPlain = false

    init(seed: UInt64) { entropy = SeededEntropy(seed: seed) }

    mutating func below(_ bound: Int) -> Int { Int(entropy.below(UInt64(bound))) }
    mutating func isHeads() -> Bool { below(2) == 0 }
    mutating func sometimes<Value>(_ value: (inout Draw) -> Value) -> Value? { isHeads() ? value(&self) : nil }
    mutating func one<Value>(of values: [Value]) -> Value { values[below(values.count)] }

    mutating func id() -> UInt128 { UInt128(entropy.next()) << 64 | UInt128(entropy.next()) }

    /// 0 and the bounds more often than by chance.
    mutating func number(_ most: Int64) -> Int64 {
        switch below(8) {
        case 0: 0
        case 1: most
        default: Int64(entropy.next() >> UInt64(1 + below(63))) % most
        }
    }

    /// In minor units; too much by one now and then.
    mutating func amount() -> Int64 { number(Money.maximumMinorUnits) + (!isPlain && isHeads() ? 1 : 0) }

    mutating func time() -> Timestamp {
        Timestamp(milliseconds: isHeads() ? 1_795_253_400_000 + number(86_400_000) : number(253_402_300_799_999))
    }

    mutating func text() -> String {
        if !isPlain, below(25) == 0 { return unusual() }
        let length = 1 + below(40)
        let letters = Array("abcXYZ0189-._:#".unicodeScalars)
        let awkward: [Unicode.Scalar] = [
            " ", "/", "\\", "\"", "\n", "\u{7f}", "\u{85}", "\u{a0}", "é", "×", "\u{2028}", "\u{202e}", "\u{2067}",
            "€", "😀", "\u{200b}",
        ]
        var text = String.UnicodeScalarView()
        for _ in 0..<length {
            let isAwkward = !isPlain && below(80) == 0
            text.append(isAwkward ? one(of: awkward) : one(of: letters))
        }
        return String(text)
    }

    /// Too long or just not, empty, blank, or starting like a blank text.
    private mutating func unusual() -> String {
        let lengths = [32, 33, 128, 129, 256, 257]
        return isHeads()
            ? String(repeating: "x", count: one(of: lengths)) : one(of: ["", " ", "   ", "\u{a0}", " a", "\u{3000} "])
    }

    mutating func list<Value>(_ most: Int, _ value: (inout Draw) -> Value) -> [Value] {
        (0..<below(most + 1)).map { _ in value(&self) }
    }

    /// One or two changes: of a byte, for a like one more often than not; bytes less, twice, or more.
    mutating func damaged(_ original: [UInt8]) -> [UInt8] {
        var bytes = original
        for _ in 0...below(2) where !bytes.isEmpty {
            let at = below(bytes.count)
            let like: [UInt8]
            switch bytes[at] {
            case 0x30...0x39: like = Array("0123456789".utf8)
            case 0x61...0x7a: like = Array("abcdefz".utf8)
            default: like = Array(#"{}[]":,\-.eE+ 0/Z"#.utf8)
            }
            switch below(10) {
            case 0: bytes[at] = UInt8(below(256))
            case 1: bytes.remove(at: at)
            case 2: bytes.insert(one(of: like), at: at)
            case 3: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + below(40))], at: at)
            case 4: bytes.removeSubrange(at..<min(bytes.count, at + below(40)))
            default: bytes[at] = one(of: like)
            }
        }
        return bytes
    }
}

extension Purchase {
    init(_ draw: inout Draw) {
        let currencies = ["USD", "EUR", "JPY", "KWD", "CLP"].compactMap { Currency($0) }
        let currency = draw.one(of: currencies)
        var lines = draw.list(5) { Line(&$0) }
        let wrong = Line(sku: "s", quantity: 2, netAmount: 5, vat: 1, total: 12)
        if !draw.isPlain, draw.below(20) == 0 { lines.append(wrong) }
        let sum = lines.reduce(Int64(0)) { $0 + $1.total }
        let discount = sum > 0 && draw.isHeads() ? draw.number(sum) : 0
        self.init(
            externalID: draw.text(), occurredAt: draw.time(), unit: draw.text(), currency: currency,
            total: lines.isEmpty ? draw.amount() : sum - discount, discount: discount,
            classification: draw.sometimes { $0.text() }, lines: lines)
    }
}

extension Purchase.Line {
    init(_ draw: inout Draw) {
        let quantity = 1 + draw.number(Purchase.maximumQuantity - 1)
        let net = draw.sometimes { $0.number(100_000_000) }
        let vat = draw.number(1_000_000)
        self.init(
            sku: draw.text(), quantity: quantity, netAmount: net, vat: vat,
            total: net.map { $0 * quantity + vat } ?? draw.number(1_000_000))
    }
}

extension AwardCommand {
    init(_ draw: inout Draw) {
        self.init(
            event: EventID(draw.id()), source: draw.text(), eventType: draw.one(of: MessageType.allCases),
            externalID: draw.text(), opensWallet: draw.isHeads(), occurredAt: draw.time(),
            awards: draw.list(4) { draw in
                Line(
                    offer: draw.text(), offerVersion: draw.number(1 << 50), asset: AssetCode(draw.text()),
                    points: Points(1 + draw.number(Points.maximum.units - 1)), expiresAt: draw.sometimes { $0.time() },
                    inflight: draw.isHeads())
            },
            reason: draw.sometimes { $0.one(of: Reason.allCases) })
    }
}

extension Evaluation {
    init(_ draw: inout Draw) {
        self.init(
            event: EventID(draw.id()), wallet: WalletID(draw.id()), source: draw.text(), occurredAt: draw.time(),
            evaluatedAt: draw.time(), configurationVersion: draw.number(1 << 50),
            points: Points(draw.number(Points.maximum.units)),
            reason: draw.sometimes { $0.one(of: AwardCommand.Reason.allCases) },
            offers: draw.list(4) { draw in
                Considered(
                    offer: draw.text(), version: draw.number(1 << 50), points: Points(draw.number(1_000)),
                    verdict: draw.text(), arithmetic: draw.sometimes { "floor(11.77 × 1) = " + $0.text() })
            })
    }
}

extension WalletTransaction {
    init(_ draw: inout Draw) {
        self.init(
            id: MessageID(draw.id()), wallet: WalletID(draw.id()), externalID: draw.text(),
            sequence: draw.sometimes { 1 + $0.number(1 << 40) }, type: draw.one(of: MessageType.allCases),
            refusal: draw.sometimes { $0.text() }, reason: draw.sometimes { $0.text() }, asset: AssetCode(draw.text()),
            points: Points(draw.number(Points.maximum.units)),
            transfers: draw.list(3) { draw in
                Transfer(
                    id: MessageID(draw.id()), debit: draw.one(of: Account.allCases),
                    credit: draw.one(of: Account.allCases), points: Points(1 + draw.number(1_000_000)),
                    offer: draw.sometimes { $0.text() }, offerVersion: draw.sometimes { $0.number(1 << 50) })
            },
            lots: draw.list(3) { draw in
                let points = draw.number(1_000_000)
                return LotMovement(
                    lot: MessageID(draw.id()), points: Points(draw.isHeads() ? points : -points),
                    expiresAt: draw.sometimes { $0.time() })
            },
            hold: draw.sometimes { MessageID($0.id()) }, purpose: draw.sometimes { $0.text() },
            reward: draw.sometimes { $0.text() },
            balances: Balances(
                settled: Points(draw.number(1 << 40)), held: Points(draw.number(1 << 30)),
                pending: Points(draw.number(1 << 30))),
            source: draw.sometimes { $0.text() }, occurredAt: draw.time(), recordedAt: draw.time())
    }
}
