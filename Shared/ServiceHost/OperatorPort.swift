// The small HTTP port of every service, for operators and their tools: is it alive, is it ready and
// if not what does it wait for, and its figures. It changes nothing and knows no secrets.

import HTTPGate
import JSONText
import Primitives
import StreamRuntime
import Telemetry

/// Serves `/healthz`, `/readyz` and `/metrics`.
struct OperatorPort {
    /// A worker that completed no step for so long, in milliseconds, hangs: longer than any call it
    /// makes may take.
    static let stuckAfter: Int64 = 60_000

    let workers: [WorkerStatus]
    let attachments: AttachmentBoard
    let registry: MetricsRegistry
    let clock: any WallClock

    func serve(port: UInt16) throws(HTTPGateFailure) -> HTTPServer {
        try HTTPServer(port: port) { request, responder in
            responder.respond(answer(request))
        }
    }

    private func answer(_ request: HTTPRequest) -> HTTPResponse {
        guard request.method == "GET" || request.method == "HEAD" else {
            return HTTPResponse(status: 405, headers: [("Allow", "GET, HEAD")], body: [])
        }
        switch request.path {
        case "/healthz": return .json(health(), status: isStuck || hasGivenUp ? 503 : 200)
        case "/readyz": return .json(readiness(), status: waitingFor.isEmpty ? 200 : 503)
        case "/metrics":
            return HTTPResponse(
                status: 200, headers: [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")],
                body: registry.render())
        default: return .text("try /healthz, /readyz or /metrics\n", status: 404)
        }
    }

    /// Whether a worker that has not given up completes no steps any more.
    var isStuck: Bool {
        let oldest = clock.now().adding(milliseconds: -Self.stuckAfter)
        return workers.contains { status in
            let seen = status.snapshot
            return seen.stopped == nil && seen.lastStep != .zero && seen.lastStep <= oldest
        }
    }

    private var hasGivenUp: Bool { workers.contains { $0.snapshot.stopped != nil } }

    private var waitingFor: [String] {
        workers.flatMap { status in
            let seen = status.snapshot
            return seen.stopped.map { ["stopped: \($0)"] } ?? seen.waitingFor
        } + attachments.waitingFor
    }

    private func health() -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.field("status", hasGivenUp ? "stopped" : isStuck ? "stuck" : "alive")
        writer.endObject()
        return writer.bytes
    }

    private func readiness() -> [UInt8] {
        let waiting = waitingFor
        var writer = JSONWriter()
        writer.beginObject()
        writer.field("status", hasGivenUp ? "stopped" : waiting.isEmpty ? "ready" : "waiting")
        writer.array("waitingFor") { items in
            for reason in waiting { items.string(reason) }
        }
        writer.array("partitions") { items in
            for number in workers.flatMap({ $0.snapshot.runningPartitions }).sorted() { items.integer(Int64(number)) }
        }
        writer.endObject()
        return writer.bytes
    }
}
