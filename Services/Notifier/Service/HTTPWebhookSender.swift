// The real sender: posts attempts with the process's webhook client. Made by Main, shared by all workers. It
// signs each attempt when it begins, and begins none for a partition that was given up meanwhile.

import NotifierDomain
import Primitives
import Webhooks

public final class HTTPWebhookSender: WebhookSender {
    private let client: WebhookClient
    private let clock: any WallClock

    /// - Parameter authorities: a PEM file of certificate authorities to trust instead of the system's.
    public init(
        clock: any WallClock, limits: WebhookClientLimits = WebhookClientLimits(), authorities: String? = nil
    ) throws(WebhookClientFailure) {
        client = try WebhookClient(limits: limits, authorities: authorities)
        self.clock = clock
    }

    public func send(_ attempts: [WebhookAttempt], results: AttemptMailbox) {
        client.send(attempts.map { request($0, results) })
    }

    /// What is under way has no result any more; the store owes it still.
    public func stop() { client.stop() }

    private func request(_ attempt: WebhookAttempt, _ results: AttemptMailbox) -> WebhookRequest {
        WebhookRequest(
            endpoint: attempt.subscription, url: attempt.url,
            timeoutMilliseconds: attempt.timeoutMilliseconds,
            body: attempt.body,
            headers: { [clock] in attempt.headers(at: clock.now()) },
            isWanted: { !results.isClosed },
            completion: { result in
                results.post(AttemptResult(number: attempt.number, outcome: AttemptOutcome(result)))
            })
    }
}

extension AttemptOutcome {
    fileprivate init(_ result: WebhookResult) {
        switch result {
        case .answered(let status, let retryAfter):
            self = .answered(status: status, retryAfterSeconds: retryAfter)
        case .failed(let failure): self = .failed(AttemptFailure(failure))
        }
    }
}

extension AttemptFailure {
    fileprivate init(_ failure: WebhookFailure) {
        self =
            switch failure {
            case .nameNotFound: .nameNotFound
            case .forbiddenAddress: .forbiddenAddress
            case .connectionFailed: .connectionFailed
            case .tls: .tls
            case .timeout: .timeout
            case .connectionLost: .connectionLost
            case .malformedAnswer: .malformedAnswer
            }
    }
}
