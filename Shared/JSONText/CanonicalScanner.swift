// Reads forward through a body as this platform's own writer writes it: compact, its fields in a known order, texts
// without escapes. Topics between services carry nothing else, so nearly every body is read in one pass without an
// index. Called by codecs, which read a body that is not of this form with FieldReader: a scanner that says nil means
// "not this form", never "wrong". It must never accept what that reader refuses, or read another value than it.

import Primitives

/// A place in a body, moved on by what was found there.
public struct CanonicalScanner {
    let bytes: [UInt8]
    let end: Int
    var position: Int

    /// Reads a whole body in its canonical form; nil if it has another one.
    public static func read<Message>(
        _ bytes: [UInt8], in range: Range<Int>?, _ read: (inout CanonicalScanner) -> Message?
    ) -> Message? {
        let range = range ?? 0..<bytes.count
        guard range.count <= JSONLimits.standard.bytes else { return nil }
        var scanner = CanonicalScanner(bytes, range)
        guard let message = read(&scanner), scanner.position == scanner.end else { return nil }
        return message
    }

    private init(_ bytes: [UInt8], _ range: Range<Int>) {
        precondition(range.upperBound <= bytes.count && range.lowerBound >= 0, "the range lies within the bytes")
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    // MARK: Structure

    /// Steps over `literal` if it comes next. It has more than one character.
    @inline(__always)
    public mutating func take(_ literal: StaticString) -> Bool {
        let count = literal.utf8CodeUnitCount
        guard count <= end - position, bytes.span.has(literal, at: position) else { return false }
        position += count
        return true
    }

    /// Steps over one character if it comes next.
    @inline(__always)
    public mutating func take(character: Unicode.Scalar) -> Bool {
        guard position < end, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    /// The value behind `key` if that comes next, else `absent`; nil if the value is not of its form.
    @inline(__always)
    public mutating func take<Value>(
        _ key: StaticString, orElse absent: Value, _ read: (inout CanonicalScanner) -> Value?
    ) -> Value? {
        take(key) ? read(&self) : .some(absent)
    }

    /// The value behind `key` if that comes next, else a nil; without even that if the value is not of its form.
    @inline(__always)
    public mutating func optional<Value>(
        _ key: StaticString, _ read: (inout CanonicalScanner) -> Value?
    ) -> Value?? {
        guard take(key) else { return .some(nil) }
        return read(&self).map(Optional.some)
    }

    /// The items of an array of at least one, behind its opening bracket, to its closing one.
    @inline(__always)
    public mutating func items<Item>(
        maximum: Int, _ read: (inout CanonicalScanner) -> Item?
    ) -> [Item]? {
        var items: [Item] = []
        repeat {
            guard items.count < maximum, let item = read(&self) else { return nil }
            items.append(item)
        } while take(character: ",")
        return take(character: "]") ? items : nil
    }
}
