// The HTTP clients of a run: what they send, when they send it again, and what they have seen. They know only
// what a client can know. The run carries their requests to a door; see Run+Doors.
//
//   sent ──(2xx, or a refusal that would come again)──> done
//        ──(409, 5xx, cut, hung up)──> sent again with the same key, a few times ──> given up, or done

import EventLog
import HTTPGate
import Primitives
import SimulatedLog

/// Belongs to the run's thread.
final class Clients {
    /// Longer than any server waits; then a client hangs up for good reason.
    private static let patience: ClosedRange<Int64> = 45_000...60_000
    /// Between two attempts, in milliseconds.
    private static let pause: ClosedRange<Int64> = 100...3_000
    private static let attempts = 5
    /// After all faults everything recovers within two session time-outs and a restore; a client who insists
    /// asks for longer than that.
    private static let insistentAttempts = 50
    private static let insistentPause: ClosedRange<Int64> = 2_000...4_000

    private struct Intent {
        var request: ClientRequest
        var attemptsLeft: Int
        var isInsisting = false
        /// Answered for good, or given up.
        var isDone = false
    }

    /// What a client and a door have of a request that goes on.
    private struct Open {
        var caller: Caller?
        weak var machine: Machine?
        var clockSettings = 0
    }

    private let agenda: Agenda
    private let saboteur: Saboteur
    private let clock: SimulatedClock
    private var requests: ClientRequests
    private var intents: [Intent] = []
    private var intentOfExchange: [Int] = []
    private(set) var exchanges: [HTTPExchange] = []
    /// By the number of the exchange.
    private var open: [Int: Open] = [:]
    private(set) var digest = Digest()
    /// How many new requests a turn brings at most.
    private let busyness: UInt64

    init(seed: UInt64, agenda: Agenda, saboteur: Saboteur, clock: SimulatedClock) {
        self.agenda = agenda
        self.saboteur = saboteur
        self.clock = clock
        requests = ClientRequests(seed: seed)
        busyness = requests.below(4) + 1
    }

    // MARK: Sending

    /// New requests, or none.
    func turn() {
        for _ in 0..<requests.below(busyness + 1) { begin(requests.next(at: clock.now())) }
        agenda.add(.turn, after: 300...3_000)
    }

    private func begin(_ request: ClientRequest, after delay: ClosedRange<Int64> = 0...300, isInsisting: Bool = false) {
        let attempts = isInsisting ? Self.insistentAttempts : Self.attempts
        intents.append(Intent(request: request, attemptsLeft: attempts, isInsisting: isInsisting))
        agenda.add(.send(intent: intents.count - 1), after: delay)
    }

    func send(_ number: Int) {
        guard !intents[number].isDone, intents[number].attemptsLeft > 0 else { return }
        intents[number].attemptsLeft -= 1
        let intent = intents[number]
        let exchange = exchanges.count
        // A trace of its own, which everything bears that this attempt causes.
        let trace = UInt128(1) << 127 | UInt128(exchange + 1) << 64 | UInt128(number + 1)
        exchanges.append(
            HTTPExchange(
                intent.request.subject, method: intent.request.method, target: intent.request.target,
                body: intent.request.body ?? [], wait: intent.request.wait, trace: trace,
                isInsisting: intent.isInsisting, start: clock.now()))
        intentOfExchange.append(number)
        open[exchange] = Open()
        agenda.add(.request(exchange: exchange), after: Caller.travel)
        let name = "\(intent.request.method) \(intent.request.target)"
        if saboteur.strikes(.clientGivesUp, name) {
            if saboteur.within(0...1) == 0 { intents[number].isDone = true }
            agenda.add(.hangUp(exchange: exchange), after: 0...4_000)
        } else {
            agenda.add(.hangUp(exchange: exchange), after: Self.patience)
        }
        if saboteur.strikes(.duplicateRequest, name) {
            // Often at once, as proxies do.
            agenda.add(.send(intent: number), after: saboteur.within(0...1) == 0 ? 0...15 : 0...2_000)
        }
    }

    /// The request of an exchange, with its own trace.
    func request(of exchange: Int) -> ClientRequest {
        var request = intents[intentOfExchange[exchange]].request
        request.fields.append(("traceparent", traceparent(exchanges[exchange].trace)))
        return request
    }

    private func traceparent(_ trace: UInt128) -> String {
        let digits = String(decoding: hexDigits(trace), as: UTF8.self)
        return "00-\(digits)-\(digits.suffix(16))-01"
    }

    /// It has reached a process.
    func reached(_ machine: Machine, _ exchange: Int, _ caller: Caller) {
        guard open[exchange] != nil else { return }
        open[exchange] = Open(caller: caller, machine: machine, clockSettings: machine.clock.settings)
    }

