// The right to answer one request, once. Made by the gate for the handler, which answers at once or hands it
// to another thread. It must not be kept for ever: let go of it and the client is told 500; keep it too long
// and it is 504.

/// Answers one request from any thread, now or later.
public final class HTTPResponder: Sendable {
    private let caller: any HTTPCaller

    @_spi(Simulation) public init(_ caller: any HTTPCaller) { self.caller = caller }

    deinit { caller.letGo() }

    /// Sends the answer. Safe also when the client has hung up or the server has stopped meanwhile.
    /// - Returns: false if the request was already answered, timed out, or its connection is gone; nothing is
    ///   sent then.
    @discardableResult
    public func respond(_ response: HTTPResponse) -> Bool { caller.answer(response) }
}
