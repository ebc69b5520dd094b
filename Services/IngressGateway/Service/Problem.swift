// What the API answers when it does not do what it was asked: a problem document (RFC 9457) with a stable code. Made by the
// door and its parts, written here alone, so that every refusal has the same form.

import HTTPGate
import JSONText
import Messages
import Primitives

/// A refusal with its reason.
struct Problem: Error, Sendable {
    let status: Int
    /// A stable word; also the last part of the problem's type.
    let code: String
    /// One sentence for people; it may change between versions.
    let detail: String
    var errors: [FieldProblem] = []
    /// What was decided, where that is more than the reason.
    var outcome: [UInt8] = []
    var headers: [(String, String)] = []

    init(_ status: Int, _ code: String, _ detail: String) {
        self.status = status
        self.code = code
        self.detail = detail
    }

    /// - Parameter trace: the request's, so that callers and logs can name it.
    func response(trace: UInt128?) -> HTTPResponse {
        var writer = JSONWriter(capacity: 512)
        writer.beginObject()
        writer.field("type", "/problems/\(code)")
        writer.field("title", Self.title(of: code, status))
        writer.field("status", Int64(status))
        writer.field("detail", detail)
        writer.field("code", code)
        if !errors.isEmpty {
            writer.array("errors") { items in
                for error in errors {
                    items.beginObject()
                    items.field("pointer", error.pointer)
                    items.field("code", error.code)
                    items.field("detail", error.detail)
                    items.endObject()
                }
            }
        }
        if !outcome.isEmpty { writer.field("outcome", raw: outcome) }
        if let trace { writer.field("traceId", hex: trace) }
        writer.endObject()
        let type = ("Content-Type", "application/problem+json")
        return HTTPResponse(status: status, headers: [type, noStore] + headers, body: writer.bytes)
    }

    private static func title(of code: String, _ status: Int) -> String {
        switch code {
        case "unauthorized": "The API key or its secret is missing or wrong"
        case "forbidden", "no-source", "unknown-source", "inactive-source": "This API key may not do this"
        case "not-found", "unknown-wallet", "unknown-event": "There is no such thing"
        case "method-not-allowed": "This path has other methods"
        case "unsupported-media-type": "JSON is due"
        case "key-required", "key-invalid": "A valid Idempotency-Key is due"
        case "key-reuse": "The idempotency key was used for another request"
        case "in-flight": "The same request is being accepted"
        case "too-old", "future-event": "The event's time is out of bounds"
        default:
            switch status {
            case 413: "The body is too large"
            case 422: "The request was understood and refused"
            case 500...: "The service cannot answer now"
            default: "The request cannot be read"
            }
        }
    }
}

/// Answers are the caller's alone and true for the moment only.
let noStore = ("Cache-Control", "no-store")

extension Problem {
    /// A body that was not accepted: what cannot be read is 400, what says something impossible is 422.
    init(_ failure: MessageFailure) {
        switch failure {
        case .document(let error):
            self.init(Self.status(of: error.code), error.code.rawValue, failure.detail)
            if !error.pointer.isEmpty {
                errors = [FieldProblem(pointer: error.pointer, code: error.code.rawValue, detail: error.detail)]
            }
        case .fields(let problems):
            self.init(422, failure.code, failure.detail)
            errors = problems
        }
    }

    private static func status(of code: JSONError.Code) -> Int {
        switch code {
        case .emptyBody, .invalidJSON, .duplicateKey, .tooDeep, .numberOutOfRange, .invalidEncoding: 400
        case .tooLarge: 413
        case .nulCharacter, .tooManyItems, .tooManyFields: 422
        }
    }

    /// What the HTTP server refuses by itself.
    init(_ refusal: HTTPRefusal) {
        switch refusal {
        case .malformed: self.init(400, "malformed-request", "the request line, the header fields or the framing are wrong")
        case .bodyTooLarge: self.init(413, "body-too-large", "the body is larger than this server takes")
        case .headersTooLarge: self.init(431, "headers-too-large", "the header fields are larger than this server takes")
        case .tooBusy: self = .unavailable("busy", "too many requests are being read")
        case .stopping: self = .unavailable("stopping", "the server is being stopped")
        case .unanswered: self.init(500, "internal", "the request got no answer")
        case .tooLate: self.init(504, "no-answer", "there was no answer in time")
        }
    }

    /// Nothing is wrong with the request: it may be sent again, with the same idempotency key.
    static func unavailable(_ code: String, _ detail: String) -> Problem {
        var problem = Problem(503, code, detail)
        problem.headers = [("Retry-After", "1")]
        return problem
    }
}
