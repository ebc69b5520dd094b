// The configuration log as the model reads it: what was in force at each version, with the model's own reading
// of the documents. Read from what was submitted; that the topic has it is checked with all inputs. It knows the
// kinds of documents that the workload writes; a document with a field that it does not know counts as refused, as it
// does with the services.

import EventLog
import JSONText
import Messages
import Primitives

struct ModelSource {
    var version: Int64
    var isActive = true
    var opensWallets = false
    var windowMilliseconds: Int64 = 7 * Timestamp.millisecondsPerDay
    var toleranceMilliseconds: Int64 = 5 * 60_000
    /// The mapping's document; nil for canonical JSON alone.
    var mapping: JSONValue?
}

struct ModelReward {
    let version: Int64
    let isActive: Bool
    let points: Int64
    let holdMilliseconds: Int64
    let minimumAfter: Int64
}

struct ModelSubscription {
    let isActive: Bool
    let url: String
    /// The present secret and the former one, as in the document.
    let secrets: [String]
    let types: [String]
    let maximumAttempts: Int
}

/// All that was in force at one version.
struct ModelSnapshot {
    /// The offset behind the last document.
    var version: Int64 = 0
    /// When that document was written.
    var since = Timestamp.zero
    var programme = "pointstream"
    var minimumAfterSpend: Int64 = 0
    var sources: [String: ModelSource] = [:]
    var offers: [String: ModelOffer] = [:]
    var rewards: [String: ModelReward] = [:]
    var subscriptions: [String: ModelSubscription] = [:]

    /// The highest priority first, then by id.
    var offersInOrder: [ModelOffer] {
        offers.values.sorted { ($1.priority, $0.id) < ($0.priority, $1.id) }
    }
}

struct ModelConfiguration {
    /// From the version that was complete before the first service began.
    private(set) var snapshots: [ModelSnapshot] = []

    init(_ submitted: [Submitted]) {
        var current = ModelSnapshot()
        var hasBegun = false
        for item in submitted {
            guard case .document(let kind, let id, let json) = item.submission else {
                if !hasBegun { snapshots.append(current) }
                hasBegun = true
                continue
            }
            current.version = item.offset.number + 1
            current.since = item.time
            current.apply(kind, id, json, version: item.offset.number)
            if hasBegun { snapshots.append(current) }
        }
        if !hasBegun { snapshots.append(current) }
    }

    func snapshot(version: Int64) -> ModelSnapshot? { snapshots.first { $0.version == version } }

    /// The programme's name is never changed: every wallet's id hangs on it.
    var programme: String { snapshots.first?.programme ?? "" }

    /// The states that a source's document has been in; nil where there was none.
    func states(ofSource name: String) -> [ModelSource?] {
        var states: [ModelSource?] = []
        for snapshot in snapshots {
            let source = snapshot.sources[name]
            if states.isEmpty || states.last??.version != source?.version { states.append(source) }
        }
        return states
    }

    /// Those that a decision may have used that was visible at `time`.
    func possible(by time: Timestamp) -> [ModelSnapshot] {
        let known = snapshots.prefix { $0.since <= time }
        return known.isEmpty ? Array(snapshots.prefix(1)) : Array(known)
    }

    /// From what was in force at `time` up to the end.
    func since(_ time: Timestamp) -> [ModelSnapshot] {
        let former = snapshots.last { $0.since <= time }.map { [$0] } ?? Array(snapshots.prefix(1))
        return former + snapshots.filter { $0.since > time && $0.version > (former.first?.version ?? 0) }
    }
}

// MARK: Documents

extension ModelSnapshot {
    fileprivate mutating func apply(_ kind: String, _ id: String, _ json: String?, version: Int64) {
        // The newest record of a key counts, whatever it is: compaction keeps no other.
        switch kind {
        case "source": sources[id] = nil
        case "offer": offers[id] = nil
        case "reward": rewards[id] = nil
        case "subscription": subscriptions[id] = nil
        case "programme": (programme, minimumAfterSpend) = ("pointstream", 0)
        default: break
        }
        guard let json, let document = parsed(Array(json.utf8)), document["kind"]?.isText(kind) ?? false,
            document["id"]?.isText(id) ?? false
        else { return }
        switch kind {
        case "programme":
            guard document.hasOnly(["name", "minimumBalanceAfterSpend"]) else { return }
            programme = document["name"]?.string() ?? "pointstream"
            minimumAfterSpend = document["minimumBalanceAfterSpend"]?.int64 ?? 0
        case "source": if let source = ModelSource(document, version) { sources[id] = source }
        case "offer": if let offer = ModelOffer(document, id, version) { offers[id] = offer }
        case "reward": if let reward = ModelReward(document, version) { rewards[id] = reward }
        case "subscription":
            if let subscription = ModelSubscription(document) { subscriptions[id] = subscription }
        default: break
        }
    }
}

/// The document's root; nil if it is none.
func parsed(_ bytes: [UInt8]) -> JSONValue? {
    do throws(JSONError) {
        return try JSONDocument(parsing: bytes).root
    } catch {
        return nil
    }
}

extension JSONValue {
    /// Whether a document has no other fields, beside kind and id.
    func hasOnly(_ names: Set<String>) -> Bool {
        members.allSatisfy { names.contains($0.key) || $0.key == "kind" || $0.key == "id" }
    }

    /// A list of texts; nil without one.
    func texts(_ name: String) -> [String]? { self[name]?.items.compactMap { $0.string() } }
}

extension ModelSource {
    fileprivate init?(_ document: JSONValue, _ version: Int64) {
        self.version = version
        guard document.hasOnly(["active", "openWallets", "repeatWindowDays", "futureToleranceMinutes", "mapping"])
        else { return nil }
        isActive = document["active"]?.bool ?? true
        opensWallets = document["openWallets"]?.bool ?? false
        windowMilliseconds = (document["repeatWindowDays"]?.int64 ?? 7) * Timestamp.millisecondsPerDay
        toleranceMilliseconds = (document["futureToleranceMinutes"]?.int64 ?? 5) * 60_000
        mapping = document["mapping"]
    }
}

extension ModelReward {
    fileprivate init?(_ document: JSONValue, _ version: Int64) {
        guard
            document.hasOnly(["name", "active", "paymentMode", "points", "holdMinutes", "minimumBalanceAfter"]),
            document["name"] != nil, document["paymentMode"]?.isText("POINTS") ?? false,
            let points = document["points"]?.int64, points > 0
        else { return nil }
        self.version = version
        self.points = points
        isActive = document["active"]?.bool ?? true
        holdMilliseconds = (document["holdMinutes"]?.int64 ?? 15) * 60_000
        minimumAfter = document["minimumBalanceAfter"]?.int64 ?? 0
    }
}

extension ModelSubscription {
    fileprivate init?(_ document: JSONValue) {
        guard let url = document["url"]?.string(), let secret = document["secret"]?.string(),
            let types = document.texts("types")
        else { return nil }
        self.url = url
        self.types = types
        isActive = document["active"]?.bool ?? true
        secrets = [secret] + (document["formerSecret"]?.string().map { [$0] } ?? [])
        maximumAttempts = Int(document["maximumAttempts"]?.int64 ?? 10)
    }
}
