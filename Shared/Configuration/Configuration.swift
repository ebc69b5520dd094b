// All documents in force at one position of the topic `config`. Made by ConfigurationBuilder, handed to
// workers and request handlers as a value, never changed: a decision uses one version from its beginning to
// its end.

/// The configuration as of one version.
public struct Configuration: Sendable, Equatable {
    /// Offset behind the last record that was applied.
    public let version: Int64
    /// By id, which is the source's name.
    public let sources: [String: Source]
    public let offersByID: [String: Offer]
    /// In the order in which they are considered: the highest priority first, then by id. Inactive ones
    /// included.
    public let offers: [Offer]
    public let rewardsByID: [String: Reward]
    /// Ordered by id.
    public let rewards: [Reward]
    public let subscriptionsByID: [String: Subscription]
    /// Ordered by id.
    public let subscriptions: [Subscription]
    /// By id, which is the value of `x-api-key`.
    public let apiKeys: [String: APIKey]
    public let programme: Programme

    /// - Parameter documents: of each kind and id, at most one.
    init(version: Int64, documents: [ConfigurationDocument]) {
        var (sources, apiKeys) = ([String: Source](), [String: APIKey]())
        var (offers, rewards, subscriptions) = ([Offer](), [Reward](), [Subscription]())
        var programme = Programme.standard
        for document in documents {
            switch document {
            case .source(let source): sources[source.id] = source
            case .offer(let offer): offers.append(offer)
            case .reward(let reward): rewards.append(reward)
            case .subscription(let subscription): subscriptions.append(subscription)
            case .apikey(let key): apiKeys[key.id] = key
            case .programme(let one): programme = one
            }
        }
        self.version = version
        self.sources = sources
        self.offers = offers.sorted(by: Offer.isBefore)
        offersByID = byID(offers, \.id)
        self.rewards = rewards.sorted { $0.id < $1.id }
        rewardsByID = byID(rewards, \.id)
        self.subscriptions = subscriptions.sorted { $0.id < $1.id }
        subscriptionsByID = byID(subscriptions, \.id)
        self.apiKeys = apiKeys
        self.programme = programme
    }

    /// Before any record: no documents, and the standard programme.
    public static let empty = Configuration(version: 0, documents: [])
}

private func byID<Document>(_ documents: [Document], _ id: (Document) -> String) -> [String: Document] {
    Dictionary(uniqueKeysWithValues: documents.map { (id($0), $0) })
}
