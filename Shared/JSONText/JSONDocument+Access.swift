// Reading the flat index: finding members, and converting strings and numbers when somebody asks for them.
// Called by JSONValue and FieldReader with indexes they took from the same document. Never checks again what
// the parser has checked.

import Primitives

extension JSONDocument {
    /// Index of the member's value, or nil. `hint` is where to look first: the index behind the member found
    /// last, since most documents have their members in the order in which codecs ask for them.
    func find(_ key: String, in object: Int, hint: Int = 0) -> Int? {
        let wanted = key.utf8.span
        let nodes = nodes.span
        guard nodes[object].kind == .object else { return nil }
        let (first, end) = (object + 1, Int(nodes[object].next))
        let start = hint > first && hint < end ? hint : first
        return find(wanted, from: start, to: end, nodes)
            ?? (start == first ? nil : find(wanted, from: first, to: start, nodes))
    }

    private func find(_ wanted: Span<UInt8>, from start: Int, to end: Int, _ nodes: Span<Node>) -> Int? {
        let text = bytes.span
        var at = start
        while at < end {
            if same(nodes[at], wanted, text) { return at + 1 }
            at = Int(nodes[at + 1].next)
        }
        return nil
    }

    /// Whether a string or key has exactly these characters.
    func matches(_ index: Int, _ wanted: String) -> Bool {
        same(nodes[index], wanted.utf8.span, bytes.span)
    }

    @inline(__always)
    private func same(_ node: Node, _ wanted: Span<UInt8>, _ text: Span<UInt8>) -> Bool {
        if node.isEscaped {
            return unescape(text, from: Int(node.start), to: Int(node.end)).span.isEqual(to: wanted)
        }
        let (start, end) = (Int(node.start), Int(node.end))
        return end - start == wanted.count && text.extracting(start..<end).isEqual(to: wanted)
    }

    func rawRange(_ index: Int) -> Range<Int> {
        let node = nodes[index]
        let quote = node.kind == .string || node.kind == .key ? 1 : 0
        return Int(node.start) - quote..<Int(node.end) + quote
    }

    func keyText(_ index: Int) -> String {
        let node = nodes[index]
        if node.isEscaped { return String(decoding: characters(of: node, bytes.span), as: UTF8.self) }
        return String(decoding: bytes[Int(node.start)..<Int(node.end)], as: UTF8.self)
    }

    func stringBytes(_ index: Int) -> ArraySlice<UInt8>? {
        let node = nodes[index]
        guard node.kind == .string else { return nil }
        if node.isEscaped { return unescape(bytes.span, from: Int(node.start), to: Int(node.end))[...] }
        return bytes[Int(node.start)..<Int(node.end)]
    }

    func int64(_ index: Int) -> Int64? {
        guard nodes[index].kind == .integer else { return nil }
        return decimal(index)?.mantissa
    }

    func decimal(_ index: Int) -> ExactDecimal? {
        let node = nodes[index]
        guard node.kind == .integer || node.kind == .number else { return nil }
        let range = Int(node.start)..<Int(node.end)
        return ExactDecimal(plain: bytes.span.extracting(range)) ?? longDecimal(range)
    }

    private func longDecimal(_ range: Range<Int>) -> ExactDecimal? {
        do throws(ExactDecimal.ParseFailure) {
            return try ExactDecimal(parsing: bytes[range])
        } catch {
            preconditionFailure("the parser accepts only numbers that an ExactDecimal holds")
        }
    }

    func pointer(to target: Int) -> String {
        var (pointer, at) = ("", 0)
        while at != target {
            let isObject = nodes[at].kind == .object
            var (child, number) = (at + 1, 0)
            while true {
                let value = isObject ? child + 1 : child
                if target < Int(nodes[value].next) {
                    pointer +=
                        "/"
                        + (isObject ? pointerToken(characters(of: nodes[child], bytes.span)) : String(number))
                    at = value
                    break
                }
                child = Int(nodes[value].next)
                number += 1
            }
        }
        return pointer
    }
}
