// A consumer's side of its group: which member it believes to be, and what each poll finds out about that.
// The commit of a producer presents it as group metadata, and is refused when the group has moved on.

import EventLog
import Primitives

struct Membership: Sendable {
    let group: String
    let member: String
    let topics: [String]
    /// Nil until it has joined, and again after the group removed it.
    var incarnation: Int64?
    /// Of the newest assignment; nil while there is none to commit under.
    var generation: Int64?
    /// The partitions it may work on; nil once they were revoked or lost.
    var partitions: [PartitionIndex]?

    init(group: String, member: String, topics: [String]) {
        self.group = group
        self.member = member
        self.topics = topics
    }

    var subject: String { "\(group)/\(member)" }
}

extension ClusterState {
    /// One poll's worth of the group protocol.
    mutating func follow(_ membership: inout Membership) throws(LogFailure) -> GroupChange? {
        let name = membership.group
        if let incarnation = membership.incarnation {
            guard let index = groups[name]?.index(of: membership.member) else {
                let hadPartitions = membership.partitions != nil
                forget(&membership)
                if hadPartitions { return .lost }
                return try follow(&membership)
            }
            guard groups[name]?.members[index].incarnation == incarnation else {
                throw .fencedMember("poll", membership)
            }
            groups[name]?.members[index].silentSince = nil
            if groups[name]?.phase != .stable, groups[name]?.members[index].hasJoined == false {
                if membership.partitions != nil {
                    membership.partitions = nil
                    trace.note("revoked \(membership.subject)")
                    return .revoked
                }
                // From here on it works under no generation, even if the old one is still the newest.
                membership.generation = nil
                groups[name]?.members[index].hasJoined = true
                finishRebalance(of: name)
            }
        } else {
            try join(&membership)
        }
        return takeAssignment(&membership)
    }

    /// The group has removed this member while it was away.
    private mutating func forget(_ membership: inout Membership) {
        membership.incarnation = nil
        membership.generation = nil
        membership.partitions = nil
        trace.note("lost \(membership.subject)")
    }

    private mutating func join(_ membership: inout Membership) throws(LogFailure) {
        let topics = try subscription(of: membership)
        let incarnation = freshNumber()
        membership.incarnation = incarnation
        groups[membership.group, default: Group()].join(
            Group.Member(name: membership.member, incarnation: incarnation, topics: topics), at: now)
        trace.note("join \(membership.subject) as \(incarnation)")
        finishRebalance(of: membership.group)
    }

    /// The numbers of the topics, which must exist and have equal partition counts.
    private func subscription(of membership: Membership) throws(LogFailure) -> [Int] {
        var numbers: [Int] = []
        for topic in membership.topics {
            numbers.append(try slot(topic, PartitionIndex(0)).topic)
        }
        guard Set(numbers.map { topics[$0].partitions.count }).count <= 1 else {
            throw LogFailure(
                operation: "poll", code: "INVALID_PARTITIONS",
                detail: "\(membership.subject): topics read together differ in partition count",
                consequence: .stop, cause: .partitionCount)
        }
        return numbers
    }

    private mutating func takeAssignment(_ membership: inout Membership) -> GroupChange? {
        guard let group = groups[membership.group], group.phase == .stable,
            membership.generation != group.generation, let index = group.index(of: membership.member)
        else { return nil }
        membership.generation = group.generation
        membership.partitions = group.members[index].partitions
        trace.note("assigned \(membership.subject) \(group.members[index].partitions) in \(group.generation)")
        return .assigned(group.members[index].partitions)
    }

    mutating func finishRebalance(of name: String) {
        let counts = topics.map(\.partitions.count)
        let isFinished = groups[name]?.finishRebalance { numbers in numbers.map { counts[$0] }.max() ?? 0 }
        if isFinished == true { trace.note("generation \(groups[name]?.generation ?? 0) of \(name)") }
    }

    mutating func remove(_ member: String, from group: String) {
        trace.note("remove \(group)/\(member)")
        groups[group]?.remove(member, at: now)
        finishRebalance(of: group)
    }

    /// Stops the member's heartbeats; it is removed when its session times out.
    ///
    /// - Parameter incarnation: if not nil, only this one; an old consumer must not silence its successor.
    mutating func silence(_ member: String, of group: String, incarnation: Int64?) {
        guard let index = groups[group]?.index(of: member),
            let found = groups[group]?.members[index], found.silentSince == nil,
            incarnation == nil || incarnation == found.incarnation
        else { return }
        groups[group]?.members[index].silentSince = now
        trace.note("silent \(group)/\(member)")
    }

    /// What the group coordinator checks before it takes offsets into a transaction.
    func check(_ membership: Membership) throws(LogFailure) {
        if settings.skipped.contains(.generation) { return }
        guard let group = groups[membership.group], let index = group.index(of: membership.member),
            let incarnation = membership.incarnation
        else { throw .staleMember("UNKNOWN_MEMBER_ID", membership) }
        guard group.members[index].incarnation == incarnation else {
            throw .staleMember("FENCED_INSTANCE_ID", membership)
        }
        guard group.generation == membership.generation else {
            throw .staleMember("ILLEGAL_GENERATION", membership)
        }
    }
}

extension LogFailure {
    /// A newer consumer has the same member name: this one can never read again.
    static func fencedMember(_ operation: String, _ membership: Membership) -> LogFailure {
        LogFailure(
            operation: operation, code: "FENCED_INSTANCE_ID", detail: membership.subject, consequence: .stop,
            cause: .memberTaken)
    }

    static func staleMember(_ code: String, _ membership: Membership) -> LogFailure {
        LogFailure(
            operation: "send offsets", code: code, detail: membership.subject, consequence: .dropPartitions)
    }
}
