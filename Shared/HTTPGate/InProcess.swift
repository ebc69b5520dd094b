// Requests without a server: what a handler gets when its caller is in the same process, as in a simulation,
// which has one thread and no sockets. The head goes through the same readers as one from a connection;
// framing and bounds belong to connections and are not checked here.

/// Whoever waits for the answer to a request.
@_spi(Simulation) public protocol HTTPCaller: AnyObject, Sendable {
    /// From any thread; only the first answer counts.
    ///
    /// - Returns: false if there was one before, or nobody waits any more.
    func answer(_ response: HTTPResponse) -> Bool
    /// The handler has let go of the request; without an answer there will be none.
    func letGo()
}

extension HTTPHead {
    /// - Parameters:
    ///   - target: as in a request line.
    ///   - contentLength: nil without a body.
    /// - Returns: nil for a target that a server refuses as malformed.
    @_spi(Simulation) public init?(
        method: String, target: String, fields: [(name: String, value: String)], contentLength: Int?
    ) {
        guard let target = HTTPTarget(Array(target.utf8), queryItems: HTTPLimits().queryItems) else { return nil }
        var read = HTTPFields()
        for field in fields { read.append(name: field.name, value: field.value) }
        self.init(
            method: method, path: target.path, query: target.query, fields: read, remoteAddress: nil,
            contentLength: contentLength)
    }
}

extension HTTPRequest {
    @_spi(Simulation) public init(_ head: HTTPHead, body: [UInt8]) { self.init(head: head, body: body) }
}

extension HTTPFields {
    fileprivate mutating func append(name: String, value: String) {
        unsafe Array(name.utf8).withUnsafeBytes { name in
            unsafe Array(value.utf8).withUnsafeBytes { value in unsafe append(name: name, value: value) }
        }
    }
}
