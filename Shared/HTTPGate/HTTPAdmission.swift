// What becomes of a request, decided by its head, before its body is read. Made by whoever a server belongs to, on a
// serving thread, once for each request.

public enum HTTPAdmission {
    /// The answer; a body that still comes is dropped.
    case refuse(HTTPResponse)
    /// Called once when the request is complete, on the same thread; what was found out about the head need not be
    /// found out again.
    case take((HTTPRequest, HTTPResponder) -> Void)
}
