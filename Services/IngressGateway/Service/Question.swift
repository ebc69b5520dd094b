// What a waiting request asked for, and what its end means to the caller: the one place where outcomes become HTTP answers.
// Called by the door with a wait that was taken out of the table.

import HTTPGate
import IngressGatewayDomain
import JSONText
import Messages
import Primitives

/// What is asked.
enum Question: Sendable, Equatable {
    case openWallet(externalID: String)
    /// A wallet, its balance or its transactions.
    case wallet
    /// What became of an event or a request.
    case outcome(of: EventID)
    /// To accept an event or a request.
    case accept(EventID)

    /// The event that is to be accepted.
    var event: EventID? {
        if case .accept(let event) = self { event } else { nil }
    }
}

extension Wait {
    func answer(_ end: WaitEnd) -> HTTPResponse {
        var response: HTTPResponse
        do throws(Problem) {
            response = try accepted(end)
            response.headers.append(noStore)
        } catch {
            response = error.response(trace: trace)
        }
        if case .reply(let reply) = end, reply.replayed, question.event != nil {
            response.headers.append(("Idempotent-Replayed", "true"))
        }
        if let preferredSeconds { response.headers.append(("Preference-Applied", "wait=\(preferredSeconds)")) }
        return response
    }

    private func accepted(_ end: WaitEnd) throws(Problem) -> HTTPResponse {
        switch end {
        case .reply(let reply): return try told(reply)
        case .acknowledged: return try laterResponse()
        case .timeUp, .stopping:
            if isSafe, question.event != nil { return try laterResponse() }
            if case .stopping = end { throw .unavailable("stopping", "the server is being stopped") }
            throw .unavailable("no-answer", "there was no answer in time; ask again")
        case .notAcknowledged:
            throw .unavailable("not-accepted", "the request could not be stored safely; send it again with the same key")
        }
    }

    private func told(_ reply: GatewayReply) throws(Problem) -> HTTPResponse {
        switch (question, reply.outcome) {
        case (.openWallet(let externalID), .created):
            return HTTPResponse(
                status: 201,
                headers: [jsonType, ("Location", "/v1/wallets/\(percentEncoded(externalID))")], body: reply.body)
        case (.accept, .pending): return try laterResponse()
        case (.outcome(let event), .pending): return .json(Self.status("pending", of: event))
        case (.outcome, .refused), (_, .done), (_, .created): return .json(reply.body)
        case (.outcome, .notFound), (.accept, .notFound):
            throw Problem(404, "unknown-event", "no event of this id was accepted in the time that keys are kept for")
        case (_, .notFound): throw Problem(404, "unknown-wallet", "no wallet has this external id")
        case (_, .conflict):
            throw Problem(422, "key-reuse", "the idempotency key was used for another payload; nothing was done")
        case (_, .refused): throw Self.refusal(reply.body)
        case (_, .pending): throw .unavailable("no-answer", "there is no answer yet; ask again")
        }
    }

    /// The reason is the code; the whole outcome goes with it.
    private static func refusal(_ body: [UInt8]) -> Problem {
        var (reason, detail) = ("refused", "the request was refused")
        do throws(JSONError) {
            let outcome = try JSONDocument(parsing: body).root
            if let text = outcome["reason"]?.string(), isCode(text) { (reason, detail) = (text, "refused: \(text)") }
            if let text = outcome["detail"]?.string() { detail = text }
        } catch {
            return Problem(422, reason, detail)
        }
        var problem = Problem(422, reason, detail)
        problem.outcome = body
        return problem
    }

    private static func isCode(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d }
    }

    /// 202: it will be decided, and here is where to ask.
    private func laterResponse() throws(Problem) -> HTTPResponse {
        guard let event = question.event else {
            throw .unavailable("no-answer", "there is no answer yet; ask again")
        }
        return HTTPResponse(
            status: 202, headers: [jsonType, ("Location", "/v1/events/\(event)")],
            body: Self.status("accepted", of: event))
    }

    private static func status(_ status: String, of event: EventID) -> [UInt8] {
        var writer = JSONWriter(capacity: 96)
        writer.beginObject()
        writer.field("event", event)
        writer.field("status", status)
        writer.endObject()
        return writer.bytes
    }
}

private let jsonType = ("Content-Type", "application/json")
