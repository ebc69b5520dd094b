// The states of an issuance and the moves between them, as data that tests go through cell by cell. Used by
// DecideIssuance; the store keeps the two open states and no others. Never decides what a move leads to.

/// Where an issuance stands.
///
///     requested ──> holding ──> committing ──> issued
///         │            │            │
///         └────────────┴────────────┴────────> refused
///
/// A request moves on in the step that receives it: to `holding`, or to `refused` if there is no such reward.
/// From then on the ledger's answers move it, each command of the saga having exactly one answer:
///
///     answer            holding       committing    issued         refused
///     holdOpened        committing    repeated      repeated       repeated
///     holdRefused       refused       contrary      contrary       repeated
///     holdCommitted     issued        issued        repeated       contrary
///     commitRefused     contrary      refused       contrary       repeated
///     holdExpired       refused       refused       contrary       repeated
///     holdVoided        refused       refused       contrary       repeated
///
/// Points that were taken are always answered by the reward, so a commit counts wherever the issuance is
/// open. There is no deadline of its own: only the ledger knows whether the points were taken, so its answer
/// is waited for.
public enum IssuanceState: String, Sendable, CaseIterable {
    /// Received; lasts no longer than the step that decides on it and is never stored.
    case requested
    /// The ledger was asked to hold the price.
    case holding
    /// The price is held and the reward is given; the ledger was asked to take the points.
    case committing
    case issued
    case refused

    /// What an answer of the ledger does to an issuance in this state.
    ///
    /// - Precondition: the state is not `requested`, which no answer can find.
    public func move(on answer: LedgerAnswer) -> Move {
        switch (self, answer) {
        case (.requested, _): preconditionFailure("nothing was asked of the ledger yet")
        case (.holding, .holdOpened): .to(.committing)
        case (.holding, .commitRefused): .contrary
        case (.committing, .holdOpened): .repeated
        case (.committing, .holdRefused): .contrary
        case (.holding, .holdCommitted), (.committing, .holdCommitted): .to(.issued)
        case (.holding, .holdRefused), (.committing, .commitRefused): .to(.refused)
        case (.holding, .holdExpired), (.committing, .holdExpired): .to(.refused)
        case (.holding, .holdVoided), (.committing, .holdVoided): .to(.refused)
        case (.issued, .holdOpened), (.issued, .holdCommitted): .repeated
        case (.issued, _): .contrary
        case (.refused, .holdCommitted): .contrary
        case (.refused, _): .repeated
        }
    }

    /// The effect of an answer.
    public enum Move: Sendable, Hashable {
        case to(IssuanceState)
        /// Nothing: what it tells is known, from the same record or from another one that told it first.
        case repeated
        /// Nothing: it denies what was decided. Worth an operator's look.
        case contrary
    }
}

/// What the ledger says about the hold of an issuance.
public enum LedgerAnswer: Sendable, Hashable {
    case holdOpened
    case holdRefused(reason: String)
    case holdCommitted
    case commitRefused(reason: String)
    case holdExpired
    case holdVoided

    /// Why an issuance ends if this answer refuses it; nil for those that carry it on.
    public var refusal: String? {
        switch self {
        case .holdOpened, .holdCommitted: nil
        case .holdRefused(let reason), .commitRefused(let reason): reason
        case .holdExpired: "hold-expired"
        case .holdVoided: "hold-voided"
        }
    }
}
