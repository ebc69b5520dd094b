// Every SQL statement of the rewards issuer, each a property with the function that runs it. Called by the
// processor alone.

import Messages
import Primitives
import RewardsIssuerDomain
import StateStore

/// An issuance that is over.
struct DecidedIssuance {
    let wallet: WalletID
    let status: RewardIssue.Status
    /// As published.
    let body: [UInt8]
}

/// The issuances of one partition.
final class RewardsIssuerStore {
    /// Two for each row that comes: the table shrinks to its window however much it ever held.
    private static let forgottenAtOnce = 2

    private var selectOpen: Statement
    private var upsertOpen: Statement
    private var deleteOpen: Statement
    private var selectDecided: Statement
    private var insertDecided: Statement
    private var deleteDecidedBefore: Statement

    init(_ connection: Connection) throws(StoreFailure) {
        selectOpen = try connection.prepare(
            """
            SELECT wallet, external_id, reward, reward_version, payment_mode, points, state, requested_at,
                waiters, traceparent
            FROM open_issuance WHERE id = ?
            """)
        upsertOpen = try connection.prepare(
            """
            INSERT INTO open_issuance (id, wallet, external_id, reward, reward_version, payment_mode, points,
                state, requested_at, waiters, traceparent)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET state = excluded.state, waiters = excluded.waiters
            """)
        deleteOpen = try connection.prepare("DELETE FROM open_issuance WHERE id = ?")
        selectDecided = try connection.prepare(
            "SELECT wallet, status, body FROM decided_issuance WHERE id = ?")
        insertDecided = try connection.prepare(
            """
            INSERT INTO decided_issuance (id, wallet, status, decided_at, body) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (id) DO NOTHING
            """)
        deleteDecidedBefore = try connection.prepare(
            """
            DELETE FROM decided_issuance WHERE id IN
                (SELECT id FROM decided_issuance WHERE decided_at < ? ORDER BY decided_at LIMIT ?)
            """)
    }

    // MARK: Open issuances

    func open(_ id: EventID) throws(StoreFailure) -> Issuance? {
        selectOpen.bind(id)
        guard try selectOpen.next() else { return nil }
        defer { selectOpen.reset() }
        // The schema admits no other state.
        guard let state = IssuanceState(rawValue: selectOpen.text(6)) else { return nil }
        let issue = RewardIssue(
            issuance: id, wallet: WalletID(selectOpen.identifier(0)), externalID: selectOpen.text(1),
            reward: selectOpen.text(2), rewardVersion: selectOpen.integer(3), paymentMode: selectOpen.text(4),
            points: Points(selectOpen.integer(5)), status: .pending,
            requestedAt: Timestamp(milliseconds: selectOpen.integer(7)))
        return Issuance(
            issue: issue, state: state, waiters: WaiterBytes.decode(selectOpen.bytes(8)),
            traceparent: selectOpen.textOrNil(9))
    }

    /// Adds an open issuance, or replaces its state and its waiters.
    func put(_ issuance: Issuance) throws(StoreFailure) {
        let issue = issuance.issue
        upsertOpen.bind(issue.issuance)
        upsertOpen.bind(issue.wallet)
        upsertOpen.bind(issue.externalID)
        upsertOpen.bind(issue.reward)
        upsertOpen.bind(issue.rewardVersion)
        upsertOpen.bind(issue.paymentMode)
        upsertOpen.bind(issue.points.units)
        upsertOpen.bind(issuance.state.rawValue)
        upsertOpen.bind(issue.requestedAt.milliseconds)
        upsertOpen.bind(blob: WaiterBytes.encode(issuance.waiters))
        upsertOpen.bind(issuance.traceparent)
        try upsertOpen.run()
    }

    func removeOpen(_ id: EventID) throws(StoreFailure) {
        deleteOpen.bind(id)
        try deleteOpen.run()
    }

    // MARK: Decided issuances

    func decided(_ id: EventID) throws(StoreFailure) -> DecidedIssuance? {
        selectDecided.bind(id)
        guard try selectDecided.next() else { return nil }
        defer { selectDecided.reset() }
        guard let status = RewardIssue.Status(rawValue: selectDecided.text(1)) else { return nil }
        return DecidedIssuance(
            wallet: WalletID(selectDecided.identifier(0)), status: status, body: selectDecided.bytes(2))
    }

    /// Remembers what was decided, and forgets what is out of the window at that time.
    func remember(
        _ id: EventID, _ decided: DecidedIssuance, at time: Timestamp
    ) throws(StoreFailure) {
        insertDecided.bind(id)
        insertDecided.bind(decided.wallet)
        insertDecided.bind(decided.status.rawValue)
        insertDecided.bind(time.milliseconds)
        insertDecided.bind(blob: decided.body)
        try insertDecided.run()
        deleteDecidedBefore.bind(time.milliseconds - RequestWindow.rememberedMilliseconds)
        deleteDecidedBefore.bind(Self.forgottenAtOnce)
        try deleteDecidedBefore.run()
    }
}
