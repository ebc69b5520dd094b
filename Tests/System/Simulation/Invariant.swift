// What a run is held against, by name, and where each of the invariants of RELIABILITY 2.5 is checked. The
// names are counted over runs: keep them.
//
// | 2.5 | checked as | by |
// |---|---|---|
// | 1, 2 | booksBalance | ModelBooks over wallet-transactions, and over the ledger's accounts at the end |
// | 3 | balanceNotNegative | ModelBooks, in every published balance |
// | 4 | oneOutcome, doubled | ModelEvaluator; each id once on every topic: ModelDuplicates |
// | 5 | repeatAnswered, conflictHarmless | ModelGateway, ModelReplies: the first time's bytes |
// | 6 | oneOutcome | ModelGateway, ModelEvaluator, ModelLedger, ModelIssuer: one for each accepted input |
// | 7 | sequence, inputOrder | ModelBooks; each stage against its input's order |
// | 8 | storeEqualsFold | ModelStores: the rows that follow from the topics |
// | 9 | by the run | stores are thrown away and rebuilt there |
// | 10 | by the run | positions are compared there |
// | 11 | atomicity | transactions, awards and spends; evaluations and commands; receipts and dead letters |
// | 12 | by the run, doubled | a fenced worker's records would be a second outcome |
// | 13 | holds | ModelLedger: ends once, in time, never more than was held; none is left open after its time |
// | 14 | lots | ModelLedger: order of spending, expiry, what remains adds up |
// | 15 | does not exist yet | there are no refunds |
// | 16 | awardRecomputed | ModelEvaluator, with the version that the evaluation names |
// | 17 | limitKept | ModelEvaluator, with what each wallet was awarded in the period |
// | 18 | inputKept, answerKept, refusalHarmless, answerTrue | by place; DoorCheck: what clients were told |
// | 19 | balanceReply, readYourWrites | ModelReplies: a balance names its sequence and is that of it; DoorCheck |
// | 20 | deadLetters | each stage: the original bytes and headers, for exactly those that nobody can process |
// | 21 | notices, noticeIdentity, noticeOrder, noticeSigned | ModelNotifier |
// | 22 | doubled, oneOutcome | ModelDuplicates, and every stage record by record |
// | 23 | keyForgotten | ModelGateway: by the times that the outcomes bear |
// | 24 | unfinished, holds, answeredInTime | what is missing once everything has settled; DoorCheck |
// | 25, 26 | by the run | a process that ends is seen there; bounds have tests of their own |

/// What has to hold for every run.
public enum Invariant: String, CaseIterable, Sendable {
    /// Postings of each asset sum to zero; balances are what was issued less what was redeemed and expired.
    case booksBalance = "books-balance"
    /// Held points are part of the balance, and the balance is not negative.
    case balanceNotNegative = "balance-not-negative"
    /// Numbers of a wallet's transactions begin with 1 and have no gap.
    case sequence
    /// Outcomes come in the order of their inputs.
    case inputOrder = "input-order"
    /// Each input has the outcome that it must have, and nothing has an outcome without an input.
    case oneOutcome = "one-outcome"
    /// An outcome says what the model says.
    case rightOutcome = "right-outcome"
    /// No id twice on a topic.
    case doubled
    /// What is written together is visible together.
    case atomicity
    /// The first of a key wins; a repeat changes nothing and is told the first outcome.
    case repeatAnswered = "repeat-answered"
    /// Another payload under a used key changes nothing and is refused.
    case conflictHarmless = "conflict-harmless"
    /// Keys are known for the published window, and older events are refused.
    case keyForgotten = "key-forgotten"
    /// What nobody can process, and nothing else, is kept as it was received.
    case deadLetters = "dead-letters"
    case awardRecomputed = "award-recomputed"
    case limitKept = "limit-kept"
    case holds
    case lots
    /// A question is answered with what was true at its place.
    case balanceReply = "balance-reply"
    /// Who waits is told the outcome, once.
    case replies
    /// Every outcome is told to every subscription that wants it.
    case notices
    /// All attempts of a notice have one id and the same bytes.
    case noticeIdentity = "notice-identity"
    /// A wallet's notices reach a subscription in their order.
    case noticeOrder = "notice-order"
    case noticeSigned = "notice-signed"
    /// A success that a client was told is in the log.
    case answerKept = "answer-kept"
    /// A refusal that a client was told had no effect.
    case refusalHarmless = "refusal-harmless"
    /// A client was told what the log says.
    case answerTrue = "answer-true"
    /// A read sees what anybody was told before it.
    case readYourWrites = "read-your-writes"
    /// No request waits for longer than its patience.
    case answeredInTime = "answered-in-time"
    /// What was written from outside lies where it was acknowledged.
    case inputKept = "input-kept"
    case storeEqualsFold = "store-equals-fold"
    /// Something is missing although everything has settled.
    case unfinished
    /// A record that no service should have written, or that nobody can read.
    case unreadable
}

/// What was found, bounded: a run that is wrong from its beginning has no end of violations.
final class Findings {
    private static let maximum = 100

    private(set) var violations: [Violation] = []

    func report(_ invariant: Invariant, _ detail: @autoclosure () -> String) {
        guard violations.count < Self.maximum else { return }
        violations.append(Violation(invariant.rawValue, detail()))
    }

    var count: Int { violations.count }
}
