// The right to answer one request, once. Made by the gate for the handler, which answers at once or hands it
// to another thread. It must not be kept for ever: let go of it and the client is told 500; keep it too long
// and it is 504.

/// Answers one request from any thread, now or later.
public final class HTTPResponder: Sendable {
    private let exchange: Exchange

    init(_ exchange: Exchange) { self.exchange = exchange }

    deinit { _ = exchange.answer(exchange.gate.refusal(.unanswered)) }

    /// Sends the answer. Safe also when the client has hung up or the server has stopped meanwhile.
    /// - Returns: false if the request was already answered, timed out, or its connection is gone; nothing is
    ///   sent then.
    @discardableResult
    public func respond(_ response: HTTPResponse) -> Bool { exchange.answer(response) }
}
