// A request to the public API and how it ended for the client who sent it: evidence for the checks. Filled by
// the clients of a run. What a door answers to a client who has hung up is not here: nobody has seen it.

import Primitives

/// What a request is about, as its client knows it.
public enum HTTPSubject: Sendable, Equatable {
    /// POST /v1/events.
    case purchase(EventID, externalID: String)
    /// POST /v1/reward-issues.
    case reward(EventID, externalID: String)
    /// POST /v1/wallets.
    case opening(externalID: String)
    case wallet(externalID: String)
    case balance(externalID: String)
    case transactions(externalID: String)
    /// GET /v1/events/{id}.
    case outcome(EventID)
    /// Something that the API must refuse by itself.
    case rubbish

    /// The event that the request wants to have accepted.
    public var event: EventID? {
        switch self {
        case .purchase(let event, _), .reward(let event, _): event
        default: nil
        }
    }

    public var externalID: String? {
        switch self {
        case .purchase(_, let id), .reward(_, let id): id
        case .opening(let id), .wallet(let id), .balance(let id), .transactions(let id): id
        case .outcome, .rubbish: nil
        }
    }
}

/// One attempt: a repeat of it is another exchange.
public struct HTTPExchange: Sendable, CustomStringConvertible {
    /// A longer wait is cut to this, as an installation would.
    static let longestWaitSeconds = 8
    /// What a door waits for without being asked to.
    static let patienceSeconds = 10
    /// What the server behind it waits for.
    static let serverPatienceSeconds = 25

    public enum End: Sendable {
        case answered
        /// The connection was refused, or broke without an answer.
        case cut
        /// The client did not wait for the answer.
        case hungUp
    }

    public let subject: HTTPSubject
    public let method: String
    public let target: String
    public let body: [UInt8]
    /// Of `Prefer: wait`, in seconds.
    public let wait: Int?
    /// The trace that the client began; every record that the request causes bears it.
    public let trace: UInt128
    /// Sent again and again after all faults until it was decided.
    public let isInsisting: Bool
    public let start: Timestamp

    /// Nil while it goes on.
    public var end: Timestamp?
    public var ending: End?
    /// Nil without an answer.
    public var status: Int?
    public var isReplayed = false
    public var answer: [UInt8] = []

    /// How long its machine stood still, or all time leapt, while it waited, in milliseconds.
    public var stoodStillMilliseconds: Int64 = 0
    /// Its machine's clock was set while it waited.
    public var isClockSet = false

    public init(
        _ subject: HTTPSubject, method: String, target: String, body: [UInt8] = [], wait: Int? = nil,
        trace: UInt128, isInsisting: Bool = false, start: Timestamp
    ) {
        self.subject = subject
        self.method = method
        self.target = target
        self.body = body
        self.wait = wait
        self.trace = trace
        self.isInsisting = isInsisting
        self.start = start
    }

    /// For reports.
    public var description: String {
        let asked = wait.map { ", wait=\($0)" } ?? ""
        let told = (status.map { "\($0)" } ?? ending.map { "\($0)" } ?? "waits") + (isReplayed ? " again" : "")
        let passed = end.map { " after \($0.milliseconds - start.milliseconds) ms" } ?? ""
        let still = stoodStillMilliseconds > 0 ? ", \(stoodStillMilliseconds) of them still" : ""
        let name = String(decoding: hexDigits(trace), as: UTF8.self)
        return "\(method) \(target)\(asked) at \(start): \(told)\(passed)\(still) (trace \(name))"
    }
}
