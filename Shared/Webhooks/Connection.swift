// One connection to one endpoint, and the request it carries. Driven by ClientLoop, in its thread. It sends a
// request whole, reads one answer, and can then carry the next.
//
//   connecting ──(TLS)──> handshaking ──> idle <──> busy
//        └──────────┴───────────┴──────────┴─────────┴──> closed

import Glibc

final class Connection {
    enum State { case connecting, handshaking, idle, busy }

    /// What the loop has to know after something happened.
    enum Progress {
        case none
        /// The request may be sent.
        case established
        case answered(WebhookResult, isReusable: Bool)
        /// Before any byte of an answer: on a connection that was used before, the request may be sent anew.
        case lost(WebhookFailure)
    }

    private static let receiveBytes = 16 << 10

    let token: UInt64
    let endpoint: Endpoint
    private let socket: StreamSocket
    private let tls: TLSSession?
    private(set) var state = State.connecting
    var request: PendingRequest?
    /// Requests that it has carried before the one at hand.
    var answersBefore = 0
    /// When it became idle, in monotonic milliseconds.
    var idleSince: Int64 = 0
    /// Which of the endpoint's addresses it connects to.
    let addressIndex: Int

    private var output: [UInt8] = []
    private var outputStart = 0
    private var parser = AnswerParser()
    private var buffer: [UInt8] = []

    init?(
        _ token: UInt64, _ endpoint: Endpoint, _ request: PendingRequest, to address: SocketAddress,
        index: Int,
        _ context: TLSContext
    ) {
        guard let socket = StreamSocket(connectingTo: address) else { return nil }
        if endpoint.target.isSecure {
            guard
                let session = TLSSession(
                    context, host: endpoint.target.host, isAddress: endpoint.target.isAddress)
            else { return nil }
            tls = session
        } else {
            tls = nil
        }
        self.token = token
        self.endpoint = endpoint
        self.request = request
        self.socket = socket
        addressIndex = index
    }

    var descriptor: Int32 { socket.descriptor }

    // MARK: Requests

    func send(_ bytes: [UInt8]) -> Progress {
        state = .busy
        parser = AnswerParser()
        if let tls {
            guard tls.write(bytes) else { return .lost(.connectionLost) }
            return flush(tls.drain())
        }
        return flush(bytes)
    }

    func becomeIdle(at now: Int64) {
        state = .idle
        request = nil
        answersBefore += 1
        idleSince = now
    }

    /// How a request ends that has no more time, or whose connection is closed: what status there was counts.
    func interrupted(_ failure: WebhookFailure) -> WebhookResult {
        guard let status = parser.status, state == .busy else { return .failed(failure) }
        return .answered(status: status, retryAfterSeconds: parser.retryAfterSeconds)
    }

    // MARK: Events

    func handle(_ event: Poller.Event) -> Progress {
        if state == .connecting {
            guard event.isWritable || event.isBroken else { return .none }
            guard socket.isConnected else { return .lost(.connectionFailed) }
            guard tls != nil else { return .established }
            state = .handshaking
            return shakeHands()
        }
        if event.isWritable, case .lost(let failure) = flush([]) { return .lost(failure) }
        return event.isReadable || event.isBroken ? receive(toEnd: event.isBroken) : .none
    }

    private func flush(_ more: [UInt8]) -> Progress {
        output.append(contentsOf: more)
        while outputStart < output.count {
            switch socket.send(output[outputStart...]) {
            case .moved(let count): outputStart += count
            case .wouldBlock: return .none
            case .ended, .failed: return .lost(.connectionLost)
            }
        }
        output.removeAll(keepingCapacity: true)
        outputStart = 0
        return .none
    }

    private func shakeHands() -> Progress {
        guard let tls else { return .none }
        let step = tls.handshake()
        if case .lost = flush(tls.drain()) { return .lost(.tls) }
        switch step {
        case .proceed: return .established
        case .needsMore: return .none
        case .failed: return .lost(.tls)
        }
    }

    private func receive(toEnd: Bool) -> Progress {
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: Self.receiveBytes) }
        while true {
            switch socket.receive(into: &buffer) {
            case .wouldBlock: return .none
            case .ended, .failed: return ended()
            case .moved(let count):
                switch take(buffer[..<count]) {
                case .none:
                    // A short read empties the socket (epoll(7)), and what comes next makes a new event; an
                    // end that came with these bytes does not.
                    if count < buffer.count, !toEnd { return .none }
                case .answered(let result, let isReusable):
                    return .answered(result, isReusable: isReusable && !toEnd)
                case let progress: return progress
                }
            }
        }
    }

    private func take(_ bytes: ArraySlice<UInt8>) -> Progress {
        guard let tls else { return takeAnswer(bytes) }
        guard tls.take(bytes) else { return ended() }
        if state == .handshaking {
            return shakeHands()
        }
        guard let plain = tls.read() else { return ended() }
        if case .lost(let failure) = flush(tls.drain()) { return .lost(failure) }
        return takeAnswer(plain[...])
    }

    private func takeAnswer(_ bytes: ArraySlice<UInt8>) -> Progress {
        guard !bytes.isEmpty else { return .none }
        // Bytes that nobody asked for.
        guard state == .busy else { return .lost(.connectionLost) }
        parser.feed(bytes)
        if parser.isMalformed { return .answered(.failed(.malformedAnswer), isReusable: false) }
        guard parser.isDone else { return .none }
        let isSent = outputStart == output.count
        return .answered(interrupted(.malformedAnswer), isReusable: parser.keepsConnection && isSent)
    }

    private func ended() -> Progress {
        if state == .handshaking { return .lost(.tls) }
        guard state == .busy, parser.hasBegun else { return .lost(.connectionLost) }
        return .answered(interrupted(.connectionLost), isReusable: false)
    }
}
