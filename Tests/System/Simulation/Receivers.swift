// The subscribers' servers and the way to them. The notifiers of a run post here; what a server has received
// is evidence, whether or not its answer arrives.

import NotifierDomain
import NotifierService
import Primitives
import SimulatedLog
import Synchronization

final class Receivers: Sendable {
    private struct Answer {
        let due: Timestamp
        let result: AttemptResult
        let mailbox: AttemptMailbox
    }

    private struct State {
        var received: [WebhookAttempt] = []
        var answers: [Answer] = []
    }

    private let saboteur: Saboteur
    private let clock: SimulatedClock
    private let state = Mutex(State())

    init(_ saboteur: Saboteur, clock: SimulatedClock) {
        self.saboteur = saboteur
        self.clock = clock
    }

    var received: [WebhookAttempt] { state.withLock { $0.received } }

    fileprivate func take(
        _ attempt: NotifierService.WebhookAttempt, signedAt now: Timestamp, for mailbox: AttemptMailbox
    ) {
        let outcome = outcome()
        let answer = Answer(
            due: clock.now().adding(milliseconds: saboteur.within(1...300)),
            result: AttemptResult(number: attempt.number, outcome: outcome.told), mailbox: mailbox)
        state.withLock { state in
            state.answers.append(answer)
            state.received.append(
                WebhookAttempt(
                    time: clock.now(), url: attempt.url.description, headers: attempt.headers(at: now),
                    body: attempt.body, status: outcome.status))
        }
    }

    private func outcome() -> (status: Int?, told: AttemptOutcome) {
        if saboteur.strikes(.webhookLost, "") { return (nil, .failed(.connectionFailed)) }
        if saboteur.strikes(.webhookAnswerLost, "") { return (nil, .failed(.timeout)) }
        let status = saboteur.strikes(.webhookRefused, "") ? 503 : 200
        return (status, .answered(status: status, retryAfterSeconds: nil))
    }

    /// Lets the answers arrive whose time has come.
    func deliver() {
        let now = clock.now()
        let arrived = state.withLock { state in
            let due = state.answers.filter { $0.due <= now }
            state.answers.removeAll { $0.due <= now }
            return due
        }
        for answer in arrived { answer.mailbox.post(answer.result) }
    }

    var isIdle: Bool { state.withLock { $0.answers.isEmpty } }
}

/// The sender of one process.
struct SimulatedSender: WebhookSender {
    let receivers: Receivers
    let process: SimulatedProcess
    let clock: MachineClock

    func send(_ attempts: [NotifierService.WebhookAttempt], results: AttemptMailbox) {
        guard !process.isDead else { return }
        for attempt in attempts { receivers.take(attempt, signedAt: clock.now(), for: results) }
    }
}
