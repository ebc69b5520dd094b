// What a client asked: the head as soon as it is there, the whole request when its body is complete.
// Made by the gate; read by prechecks (head only) and handlers. A request with half a body never exists.

/// The head of a request, before its body is read.
public struct HTTPHead: Sendable {
    /// As sent; methods are case-sensitive.
    public let method: String
    /// As sent, percent-encoding not decoded, without the query; printable ASCII that begins with `/`.
    public let path: String
    /// Decoded, in order; at most ``HTTPLimits/queryItems``.
    public let query: [(name: String, value: String)]
    public let fields: HTTPFields
    /// The numeric address of the other end of the connection (a proxy's, if there is one).
    public let remoteAddress: String?
    /// The declared length in bytes; nil if there is no body or it comes in chunks.
    public let contentLength: Int?

    /// The first field of that name, compared without case.
    public func header(_ name: String) -> String? { fields.first(name) }

    /// The first value of that name in the query.
    public func queryValue(_ name: String) -> String? { query.first { $0.name == name }?.value }
}

/// A complete request.
public struct HTTPRequest: Sendable {
    public let head: HTTPHead
    public let body: [UInt8]

    public var method: String { head.method }
    public var path: String { head.path }
    public var query: [(name: String, value: String)] { head.query }
    public var remoteAddress: String? { head.remoteAddress }
    public func header(_ name: String) -> String? { head.fields.first(name) }
    public func queryValue(_ name: String) -> String? { head.queryValue(name) }
}
