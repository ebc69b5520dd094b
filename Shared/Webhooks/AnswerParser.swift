// Reads one HTTP/1.1 answer from bytes as they arrive (RFC 9112): the status, when to try again, and where
// the answer ends, so that the connection can be used again. Called by Connection. The body is counted and
// thrown away.

import Primitives

struct AnswerParser {
    /// Status line and header fields: four times what servers send.
    private static let maximumHeadBytes = 32 << 10
    /// A longer body is not worth waiting for; its connection is closed instead.
    private static let maximumBodyBytes = 64 << 10
    /// Of a chunk's size or a trailer.
    private static let maximumLineBytes = 4 << 10

    private enum State {
        case head
        case body(left: Int)
        case chunkSize
        case chunk(left: Int)
        case trailer
        case untilClose
        case done
        case malformed
    }

    private var state = State.head
    private var line: [UInt8] = []
    private var headBytes = 0
    private var bodyBytes = 0
    private var fields = AnswerFields()

    /// Whether any byte of the answer has arrived.
    var hasBegun: Bool { headBytes > 0 || fields.status != nil }
    /// Nil until the head is complete; interim answers (1xx) do not count.
    private(set) var status: Int?
    var retryAfterSeconds: Int64? { fields.retryAfterSeconds }
    var isDone: Bool { if case .done = state { true } else { false } }
    var isMalformed: Bool { if case .malformed = state { true } else { false } }
    /// Whether the connection may be used again after the answer.
    private(set) var keepsConnection = true

    mutating func feed(_ bytes: ArraySlice<UInt8>) {
        var at = bytes.startIndex
        while at < bytes.endIndex {
            switch state {
            case .head, .chunkSize, .trailer:
                takeLineByte(bytes[at])
                at += 1
            case .body(let left):
                at = skip(bytes, at, left) { $0 == 0 ? .done : .body(left: $0) }
            case .chunk(let left):
                at = skip(bytes, at, left) { $0 == 0 ? .chunkSize : .chunk(left: $0) }
            case .untilClose:
                at = skip(bytes, at, bytes.endIndex - at) { _ in .untilClose }
            case .done:
                // More than one answer to one request: what it is, nobody knows.
                keepsConnection = false
                return
            case .malformed: return
            }
        }
    }

    private mutating func skip(
        _ bytes: ArraySlice<UInt8>, _ at: Int, _ left: Int, _ next: (Int) -> State
    ) -> Int {
        let taken = min(left, bytes.endIndex - at)
        bodyBytes += taken
        state = next(left - taken)
        if bodyBytes > Self.maximumBodyBytes { finish(keepingConnection: false) }
        return at + taken
    }

    private mutating func takeLineByte(_ byte: UInt8) {
        if case .head = state {
            headBytes += 1
            if headBytes > Self.maximumHeadBytes {
                state = .malformed
                return
            }
        } else if line.count > Self.maximumLineBytes {
            state = .malformed
            return
        }
        guard byte == UInt8(ascii: "\n") else { return line.append(byte) }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        takeLine()
        line.removeAll(keepingCapacity: true)
    }

    private mutating func takeLine() {
        switch state {
        case .head:
            if line.isEmpty { return endHead() }
            if !fields.take(line) { state = .malformed }
        case .chunkSize:
            // The line break behind a chunk's bytes.
            if line.isEmpty, bodyBytes > 0 { return }
            let digits = line.prefix { $0 != UInt8(ascii: ";") && $0 != 0x20 }
            guard !digits.isEmpty, digits.count <= 8,
                let size = Int(String(decoding: digits, as: UTF8.self), radix: 16), size >= 0
            else {
                state = .malformed
                return
            }
            state = size == 0 ? .trailer : .chunk(left: size)
        case .trailer:
            if line.isEmpty { state = .done }
        case .body, .chunk, .untilClose, .done, .malformed: break
        }
    }

    private mutating func endHead() {
        guard let code = fields.status else {
            state = .malformed
            return
        }
        if (100...199).contains(code) {
            fields = AnswerFields()
            return
        }
        status = code
        keepsConnection = fields.keepsConnection
        if code == 204 || code == 304 {
            state = .done
        } else if fields.isChunked {
            state = .chunkSize
        } else if let length = fields.contentLength {
            state = length == 0 ? .done : .body(left: length)
        } else {
            finish(keepingConnection: false)
        }
    }

    /// The rest of the answer is of no interest: an end that only closing the connection shows, or one too
    /// far away.
    private mutating func finish(keepingConnection: Bool) {
        keepsConnection = keepsConnection && keepingConnection
        state = .done
    }
}

/// What the head of an answer says, line by line.
struct AnswerFields {
    private(set) var status: Int?
    private(set) var contentLength: Int?
    private(set) var isChunked = false
    private(set) var keepsConnection = true
    private var retryAfter: String?
    private var date: String?

    /// False if the line is none of an HTTP/1 head.
    mutating func take(_ line: [UInt8]) -> Bool {
        guard status != nil else { return takeStatusLine(line) }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0 else { return false }
        let name = line[..<colon].map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }
        let value = String(decoding: line[(colon + 1)...], as: UTF8.self)
            .split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
        switch String(decoding: name, as: UTF8.self) {
        case "content-length":
            guard let length = Int(value), length >= 0, contentLength == nil || contentLength == length else {
                return false
            }
            contentLength = length
        case "transfer-encoding":
            isChunked = value.lowercased().hasSuffix("chunked")
            if !isChunked { keepsConnection = false }
        case "connection":
            if value.lowercased().contains("close") { keepsConnection = false }
        case "retry-after": retryAfter = value
        case "date": date = value
        default: break
        }
        return true
    }

    private mutating func takeStatusLine(_ line: [UInt8]) -> Bool {
        let parts = String(decoding: line, as: UTF8.self).split(separator: " ", maxSplits: 2)
        guard parts.count >= 2, ["HTTP/1.1", "HTTP/1.0"].contains(parts[0]), parts[1].utf8.count == 3,
            let code = Int(parts[1]), (100...599).contains(code)
        else { return false }
        status = code
        if parts[0] == "HTTP/1.0" { keepsConnection = false }
        return true
    }

    /// A number of seconds, or a date held against the answer's own.
    var retryAfterSeconds: Int64? {
        guard let retryAfter else { return nil }
        if let seconds = Int64(retryAfter) { return max(0, seconds) }
        guard let then = httpDate(retryAfter), let date, let now = httpDate(date) else { return nil }
        return max(0, (then.milliseconds - now.milliseconds) / 1_000)
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7); nil for anything else.
private func httpDate(_ text: String) -> Timestamp? {
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let parts = text.split(separator: " ")
    guard parts.count == 6, parts[5] == "GMT", let month = months.firstIndex(of: String(parts[2])) else {
        return nil
    }
    let number = month + 1 < 10 ? "0\(month + 1)" : "\(month + 1)"
    return Timestamp(rfc3339: "\(parts[3])-\(number)-\(parts[1])T\(parts[4])Z")
}
