// The bounds of an HTTP server, each with its reason. Read by the gate, set by whoever starts a server (tests
// shorten the times). A bound is never switched off: a server without one of them can be filled by one
// client.

/// What a server accepts. Times are in whole seconds, sizes in bytes.
public struct HTTPLimits: Sendable {
    /// The largest body: a batch of some thousand events; more goes through files. Beyond it: 413.
    public var bodyBytes = 1 << 20
    /// Request line and header fields together: four times what browsers and proxies send. Beyond it: 431.
    public var headerBytes = 16 << 10
    /// Header fields in one request, so that looking one up stays cheap. Beyond it: 431.
    public var headerCount = 100
    /// Name and value pairs in the query. Beyond it: 400.
    public var queryItems = 32
    /// Connections at once: half of the usual 1,024 descriptors, the rest is for Kafka and the stores.
    public var connections = 512
    /// Connections from one address: room for a proxy's pool, but no single address can take them all.
    public var connectionsPerAddress = 256
    /// Bodies held in memory at once, over all requests that are not answered yet. Beyond it: 503.
    public var bufferedBytes = 64 << 20
    /// What is read and thrown away after an early refusal, so that a client that is still sending sees the
    /// answer and not a reset. Beyond it the connection is closed.
    public var discardedBytes = 16 << 20
    /// Without a byte in either direction for this long, a connection is closed.
    public var idleSeconds = 10
    /// From the previous answer (or the start) to the end of the next request, and for taking an answer: a
    /// client that sends one byte every now and then is never idle, but it ends here.
    public var requestSeconds = 20
    /// A request that the service has not answered by then is answered 504: a lost responder cannot hold a
    /// connection.
    public var answerSeconds = 60
    /// How long ``HTTPServer/stop()`` waits for answers that are still due.
    public var stopSeconds = 5

    public init() {}
}
