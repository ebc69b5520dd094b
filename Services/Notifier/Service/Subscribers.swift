// Who wants which notices, as of one version of the configuration. Made by NotifierProcessor when the version
// changes, so that a record costs one look-up.

import Configuration
import NotifierDomain

struct Subscribers {
    /// Nil before the first configuration.
    let version: Int64?
    let active: [String: Subscription]
    let bounds: DeliveryBounds
    private let byType: [NoticeType: [Subscription]]

    init() {
        version = nil
        active = [:]
        bounds = DeliveryBounds(subscriptions: 0)
        byType = [:]
    }

    init(_ configuration: Configuration) {
        version = configuration.version
        let subscriptions = configuration.subscriptions.filter(\.active)
        active = Dictionary(uniqueKeysWithValues: subscriptions.map { ($0.id, $0) })
        bounds = DeliveryBounds(subscriptions: subscriptions.count)
        var byType: [NoticeType: [Subscription]] = [:]
        for subscription in subscriptions {
            for type in Set(subscription.types) { byType[type, default: []].append(subscription) }
        }
        self.byType = byType
    }

    /// The active subscriptions to a type of notice; with `only`, that one if it is among them.
    func wanting(_ type: NoticeType, only: String?) -> [Subscription] {
        let all = byType[type] ?? []
        guard let only else { return all }
        return all.filter { $0.id == only }
    }
}
