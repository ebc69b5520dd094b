// What can go wrong when a server starts. Read by Main, which reports it and ends the process: a port that is
// taken or an address that does not exist does not heal by waiting. Nothing that a client sends ever becomes
// a failure.

/// A server could not be started; the process should stop with this message.
public struct HTTPGateFailure: Error, Sendable, CustomStringConvertible {
    public enum Operation: String, Sendable {
        /// The address is not a numeric IPv4 or IPv6 address.
        case readAddress = "read the address"
        /// The port is taken, or not ours to take.
        case listen
    }

    public let operation: Operation
    /// The system's `errno`, or 0 if it gave none.
    public let code: Int32
    /// The address and port that were asked for.
    public let subject: String

    public var description: String { "cannot \(operation.rawValue) for HTTP on \(subject) (errno \(code))" }
}
