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
        ends.indices.first { nameMatches($0, name) }.map { String(decoding: value(at: $0), as: UTF8.self) }
    }

    /// The values of all fields of that name, in order.
    public func all(_ name: String) -> [String] {
        ends.indices.filter { nameMatches($0, name) }.map { String(decoding: value(at: $0), as: UTF8.self) }
    }

    /// The value of the only field of that name, as it came; nil if there is none, or more than one. Credentials and
    /// keys should be read with this.
    public func only(_ name: String) -> ArraySlice<UInt8>? {
        guard let index = ends.indices.first(where: { nameMatches($0, name) }),
            !ends.indices[(index + 1)...].contains(where: { nameMatches($0, name) })
        else { return nil }
        return value(at: index)
    }

    public func contains(_ name: String) -> Bool { ends.indices.contains { nameMatches($0, name) } }

    /// Without the spaces and tabs around it (RFC 9110, section 5.5).
    private func value(at index: Int) -> ArraySlice<UInt8> {
        var value = bytes(at: index)
        while let last = value.last, last == 0x20 || last == 0x09 { value.removeLast() }
        return value.drop { $0 == 0x20 || $0 == 0x09 }
    }

    private func bytes(at index: Int) -> ArraySlice<UInt8> { text[ends[index].name..<ends[index].value] }

    private func start(of index: Int) -> Int { index == 0 ? 0 : ends[index - 1].value }

    /// Written as a loop over both spans: every request asks for a dozen names, each of up to a hundred fields.
    private func nameMatches(_ index: Int, _ name: String) -> Bool {
        let start = start(of: index)
        let (wanted, text) = (name.utf8.span, text.span)
        guard wanted.count == ends[index].name - start else { return false }
        for offset in 0..<wanted.count where lowercased(text[start + offset]) != lowercased(wanted[offset]) {
            return false
        }
        return true
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
        let hosts = count(of: "Host")
        guard everyFieldIsPlain, hosts == 1 || hosts == 0 && version == "HTTP/1.0" else { return .ambiguous }
        switch (count(of: "Content-Length"), count(of: "Transfer-Encoding")) {
        case (0, 0): return .none
        case (0, 1): return sent("Transfer-Encoding").elementsEqual("chunked".utf8) ? .chunked : .ambiguous
        case (1, 0):
            guard let length = Int(String(decoding: sent("Content-Length"), as: UTF8.self)), length >= 0 else {
                return .ambiguous
            }
            return length == 0 ? .none : .length(length)
        default: return .ambiguous
        }
    }

    private func count(of name: String) -> Int { ends.indices.count { nameMatches($0, name) } }

    /// The bytes of the first field of that name, with the spaces around them.
    private func sent(_ name: String) -> ArraySlice<UInt8> {
        ends.indices.first { nameMatches($0, name) }.map(bytes(at:)) ?? []
    }

    /// Names are tokens (a space before the colon hides a field), values hold no control characters.
    private var everyFieldIsPlain: Bool {
        let text = text.span
        for index in ends.indices {
            let (start, nameEnd, end) = (start(of: index), ends[index].name, ends[index].value)
            guard start < nameEnd else { return false }
            for at in start..<nameEnd where !isTokenByte(text[at]) { return false }
            for at in nameEnd..<end where text[at] < 0x20 && text[at] != 0x09 || text[at] == 0x7f { return false }
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