    /// Nobody listens.
    func refused(_ exchange: Int) { agenda.add(.answer(exchange: exchange, nil), after: Caller.travel) }

    func picks(of count: Int) -> Int { Int(requests.below(UInt64(count))) }

    // MARK: What becomes of it

    func hangUp(_ exchange: Int) {
        guard open[exchange] != nil else { return }
        end(exchange, .hungUp, nil)
        retry(intentOfExchange[exchange])
    }

    func take(_ response: HTTPResponse?, for exchange: Int) {
        guard open[exchange] != nil else { return }
        end(exchange, response == nil ? .cut : .answered, response)
        let number = intentOfExchange[exchange]
        switch response?.status {
        case nil, 409, 500, 503, 504: retry(number)
        case 202 where intents[number].isInsisting: retry(number)
        default:
            intents[number].isDone = true
            if !intents[number].isInsisting { lookAfter(exchange) }
        }
    }

    private func end(_ number: Int, _ ending: HTTPExchange.End, _ response: HTTPResponse?) {
        guard let former = open.removeValue(forKey: number) else { return }
        let isSet = former.machine.map { $0.clock.settings != former.clockSettings } ?? false
        if let since = former.machine?.frozenSince { count(since, asStillFor: number) }
        exchanges[number].end = clock.now()
        exchanges[number].ending = ending
        exchanges[number].isClockSet = isSet
        exchanges[number].status = response?.status
        exchanges[number].isReplayed = response?.headers.contains { $0.0 == "Idempotent-Replayed" } ?? false
        exchanges[number].answer = response?.body ?? []
        digest.mix("\(number) \(response?.status ?? 0) \(clock.now().milliseconds)".utf8)
        digest.mix(response?.body ?? [])
    }

    private func retry(_ number: Int) {
        guard !intents[number].isDone else { return }
        let pause = intents[number].isInsisting ? Self.insistentPause : Self.pause
        if intents[number].attemptsLeft > 0 { agenda.add(.send(intent: number), after: pause) }
    }

    /// Who was told something often looks at what it has changed, or asks what became of it.
    private func lookAfter(_ exchange: Int) {
        let (done, status) = (exchanges[exchange], exchanges[exchange].status ?? 0)
        guard let event = done.subject.event, (200...299).contains(status) else { return }
        if requests.chance(50), let customer = done.subject.externalID { begin(requests.balance(of: customer)) }
        if requests.chance(30) { begin(requests.outcome(of: event), after: 0...5_000) }
    }

    // MARK: The end of a run

    /// After all faults most clients ask again for what they do not know the outcome of, until they know it.
    func insist() {
        var isKnown: [EventID: Bool] = [:]
        var order: [(event: EventID, intent: Int)] = []
        for (number, exchange) in exchanges.enumerated() {
            guard let event = exchange.subject.event else { continue }
            if isKnown[event] == nil { order.append((event, intentOfExchange[number])) }
            let status = exchange.status ?? 0
            isKnown[event] = isKnown[event] ?? false || status == 200 || (400...499).contains(status) && status != 409
        }
        for (event, intent) in order where !(isKnown[event] ?? false) {
            guard requests.chance(75) else { continue }
            var request = intents[intent].request
            request.ask(toWait: 5)
            begin(request, after: 0...5_000, isInsisting: true)
        }
    }

    /// No request is on its way, and none will be sent again.
    var isIdle: Bool { open.isEmpty && !agenda.hasNews }

    /// For a report on what a run waits for.
    var waiting: [String] { exchanges.filter { $0.end == nil }.map { "\($0.method) \($0.target) waits" } }

    // MARK: Machines

    /// The connections of a process break with it.
    func lost(_ machine: Machine) {
        for number in open.keys.sorted() where open[number]?.machine === machine { refused(number) }
    }

    /// A machine, or if none is named all of them, did nothing until now.
    func stoodStill(_ machine: Machine?, since: Timestamp) {
        for number in open.keys.sorted() where machine == nil || open[number]?.machine === machine {
            count(since, asStillFor: number)
        }
    }

    private func count(_ since: Timestamp, asStillFor number: Int) {
        let from = max(since, exchanges[number].start)
        exchanges[number].stoodStillMilliseconds += clock.now().milliseconds - from.milliseconds
    }

    func caller(of exchange: Int) -> Caller? { open[exchange]?.caller }
    func machine(of exchange: Int) -> Machine? { open[exchange]?.machine }
}

/// A running digest (FNV-1a, 64 bits).
struct Digest {
    private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func mix(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }
}
