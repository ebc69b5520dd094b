// Documents drawn from a seed: what the writer writes, the reader reads back the same; what is damaged is
// refused or read, and nothing else happens.

import JSONText
import Primitives
import Testing

/// A document as a plain tree, to compare with.
indirect enum Tree: Equatable {
    case object([(String, Tree)]), array([Tree]), text(String), number(ExactDecimal), bool(Bool), null

    static func == (left: Tree, right: Tree) -> Bool {
        switch (left, right) {
        case (.object(let left), .object(let right)):
            left.map(\.0) == right.map(\.0) && left.map(\.1) == right.map(\.1)
        case (.array(let left), .array(let right)): left == right
        case (.text(let left), .text(let right)): Array(left.utf8) == Array(right.utf8)
        case (.number(let left), .number(let right)): left == right
        case (.bool(let left), .bool(let right)): left == right
        case (.null, .null): true
        default: false
        }
    }

    init(_ value: JSONValue) {
        switch value.kind {
        case .object: self = .object(value.members.map { ($0.key, Tree($0.value)) })
        case .array: self = .array(value.items.map(Tree.init))
        case .string: self = value.string().map(Tree.text) ?? .null
        case .number: self = value.decimal.map(Tree.number) ?? .null
        case .bool: self = value.bool.map(Tree.bool) ?? .null
        case .null: self = .null
        }
    }

    init(from entropy: inout SeededEntropy, depth: Int) {
        let count = Int(entropy.below(5))
        switch entropy.below(depth == 0 ? 5 : 8) {
        case 0: self = .null
        case 1: self = .bool(entropy.below(2) == 0)
        case 2: self = .number(ExactDecimal(mantissa: Int64(bitPattern: entropy.next()) >> 9, scale: 0))
        case 3:
            let mantissa = Int64(bitPattern: entropy.next()) >> Int64(1 + entropy.below(62))
            self = .number(ExactDecimal(mantissa: mantissa, scale: Int(entropy.below(19))))
        case 4: self = .text(Tree.text(&entropy))
        case 5: self = .array((0..<count).map { _ in Tree(from: &entropy, depth: depth - 1) })
        default:
            self = .object(
                (0..<count).map { ("\(Tree.text(&entropy))\($0)", Tree(from: &entropy, depth: depth - 1)) })
        }
    }

    /// Mostly the characters that need care.
    private static func text(_ entropy: inout SeededEntropy) -> String {
        let awkward: [Unicode.Scalar] = [
            "\"", "\\", "/", "\n", "\r", "\t", "\u{1}", "\u{1f}", "\u{7f}", "é", "€", "😀",
        ]
        var text = String.UnicodeScalarView()
        for _ in 0..<entropy.below(12) {
            let plain = Unicode.Scalar(UInt8(0x61 + entropy.below(26)))
            text.append(entropy.below(2) == 0 ? plain : awkward[Int(entropy.below(UInt64(awkward.count)))])
        }
        return String(text)
    }

    func write(to writer: inout JSONWriter) {
        switch self {
        case .object(let members):
            writer.beginObject()
            for (key, value) in members {
                writer.key(text: key)
                value.write(to: &writer)
            }
            writer.endObject()
        case .array(let items):
            writer.beginArray()
            for item in items { item.write(to: &writer) }
            writer.endArray()
        case .text(let text):
            text.utf8.count % 2 == 0 ? writer.string(text) : writer.string(utf8: Array(text.utf8))
        case .number(let number): number.scale == 0 ? writer.integer(number.mantissa) : writer.decimal(number)
        case .bool(let bool): writer.bool(bool)
        case .null: writer.null()
        }
    }
}

@Suite struct `Random documents` {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func `come back as they were written`(_ seed: UInt64) throws {
        var entropy = SeededEntropy(seed: seed)
        var (writer, document) = (JSONWriter(), JSONDocument())
        for _ in 0..<500 {
            let tree = Tree(from: &entropy, depth: 5)
            writer.clear()
            tree.write(to: &writer)
            #expect(writer.isComplete)
            try document.parse(writer.bytes)
            #expect(Tree(document.root) == tree, "\(String(decoding: writer.bytes, as: UTF8.self))")
        }
    }

    @Test(arguments: [11, 12, 13] as [UInt64])
    func `that were damaged are refused at a place within them, or are valid all the same`(_ seed: UInt64) {
        var entropy = SeededEntropy(seed: seed)
        var (writer, document, refused) = (JSONWriter(), JSONDocument(), 0)
        for _ in 0..<300 {
            writer.clear()
            Tree(from: &entropy, depth: 4).write(to: &writer)
            for _ in 0..<10 {
                let bytes = damaged(writer.bytes, &entropy)
                do throws(JSONError) {
                    try document.parse(bytes)
                    checkValid(document.root)
                } catch {
                    refused += 1
                    #expect(error.line >= 1 && error.column >= 1 && error.column <= bytes.count + 1)
                    #expect(error.pointer.isEmpty || error.pointer.hasPrefix("/"))
                }
            }
        }
        #expect(refused > 100)
    }

    private func damaged(_ original: [UInt8], _ entropy: inout SeededEntropy) -> [UInt8] {
        var bytes = original
        for _ in 0...entropy.below(3) {
            let at = Int(entropy.below(UInt64(bytes.count + 1)))
            let structural = Array(#"{}[]":,\-.eu0"#.utf8)
            let byte =
                entropy.below(2) == 0
                ? UInt8(entropy.below(256)) : structural[Int(entropy.below(UInt64(structural.count)))]
            switch entropy.below(4) {
            case 0 where at < bytes.count: bytes[at] = byte
            case 1 where at < bytes.count: bytes.remove(at: at)
            case 2: bytes.removeLast(bytes.count - at)
            default: bytes.insert(byte, at: at)
            }
        }
        return bytes
    }

    /// What was accepted can be written and read again without a difference.
    private func checkValid(_ root: JSONValue) {
        var writer = JSONWriter()
        let tree = Tree(root)
        tree.write(to: &writer)
        do throws(JSONError) {
            let again = try JSONDocument(parsing: writer.bytes)
            #expect(Tree(again.root) == tree)
        } catch {
            Issue.record(error)
        }
    }
}
