// Consumer groups with static membership and the eager protocol: members give everything up, rejoin, and get
// a new generation with a range assignment. Consumers call it when they poll; time removes members that fell
// silent. Offsets of a group live here too, because a transaction commits them under the group's generation.

import EventLog
import Primitives

/// An offset in a transaction whose markers are not written yet.
struct PendingOffset: Sendable {
    /// The transactional id: the group knows its producers only, and whatever ends one's transaction decides on all
    /// that it holds of it.
    let producer: String
    let slot: Slot
    let next: Offset
}

/// A group.
///
///     stable --member joins, leaves or times out--> preparing --all rejoined--> stable, generation + 1
///     stable --same static member returns with the same topics--> stable, same generation
///
/// Commits under the old generation are accepted until the new one begins.
struct Group: Sendable {
    struct Member: Sendable {
        let name: String
        /// Which of the consumers of that name it is: the newest.
        var incarnation: Int64
        var topics: [Int]
        var hasJoined = true
        /// When its heartbeats stopped; nil while it lives.
        var silentSince: Timestamp?
        var partitions: [PartitionIndex] = []
    }

    enum Phase: Sendable, Equatable {
        case stable
        case preparing(since: Timestamp)
    }

    private(set) var generation: Int64 = 0
    private(set) var phase = Phase.stable
    /// Sorted by name.
    var members: [Member] = []
    var committed: [Slot: Offset] = [:]
    var pending: [PendingOffset] = []

    func index(of name: String) -> Int? { members.firstIndex { $0.name == name } }

    func committedOffset(at slot: Slot) -> CommittedOffset {
        if pending.contains(where: { $0.slot == slot }) { return .unstable }
        return committed[slot].map(CommittedOffset.offset) ?? .none
    }

    mutating func settle(of producer: String, committed isCommitted: Bool) {
        for offset in pending where isCommitted && offset.producer == producer {
            committed[offset.slot] = offset.next
        }
        pending.removeAll { $0.producer == producer }
    }

    /// Adds a member, or replaces the one of that name; only a newcomer or new topics disturb the others.
    mutating func join(_ newcomer: Member, at now: Timestamp) {
        if let index = index(of: newcomer.name) {
            let returns = members[index].topics == newcomer.topics && phase == .stable
            let partitions = members[index].partitions
            members[index] = newcomer
            members[index].partitions = partitions
            if returns { return }
        } else {
            members.append(newcomer)
            members.sort { $0.name < $1.name }
        }
        if phase == .stable { startRebalance(at: now, joined: newcomer.name) }
    }

    mutating func remove(_ name: String, at now: Timestamp) {
        members.removeAll { $0.name == name }
        if phase == .stable { startRebalance(at: now, joined: nil) }
    }

    /// Asks all members to give up and rejoin, but for the one that is joining.
    mutating func startRebalance(at now: Timestamp, joined: String?) {
        phase = .preparing(since: now)
        for index in members.indices { members[index].hasJoined = members[index].name == joined }
    }

    /// Begins the next generation once everybody has rejoined.
    ///
    /// - Parameter partitionCount: of the topics of a member.
    mutating func finishRebalance(partitionCount: ([Int]) -> Int) -> Bool {
        guard phase != .stable, members.allSatisfy(\.hasJoined) else { return false }
        phase = .stable
        generation += 1
        let count = members.map { partitionCount($0.topics) }.max() ?? 0
        for index in members.indices {
            members[index].partitions = Self.range(of: index, among: members.count, over: count)
        }
        return true
    }

    /// Kafka's range assignment: as even as possible, contiguous, the first members get one more.
    static func range(of index: Int, among members: Int, over count: Int) -> [PartitionIndex] {
        let (share, rest) = count.quotientAndRemainder(dividingBy: members)
        let first = index * share + min(index, rest)
        let last = first + share + (index < rest ? 1 : 0)
        return (first..<last).map { PartitionIndex(Int32($0)) }
    }
}
