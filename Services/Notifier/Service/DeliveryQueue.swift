// One subscription's deliveries in one partition, as far as they are in memory: a window over the rows of
// `delivery`, in which each wallet has a lane of its own. Used by NotifierProcessor. What a batch brings is
// staged and becomes part of the window when the batch is committed; it never holds more than its bounds,
// however many rows wait in the store.

import Configuration
import NotifierDomain
import Primitives

/// A notice owed to a subscription.
struct Delivery: Sendable, Equatable {
    let position: Int64
    let notice: MessageID
    let wallet: WalletID
    let type: NoticeType
    let occurredAt: Timestamp
    /// Nil until it is needed: the row has it.
    var data: [UInt8]?
    var failedAttempts = 0
    /// Not earlier than this; zero before the first failure.
    var nextAttemptAt = Timestamp.zero
    /// Of the last attempt's answer, if there was one.
    var lastStatus: Int64?
}

/// How much of a subscription one partition holds in memory. Shared out, so that a thousand subscriptions
/// need no more memory than a few.
struct DeliveryBounds: Equatable {
    /// Deliveries known by position and wallet, about 200 bytes each. A receiver that fails for so many
    /// wallets at once is down, and the others of its notices wait in the store.
    let known: Int
    /// Attempts under way, with their data: at 3,500 notices a second over eight partitions, enough for the
    /// 290 ms that a round through a busy worker may take.
    let inFlight: Int

    init(subscriptions: Int) {
        known = min(max(65_536 / max(subscriptions, 1), 64), 4_096)
        inFlight = min(max(2_048 / max(subscriptions, 1), 4), 128)
    }
}

final class DeliveryQueue {
    /// A wallet's deliveries: the first is in flight, ready or waiting for its next attempt; the others wait
    /// for it.
    private struct Lane {
        var head: Delivery
        var isInFlight = false
        var rest: [Delivery] = []
    }

    let subscription: String
    var bounds: DeliveryBounds
    private var lanes: [WalletID: Lane] = [:]
    private var ready = FirstInFirstOut<WalletID>()
    private var waiting = DueHeap<WalletID>()
    private(set) var known = 0
    private(set) var inFlight = 0
    /// Deliveries that have their data in memory and are not in flight.
    private var holdingData = 0

    /// The highest position given to a row; positions of undone batches are not used again.
    private var lastPosition: Int64
    /// Rows up to here are in the window or gone.
    private var cursor: Int64 = 0
    /// There may be rows behind the cursor.
    private var isBehind: Bool

    private var staged: [Delivery] = []
    /// The staged ones were read from the store up to its last row.
    private var stagedEnd: Bool?

    init(_ subscription: String, bounds: DeliveryBounds, lastPosition: Int64) {
        self.subscription = subscription
        self.bounds = bounds
        self.lastPosition = lastPosition
        isBehind = lastPosition > 0
    }

    // MARK: Within a batch

    func takePosition() -> Int64 {
        lastPosition += 1
        return lastPosition
    }

    /// Stages a delivery whose row was just written, if the window reaches that far.
    func stage(_ delivery: Delivery) {
        if !isBehind, stagedEnd == nil, known + staged.count < bounds.known {
            staged.append(delivery)
        } else {
            stagedEnd = false
        }
    }

    /// What to read from the store now: rows behind a position, at most so many. Nil: nothing.
    var missing: (after: Int64, limit: Int)? {
        guard isBehind || stagedEnd == false else { return nil }
        let space = bounds.known - known - staged.count
        return space >= min(bounds.known / 2, bounds.inFlight)
            ? (staged.last?.position ?? cursor, space) : nil
    }

    /// Stages rows that were read as ``missing`` asked.
    func stage(read rows: [Delivery], limit: Int) {
        staged.append(contentsOf: rows)
        stagedEnd = rows.count < limit
    }

    func commit(now: Timestamp) {
        for delivery in staged { add(delivery, now) }
        cursor = staged.last?.position ?? cursor
        if let stagedEnd { isBehind = !stagedEnd }
        staged.removeAll(keepingCapacity: true)
        stagedEnd = nil
    }

    func undo() {
        staged.removeAll(keepingCapacity: true)
        stagedEnd = nil
        isBehind = true
    }

    // MARK: The window

    private func add(_ delivery: Delivery, _ now: Timestamp) {
        var delivery = delivery
        known += 1
        if delivery.data != nil, holdingData >= bounds.inFlight { delivery.data = nil }
        if delivery.data != nil { holdingData += 1 }
        if lanes[delivery.wallet] == nil {
            lanes[delivery.wallet] = Lane(head: delivery)
            line(up: delivery, now)
        } else {
            lanes[delivery.wallet]?.rest.append(delivery)
        }
    }

    private func line(up head: Delivery, _ now: Timestamp) {
        if head.nextAttemptAt > now {
            waiting.insert(head.wallet, due: head.nextAttemptAt)
        } else {
            ready.append(head.wallet)
        }
    }

    /// Makes those ready whose pause is over.
    func wake(_ now: Timestamp) {
        while let wallet = waiting.removeFirst(dueBy: now) { ready.append(wallet) }
    }

    /// When the next pause is over.
    var nextDue: Timestamp? { inFlight < bounds.inFlight ? waiting.firstDue : nil }

    /// Whether a look into the store would let something be sent or fill the window.
    var needsStore: Bool {
        if missing != nil { return true }
        guard inFlight < bounds.inFlight, let wallet = ready.first, let lane = lanes[wallet] else {
            return false
        }
        return lane.head.data == nil
    }

    /// Fills in the data of those that are sent next.
    func fillData<Failure: Error>(_ read: (Int64) throws(Failure) -> [UInt8]) throws(Failure) {
        for wallet in ready.prefix(bounds.inFlight) {
            guard let lane = lanes[wallet], lane.head.data == nil else { continue }
            lanes[wallet]?.head.data = try read(lane.head.position)
            holdingData += 1
        }
    }

    /// The next delivery to send, from now on in flight; nil if none may be sent or its data is not in
    /// memory.
    func takeNext() -> Delivery? {
        guard inFlight < bounds.inFlight, let wallet = ready.first, let head = lanes[wallet]?.head,
            head.data != nil
        else { return nil }
        ready.removeFirst()
        lanes[wallet]?.isInFlight = true
        holdingData -= 1
        inFlight += 1
        return head
    }

    /// The delivery of a wallet that is in flight.
    func inFlight(of wallet: WalletID) -> Delivery? {
        guard let lane = lanes[wallet], lane.isInFlight else { return nil }
        return lane.head
    }

    /// The delivery in flight has ended: the wallet's next one takes its place.
    func finish(_ wallet: WalletID, _ now: Timestamp) {
        guard var lane = lanes[wallet], lane.isInFlight else { return }
        inFlight -= 1
        known -= 1
        guard !lane.rest.isEmpty else {
            lanes[wallet] = nil
            return
        }
        lane.head = lane.rest.removeFirst()
        lane.isInFlight = false
        lanes[wallet] = lane
        line(up: lane.head, now)
    }

    /// The delivery in flight failed and is tried again later; until then its data is left to the store.
    func retry(_ wallet: WalletID, at due: Timestamp, status: Int?, _ now: Timestamp) {
        guard var lane = lanes[wallet], lane.isInFlight else { return }
        inFlight -= 1
        lane.isInFlight = false
        lane.head.data = nil
        lane.head.failedAttempts += 1
        lane.head.nextAttemptAt = due
        lane.head.lastStatus = status.map(Int64.init)
        lanes[wallet] = lane
        line(up: lane.head, now)
    }
}
