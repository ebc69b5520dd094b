// An answer, and the answers the gate gives by itself. Built by handlers and prechecks; sent once by the
// gate, which adds Date, Content-Length and Connection. Never names the server or its version.

/// Status, header fields and body.
public struct HTTPResponse: Sendable {
    /// 200 to 599; anything else is a defect of the handler and is sent as 500.
    public var status: Int
    /// Content-Length and Transfer-Encoding belong to the gate; a field that is empty or holds control
    /// characters is a defect of the handler and turns the whole answer into 500, so that no answer can be
    /// split.
    public var headers: [(String, String)]
    public var body: [UInt8]

    public init(status: Int, headers: [(String, String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Plain text in UTF-8.
    public static func text(_ text: String, status: Int = 200) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: [("Content-Type", "text/plain; charset=utf-8")], body: Array(text.utf8))
    }

    /// A JSON document that is already encoded.
    public static func json(_ body: [UInt8], status: Int = 200) -> HTTPResponse {
        HTTPResponse(status: status, headers: [("Content-Type", "application/json")], body: body)
    }

    /// An RFC 9457 problem without details of its own.
    public static func problem(_ refusal: HTTPRefusal) -> HTTPResponse {
        let text = "{\"type\":\"about:blank\",\"title\":\"\(refusal.title)\",\"status\":\(refusal.status)}"
        let type = ("Content-Type", "application/problem+json")
        return HTTPResponse(status: refusal.status, headers: [type], body: Array(text.utf8))
    }
}

/// Why the gate itself refuses a request.
public enum HTTPRefusal: Sendable, CaseIterable {
    /// Target, header fields or framing that could be read in two ways.
    case malformed
    case bodyTooLarge
    case headersTooLarge
    /// More bodies in memory than ``HTTPLimits/bufferedBytes``.
    case tooBusy
    /// The server is being stopped.
    case stopping
    /// The handler let go of its responder without an answer, or gave one that cannot be sent.
    case unanswered
    /// No answer within ``HTTPLimits/answerSeconds``.
    case tooLate

    public var status: Int {
        switch self {
        case .malformed: 400
        case .bodyTooLarge: 413
        case .headersTooLarge: 431
        case .unanswered: 500
        case .tooBusy, .stopping: 503
        case .tooLate: 504
        }
    }

    public var title: String { reasonPhrase(status) }
}

func reasonPhrase(_ status: Int) -> String {
    switch status {
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 413: "Content Too Large"
    case 415: "Unsupported Media Type"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    default: "Refused"
    }
}
