// The header fields of one request as they came: all bytes in one array, names compared without case. Filled
// by the gate when the head has arrived, read by routes and prechecks. Never decoded, merged or reordered.

/// Header fields in the order in which they were sent.
public struct HTTPFields: Sendable {
    private var text: [UInt8] = []
    private var ends: [(name: Int, value: Int)] = []

    init() {
        text.reserveCapacity(512)
        ends.reserveCapacity(12)
    }

    mutating func append(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        unsafe text.append(contentsOf: name)
        let nameEnd = text.count
        unsafe text.append(contentsOf: value)
        ends.append((nameEnd, text.count))
    }

    public var count: Int { ends.count }

    /// The value of the first field of that name; bytes that are not UTF-8 are replaced by U+FFFD.
    public func first(_ name: String) -> String? {
        for index in ends.indices where nameMatches(index, name) { return value(at: index) }
        return nil
    }

    /// The values of all fields of that name, in order. Credentials and keys should be refused unless there
    /// is one.
    public func all(_ name: String) -> [String] {
        ends.indices.filter { nameMatches($0, name) }.map(value(at:))
    }

    /// Without the spaces and tabs around it (RFC 9110, section 5.5).
    private func value(at index: Int) -> String {
        var value = bytes(at: index)
        while let last = value.last, last == 0x20 || last == 0x09 { value.removeLast() }
        return String(decoding: value.drop { $0 == 0x20 || $0 == 0x09 }, as: UTF8.self)
    }

    private func bytes(at index: Int) -> ArraySlice<UInt8> { text[ends[index].name..<ends[index].value] }

    private func start(of index: Int) -> Int { index == 0 ? 0 : ends[index - 1].value }

    private func nameMatches(_ index: Int, _ name: String) -> Bool {
        let (start, end) = (start(of: index), ends[index].name)
        guard name.utf8.count == end - start else { return false }
        return zip(text[start..<end], name.utf8).allSatisfy { lowercased($0) == lowercased($1) }
    }
}

/// How the end of a body is found, which is what request smuggling plays with.
enum BodyFraming: Equatable {
    case none
    case length(Int)
    case chunked
    /// Two ways at once, a way given twice, one this server does not know, or a field that other servers read
    /// otherwise.
    case ambiguous
}

extension HTTPFields {
    /// - SeeAlso: RFC 9112, sections 3.2 and 6.3; anything that leaves room for two readings is ambiguous.
    ///   The bytes are compared as they came, because the library does the same: what one trims and the other
    ///   does not is a gap.
    func framing(version: String) -> BodyFraming {
        let hosts = values("Host").count
        guard everyFieldIsPlain, hosts == 1 || hosts == 0 && version == "HTTP/1.0" else { return .ambiguous }
        let (lengths, codings) = (values("Content-Length"), values("Transfer-Encoding"))
        switch (lengths.count, codings.count) {
        case (0, 0): return .none
        case (0, 1): return codings[0].elementsEqual("chunked".utf8) ? .chunked : .ambiguous
        case (1, 0):
            guard let length = Int(String(decoding: lengths[0], as: UTF8.self)), length >= 0 else {
                return .ambiguous
            }
            return length == 0 ? .none : .length(length)
        default: return .ambiguous
        }
    }

    private func values(_ name: String) -> [ArraySlice<UInt8>] {
        ends.indices.filter { nameMatches($0, name) }.map(bytes(at:))
    }

    /// Names are tokens (a space before the colon hides a field), values hold no control characters.
    private var everyFieldIsPlain: Bool {
        for index in ends.indices {
            let (start, nameEnd, end) = (start(of: index), ends[index].name, ends[index].value)
            guard start < nameEnd, text[start..<nameEnd].allSatisfy(isTokenByte),
                text[nameEnd..<end].allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 })
            else { return false }
        }
        return true
    }
}

/// RFC 9110, section 5.6.2.
func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
    case 0x21, 0x23...0x27, 0x2a, 0x2b, 0x2d, 0x2e, 0x5e...0x60, 0x7c, 0x7e: true
    default: false
    }
}

func lowercased(_ byte: UInt8) -> UInt8 { (0x41...0x5a).contains(byte) ? byte | 0x20 : byte }
