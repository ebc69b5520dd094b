// The topics of the platform: their numbers inside a process, their names, and how they are kept.
// The names are the public contract (asyncapi.yaml); the numbers never leave a process. Used by
// topologies, the operator's command and tests.

import EventLog

extension TopicID {
    public static let ingress = TopicID(0)
    public static let intake = TopicID(1)
    public static let customerEvents = TopicID(2)
    public static let walletCommands = TopicID(3)
    public static let walletTransactions = TopicID(4)
    public static let awards = TopicID(5)
    public static let spends = TopicID(6)
    public static let rewardRequests = TopicID(7)
    public static let rewardsIssued = TopicID(8)
    public static let evaluations = TopicID(9)
    public static let notices = TopicID(10)
    public static let replies = TopicID(11)
    public static let config = TopicID(12)

    /// Rows of a service's stores.
    public static func changelog(of service: ServiceName) -> TopicID { TopicID(13 + service.index * 2) }
    /// Records that a service could not process, as they were received.
    public static func deadLetters(of service: ServiceName) -> TopicID { TopicID(14 + service.index * 2) }
}

/// The five services.
public enum ServiceName: String, Sendable, CaseIterable {
    case ingressGateway = "ingress-gateway"
    case ruleEvaluator = "rule-evaluator"
    case walletLedger = "wallet-ledger"
    case rewardsIssuer = "rewards-issuer"
    case notifier = "notifier"

    fileprivate var index: Int {
        switch self {
        case .ingressGateway: 0
        case .ruleEvaluator: 1
        case .walletLedger: 2
        case .rewardsIssuer: 3
        case .notifier: 4
        }
    }
}

/// How a topic is kept.
public enum Retention: Sendable, Equatable {
    /// Records that were read are of no more use after days.
    case short(milliseconds: Int64)
    /// History that people and downstream systems come back to.
    case long
    /// The newest record of each key.
    case compact
}

/// A topic as the operator's command creates it.
public struct TopicDefinition: Sendable {
    public let topic: TopicID
    /// The name between prefix and version.
    public let noun: String
    public let retention: Retention
    /// False for `config`, which has one partition; all others have the platform's partition count.
    public let isPartitioned: Bool
}

extension TopicDefinition {
    private static let day: Int64 = 86_400_000

    /// All topics, ordered by number.
    public static let all: [TopicDefinition] = {
        let week = Retention.short(milliseconds: 7 * day)
        let hour = Retention.short(milliseconds: day / 24)
        var list: [(String, Retention)] = [
            ("ingress", week), ("intake", week), ("customer-events", week), ("wallet-commands", week),
            ("wallet-transactions", .long), ("awards", .long), ("spends", .long), ("reward-requests", week),
            ("rewards-issued", .long), ("evaluations", .long), ("notices", week), ("replies", hour),
            // Not compacted: a decision can be computed again only with the version it was made under.
            ("config", .long),
        ]
        for service in ServiceName.allCases {
            list.append(("\(service.rawValue)-changelog", .compact))
            list.append(("\(service.rawValue)-dead-letters", .long))
        }
        return list.enumerated().map { number, entry in
            TopicDefinition(
                topic: TopicID(number), noun: entry.0, retention: entry.1,
                isPartitioned: entry.0 != "config")
        }
    }()
}

extension TopicCatalog {
    /// The platform's topics as `<prefix>.<noun>.v1`.
    public static func pointstream(prefix: String = "pointstream") -> TopicCatalog {
        TopicCatalog(names: TopicDefinition.all.map { "\(prefix).\($0.noun).v1" })
    }
}
