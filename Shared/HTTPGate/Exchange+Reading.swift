// The part of an exchange that runs on the library's thread: head, body piece by piece, then the handler. It
// decides how a refusal reaches a client that is still sending: small bodies are read to their end and
// dropped, so the connection lives on; large ones are answered at once, straight to the socket, and what
// still comes is thrown away up to a bound. It must never block and never keep more than the body's bound.

import CMicroHTTPD

/// What has been read of one request.
struct Reading {
    enum Plan {
        /// Keep the body for the handler.
        case deliver
        /// Drop the body, then answer with this.
        case refuse(HTTPResponse)
        /// The answer is sent and our direction is shut; drop what comes, then close.
        case linger
    }

    /// The target as sent, and where the library keeps it.
    let target: [UInt8]
    let targetAddress: UInt
    /// The head has been looked at.
    var hasBegun = false
    var head: HTTPHead?
    var plan = Plan.deliver
    /// Who takes the request when it is complete.
    var taker: ((HTTPRequest, HTTPResponder) -> Void)?
    var body: [UInt8] = []
    /// Bytes of the body that have come, kept or not.
    var received = 0
    /// What this exchange counts in the gate's sum.
    var bufferedBytes = 0
    /// The handler has it.
    var isComplete = false
}

/// What the library should do next.
enum Step {
    case goOn
    case answer(HTTPResponse)
    case close
}

extension Exchange {
    /// The head is complete, the body is not read yet.
    /// - Parameter targetEnds: where the library sees the end of the target, which is not where it ends if it
    ///   holds a NUL.
    func begin(
        method: String, version: String, fields: HTTPFields, headerBytes: Int, targetEnds: UInt,
        connection: OpaquePointer
    ) -> Step {
        let framing = fields.framing(version: version)
        guard let target = HTTPTarget(reading.target, queryItems: gate.limits.queryItems),
            framing != .ambiguous,
            reading.targetAddress + UInt(reading.target.count) + 1 == targetEnds
        else { return .answer(closing(gate.refusal(.malformed))) }
        let length: Int? = if case .length(let bytes) = framing { bytes } else { nil }
        let head = HTTPHead(
            method: method, path: target.path, query: target.query, fields: fields,
            remoteAddress: peer.address,
            contentLength: length)
        reading.head = head
        let refusal: HTTPResponse
        switch admission(of: head, headerBytes: headerBytes) {
        case .take(let taker):
            reading.taker = taker
            reading.body.reserveCapacity(min(length ?? 0, Self.firstReservationBytes))
            return .goOn
        case .refuse(let response): refusal = response
        }
        if fields.contains("Expect") { return .answer(closing(refusal)) }
        if (length ?? 0) > gate.limits.bodyBytes { return unsafe linger(after: refusal, on: connection) }
        reading.plan = .refuse(refusal)
        return .goOn
    }

    /// A declared length is only a claim: memory follows the bytes that really come.
    private static let firstReservationBytes = 64 << 10

    private func admission(of head: HTTPHead, headerBytes: Int) -> HTTPAdmission {
        let limits = gate.limits
        if gate.isStopping { return .refuse(closing(gate.refusal(.stopping))) }
        if headerBytes > limits.headerBytes || head.fields.count > limits.headerCount {
            return .refuse(closing(gate.refusal(.headersTooLarge)))
        }
        let admission = gate.admit(head)
        if case .take = admission, (head.contentLength ?? 0) > limits.bodyBytes {
            return .refuse(closing(gate.refusal(.bodyTooLarge)))
        }
        return admission
    }

    /// The next piece of the body.
    func receive(_ bytes: UnsafeRawBufferPointer, connection: OpaquePointer) -> Step {
        reading.received += bytes.count
        switch reading.plan {
        case .linger:
            return reading.received > gate.limits.discardedBytes ? .close : .goOn
        case .refuse(let refusal):
            return reading.received > gate.limits.bodyBytes
                ? unsafe linger(after: refusal, on: connection) : .goOn
        case .deliver:
            guard reading.received <= gate.limits.bodyBytes else {
                return unsafe linger(after: gate.refusal(.bodyTooLarge), on: connection)
            }
            guard gate.reserve(bytes: bytes.count) else {
                dropBody()
                reading.plan = .refuse(gate.refusal(.tooBusy))
                return .goOn
            }
            reading.bufferedBytes += bytes.count
            unsafe reading.body.append(contentsOf: bytes)
            return .goOn
        }
    }

    /// The request is complete: hand it over, once, and see whether there is an answer.
    func finish(connection: OpaquePointer) -> Step {
        switch reading.plan {
        case .linger: return .close
        case .refuse(let refusal): return .answer(refusal)
        case .deliver: break
        }
        if !reading.isComplete {
            guard let head = reading.head, let taker = reading.taker else { return .close }
            reading.isComplete = true
            reading.taker = nil
            gate.unfinished.enter()
            peer.expect(by: .max)
            let request = HTTPRequest(head: head, body: reading.body)
            reading.body = []
            taker(request, HTTPResponder(self))
        }
        guard let answer = unsafe takeAnswer(orSuspend: connection) else { return .goOn }
        return .answer(gate.isStopping ? closing(answer) : answer)
    }

    /// While a body is being read the library takes no answer, and if it closed at once the client, still
    /// sending, might see a reset instead of the answer (RFC 9112, section 9.6).
    private func linger(after refusal: HTTPResponse, on connection: OpaquePointer) -> Step {
        dropBody()
        reading.plan = .linger
        let hasBody = reading.head?.method != "HEAD"
        let sent = unsafe sendAndShut(
            closing(refusal), withBody: hasBody, socket: pointstream_mhd_socket(connection))
        return sent ? .goOn : .close
    }

    private func dropBody() {
        reading.body = []
        gate.release(bytes: reading.bufferedBytes)
        reading.bufferedBytes = 0
    }

    private func closing(_ response: HTTPResponse) -> HTTPResponse {
        var response = response
        response.headers.append(("Connection", "close"))
        return response
    }
}
