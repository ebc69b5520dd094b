// What a server's handler saw, gathered for a test that waits for it from another thread. Test support only.

import Dispatch
import HTTPGate
import Synchronization

/// Values put in by handlers and taken out by a test, in order.
final class Collected<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])
    private let arrived = DispatchSemaphore(value: 0)

    func put(_ value: Value) {
        values.withLock { $0.append(value) }
        arrived.signal()
    }

    /// The oldest value not yet taken; nil if none comes for a time no working server needs.
    func next() -> Value? {
        guard arrived.wait(timeout: .now() + .seconds(20)) == .success else { return nil }
        return values.withLock { $0.removeFirst() }
    }

    var count: Int { values.withLock { $0.count } }
}

/// A server that answers at once with method, path and body size, unless the head is refused.
func echoServer(
    limits: HTTPLimits = HTTPLimits(), seen: Collected<HTTPRequest> = Collected(),
    refusing: @escaping @Sendable (HTTPHead) -> HTTPResponse? = { _ in nil }
) throws -> HTTPServer {
    try HTTPServer(port: 0, limits: limits) { head in
        if let refusal = refusing(head) { return .refuse(refusal) }
        return .take { request, responder in
            seen.put(request)
            responder.respond(.text("\(request.method) \(request.path) \(request.body.count)"))
        }
    }
}
